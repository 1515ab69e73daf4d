"""Answers of one bundle: lists for listeners and for tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.arrays import Floats, Positions
from data.errors import NotAnalysedError, NotReadyError, ParameterError
from data.ids import MISSING
from data.interactions import Interactions
from data.store import Store
from data.tracks import Track
from ranker.candidates import CandidateList
from ranker.config import RerankSettings
from ranker.reasons import explain
from ranker.rerank import rerank
from recsys.bundle import ModelBundle

TYPICAL_DEPTH = 1000
"""Tracks that pages can be cut from beyond what listeners play."""


@dataclass(frozen=True)
class Recommendation:
    """One entry of a list.

    Parameters
    ----------
    track_id : str
        External id.
    score : float
        For listeners the ranker's score, for tracks a cosine; comparable within one list.
    sources : tuple of str
        Candidate sources that proposed the track, best rank first; none for what nobody's
        listening speaks for.
    reason : str
        Why it is here, in words.
    """

    track_id: str
    score: float
    sources: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class RecommendationList:
    """A list, best first.

    Parameters
    ----------
    items : tuple of Recommendation
        Each track once; fewer than asked for when no more exist.
    model_version : str
        Bundle that made it.
    fallback : bool
        True when nothing is known about the listener and the list is not personal.
    """

    items: tuple[Recommendation, ...]
    model_version: str
    fallback: bool = False


class Recommender:
    """Answers queries from one opened bundle and the live store.

    Histories are read from the store at each request, so that an event counts at once; what a
    listener's history means is computed exactly (`cf_model.fold_in`), not looked up.

    Parameters
    ----------
    bundle : ModelBundle
        The models.
    store : Store
        Where histories and tags are read.
    dials : RerankSettings
        How lists are re-ranked where a request does not say.
    """

    def __init__(
        self, bundle: ModelBundle, store: Store, dials: RerankSettings | None = None
    ) -> None:
        self._bundle = bundle
        self._hybrid = bundle.hybrid
        self._models = bundle.hybrid.models
        self._items = bundle.hybrid.models.catalogue.items
        self._store = store
        self.dials = dials or RerankSettings()

    @property
    def version(self) -> str:
        """Version of the bundle."""
        return self._bundle.version

    @property
    def bundle(self) -> ModelBundle:
        """The models that answer."""
        return self._bundle

    @property
    def encoder_dir(self) -> Path:
        """Folder of the encoder whose vectors the bundle holds.

        Raises
        ------
        NotReadyError
            If the bundle was trained without sound.
        """
        folder = self._bundle.encoder_dir
        if folder is None:
            raise _no_sound()
        return folder

    @property
    def encoder_id(self) -> str:
        """Id of that encoder.

        Raises
        ------
        NotReadyError
            If the bundle was trained without sound.
        """
        encoder_id = self._bundle.manifest.encoder_id
        if encoder_id is None:
            raise _no_sound()
        return encoder_id

    def recommend(
        self,
        user_id: str,
        n: int = 20,
        *,
        offset: int = 0,
        exclude_listened: bool = True,
        dials: RerankSettings | None = None,
    ) -> RecommendationList:
        """At most `n` tracks for `user_id`, never one that they refused.

        An unknown listener, or one without history, gets the tracks that most listeners play, then
        those that are typical of the library's sound.

        Parameters
        ----------
        offset : int
            Tracks of the list to leave out at its beginning, for the pages after the first.
        exclude_listened : bool
            Leave out what is in the history.
        dials : RerankSettings, optional
            Instead of `Recommender.dials`.

        Raises
        ------
        ParameterError
            If `n` is below 1 or `offset` below 0.
        """
        _check_n(n)
        if offset < 0:
            raise ParameterError(f"offset must be at least 0, got {offset}")
        dials = dials or self.dials
        log = self._store.user_log(user_id, self._items)
        history = Interactions.from_log(log).history(0)
        excluded = history.item_index if exclude_listened else history.disliked
        listener = self._models.listener(history, excluded)
        ranked = self._hybrid.rank(listener)
        items, score, n_ranked = ranked.item_index, ranked.score, len(ranked.item_index)
        why_typical = ""
        if not n_ranked or not len(history):  # what listeners play may be next to nothing
            typical, nearness, why_typical = self._typical(np.union1d(excluded, items))
            lowest = float(score[-1]) if n_ranked else 1.0
            items = np.concatenate([items, typical])
            score = np.concatenate([score, lowest - (1.0 - nearness)])
        shown = self._page(items, score, n, offset, dials)
        places = shown[shown < n_ranked]
        rows = ranked.rows[places]
        reasons = explain(
            self._models,
            listener,
            items[places],
            ranked.features[rows],
            self._hybrid.ranker.contributions(ranked.features[rows]),
            self._hybrid.ranker.feature_names,
        )
        names = self._names([track for reason in reasons for track in reason.tracks])
        explained = {
            int(place): (ranked.candidates.proposed_by(int(row)), reason.sentence(names))
            for place, row, reason in zip(places, rows, reasons, strict=True)
        }
        return RecommendationList(
            items=tuple(
                Recommendation(
                    self._items.external(int(items[place])),
                    float(score[place]),
                    *explained.get(int(place), ((), why_typical)),
                )
                for place in shown
            ),
            model_version=self.version,
            fallback=not len(history) or (not n_ranked and len(shown) > 0),
        )

    def _typical(self, besides: Positions) -> tuple[Positions, Floats, str]:
        """What to list where hardly anybody listens: positions, closeness up to 1, and the reason.

        The tracks nearest to the mean of the catalogue's sound; without sound the newest ones.
        """
        models = self._models
        if models.embeddings is not None and models.mean_embedding is not None:
            middle = models.mean_embedding / max(float(np.linalg.norm(models.mean_embedding)), 1e-9)
            closeness = (models.embeddings @ middle).astype(np.float32)
            reason = "typical of how this library sounds"
        else:
            added = {track.track_id: track.added_at for track in self._store.tracks()}
            # Places, since single precision would make tracks of one minute equally new.
            newest = sorted(self._items, key=lambda item: added.get(item) or 0.0)
            closeness = np.empty(len(newest), np.float32)
            closeness[self._items.indices(newest)] = np.arange(1, len(newest) + 1) / len(newest)
            reason = "among the newest tracks of this library"
        allowed = np.ones(len(self._items), np.bool_)
        allowed[besides] = False
        found = CandidateList.best(closeness, TYPICAL_DEPTH, allowed)
        return found.item_index, found.score, reason

    def _page(
        self, items: Positions, score: Floats, n: int, offset: int, dials: RerankSettings
    ) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Places in `items` of the page's entries, withdrawn tracks left out beforehand."""
        ids = self._items.externals(items)
        offered = self._store.offered(ids)
        there = np.flatnonzero([track_id in offered for track_id in ids])
        if not len(there):
            return there
        order = rerank(self._models, items[there], score[there], dials, offset + n)
        return there[order[offset : offset + n]]

    def similar(self, track_id: str, n: int = 20) -> RecommendationList:
        """At most `n` tracks like `track_id`, which is not among them.

        By sound; by shared listeners for a track without a vector.

        Raises
        ------
        UnknownTrackError
            If the track is not in the catalogue.
        NotAnalysedError
            If it was added after the bundle, or has neither a vector nor listeners.
        """
        _check_n(n)
        self._store.track(track_id)  # an unknown track is the caller's error
        seed = self._items.index(track_id)
        if seed == MISSING:
            raise NotAnalysedError(
                f"track {track_id!r} was added after the current model was trained: "
                "run `recsys embed` and `recsys train`"
            )
        models = self._models
        if models.embeddings is not None and not np.isnan(models.embeddings[seed, 0]):
            return self._similar_in_sound(models.embeddings[seed], n, exclude=seed)
        if models.collaborative is not None and models.collaborative.support[seed] > 0:
            return self._similar_in_taste(seed, n)
        raise NotAnalysedError(
            f"track {track_id!r} has neither an audio vector nor listeners: run `recsys embed`"
        )

    def similar_to_vector(self, vector: Floats, n: int = 20) -> RecommendationList:
        """At most `n` tracks that sound like `vector` [shape=(dimension,)].

        Raises
        ------
        NotReadyError
            If the bundle was trained without sound.
        ParameterError
            If the vector has another dimension.
        """
        _check_n(n)
        return self._similar_in_sound(vector, n)

    def _similar_in_sound(
        self, vector: Floats, n: int, exclude: int | None = None
    ) -> RecommendationList:
        index = self._models.index
        if index is None:
            raise _no_sound()
        if vector.shape != (index.dimension,):
            raise ParameterError(
                f"expected a vector of {index.dimension} numbers, got shape {vector.shape}: "
                "it comes from another encoder"
            )
        excluded = None if exclude is None else np.array([exclude], np.int32)
        found = self._fill(
            lambda k: _first_row(index.search(vector[None, :], k, exclude=excluded)), n
        )
        return self._as_list(found, "audio", "sounds alike")

    def _similar_in_taste(self, seed: int, n: int) -> RecommendationList:
        collaborative = self._models.collaborative
        if collaborative is None:
            raise NotReadyError("the current model knows no listeners: run `recsys train`")
        factors = collaborative.item_factors
        allowed = collaborative.support > 0
        allowed[seed] = False
        length = np.linalg.norm(factors, axis=1) * np.linalg.norm(factors[seed])
        cosine = (factors @ factors[seed]) / np.maximum(length, 1e-12)
        found = self._fill(lambda k: CandidateList.best(cosine, k, allowed), n)
        return self._as_list(found, "collaborative", "the same listeners play both")

    def _fill(self, search: Callable[[int], CandidateList], n: int) -> CandidateList:
        """Search deeper until `n` available tracks are found or there are no more."""
        k = n
        while True:
            found = search(k)
            available = self._available(found.item_index, n)
            if len(available) == n or len(found) < k:
                return CandidateList(found.item_index[available], found.score[available])
            k *= 2

    def _available(self, items: Positions, n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Places in `items` of the first `n` tracks that the catalogue still offers."""
        places: list[int] = []
        for start in range(0, len(items), 2 * n):
            block = items[start : start + 2 * n]
            offered = {track.track_id for track in self._store.tracks(self._items.externals(block))}
            places += [
                start + place
                for place, item in enumerate(block)
                if self._items.external(int(item)) in offered
            ]
            if len(places) >= n:
                break
        return np.array(places[:n], np.intp)

    def _names(self, positions: Sequence[int]) -> Callable[[int], Track]:
        """Track at each of `positions`, with its tags where the catalogue still has it."""
        ids = {position: self._items.external(position) for position in set(positions)}
        found = {track.track_id: track for track in self._store.tracks(list(ids.values()))}
        return lambda position: found.get(ids[position], Track(ids[position]))

    def _as_list(self, found: CandidateList, source: str, reason: str) -> RecommendationList:
        return RecommendationList(
            items=tuple(
                Recommendation(self._items.external(int(item)), float(score), (source,), reason)
                for item, score in zip(found.item_index, found.score, strict=True)
            ),
            model_version=self.version,
        )


def _first_row(found: tuple[Positions, Floats]) -> CandidateList:
    positions, cosine = found[0][0], found[1][0]
    return CandidateList(positions[positions >= 0], cosine[positions >= 0])


def _no_sound() -> NotReadyError:
    return NotReadyError(
        "the current model knows no sound: run `recsys embed`, then `recsys train`"
    )


def _check_n(n: int) -> None:
    if n < 1:
        raise ParameterError(f"n must be at least 1, got {n}")
