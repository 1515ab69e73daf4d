"""Answers of one bundle: lists for listeners and for tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.arrays import Floats
from data.errors import NotReadyError, ParameterError
from data.store import Store
from ranker.config import RerankSettings
from recsys import cursor as cursors
from recsys import radio
from recsys.asking import ListRequest
from recsys.bundle import ModelBundle
from recsys.catalogue import CatalogueView, LiveCatalogue
from recsys.filters import EVERYTHING, Filters
from recsys.lists import ListSettings, Mode, Recommendation, RecommendationList
from recsys.paths import path
from recsys.personal import PersonalLists
from recsys.seeds import Seed
from recsys.similar import SimilarTracks, Space
from recsys.similar_artists import SimilarArtist, SimilarArtists

__all__ = ["Recommendation", "RecommendationList", "Recommender"]

RADIO_DIVERSITY = 0.3
"""Diversity of a radio, at least, whose request says nothing of it."""


class Recommender:
    """Answers queries from one opened bundle and the live store.

    Histories are read from the store at each request, so that an event counts at once; what a
    listener's history means is computed exactly (`cf_model.fold_in`), not looked up. Tracks that
    were added after the bundle are found by their sound (`recsys.catalogue`).

    Parameters
    ----------
    bundle : ModelBundle
        The models.
    store : Store
        Where histories and tags are read.
    dials : RerankSettings
        How lists are re-ranked where a request does not say.
    lists : ListSettings
        What lists are made of where a request does not say.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        store: Store,
        dials: RerankSettings | None = None,
        lists: ListSettings | None = None,
    ) -> None:
        self._bundle = bundle
        self._catalogue = LiveCatalogue(bundle.hybrid, store, bundle.manifest.encoder_id)
        self._lists: tuple[CatalogueView, PersonalLists, SimilarTracks, SimilarArtists] | None = (
            None
        )
        self.dials = dials or RerankSettings()
        self._mode = (lists or ListSettings()).mode

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

    @property
    def radio_dials(self) -> RerankSettings:
        """How a radio is re-ranked where a request does not say: in some variety."""
        variety = max(self.dials.diversity, RADIO_DIVERSITY)
        return self.dials.model_copy(update={"diversity": variety})

    def recommend(
        self,
        user_id: str | None,
        n: int = 20,
        *,
        offset: int = 0,
        cursor: str | None = None,
        exclude_listened: bool | None = None,
        mode: Mode | None = None,
        filters: Filters = EVERYTHING,
        seeds: Sequence[Seed] = (),
        dials: RerankSettings | None = None,
        explain: bool = False,
    ) -> RecommendationList:
        """At most `n` tracks for `user_id`, never one that they refused.

        An unknown listener, or one without history, gets the tracks that most listeners play, then
        those that are typical of the library's sound.

        Parameters
        ----------
        user_id : str or None
            The listener; None for a list that goes by `seeds` alone.
        offset : int
            Tracks of the list to leave out at its beginning.
        cursor : str, optional
            ``next_cursor`` of the page before: unlike with an offset, no page repeats a track,
            whatever happens between them.
        exclude_listened : bool, optional
            Leave out what is in the history: another way to say ``mode=discover`` (True) or
            ``mode=mix`` (False).
        mode : Mode, optional
            New tracks, known ones, or both in turns; as the settings say by default.
        filters : Filters
            What may be listed at all.
        seeds : sequence of Seed
            What the list should be nearer to, or farther from; see `recsys.seeds`.
        dials : RerankSettings, optional
            Instead of `Recommender.dials`.
        explain : bool
            Give the numbers behind each entry.

        Raises
        ------
        ParameterError
            If `n` is below 1 or `offset` below 0, if a cursor is not ours, or if `mode` and
            `exclude_listened` contradict each other.
        UnknownTrackError, NotAnalysedError
            If a seed is not in the catalogue, or not in the model.
        """
        request = ListRequest(
            n=n,
            offset=offset,
            cursor=cursor,
            mode=_mode(mode, exclude_listened, self._mode),
            filters=filters,
            seeds=seeds,
            dials=dials or self.dials,
            explain=explain,
        )
        return self._parts()[1].recommend(user_id, request)

    def radio(
        self,
        user_id: str,
        n: int = 20,
        *,
        cursor: str | None = None,
        mode: Mode = Mode.MIX,
        filters: Filters = EVERYTHING,
        seeds: Sequence[Seed] = (),
        dials: RerankSettings | None = None,
    ) -> RecommendationList:
        """The next `n` tracks of the radio of `user_id`; see `recsys.radio`.

        Raises
        ------
        ParameterError
            If `n` is below 1, or the cursor is not that of a radio.
        UnknownTrackError, NotAnalysedError
            If a seed is not in the catalogue, or not in the model.
        """
        shown = cursors.decode(radio.KIND, cursor) if cursor else np.zeros(0, np.uint32)
        request = ListRequest(
            n=n, mode=mode, filters=filters, seeds=seeds, dials=dials or self.radio_dials
        )
        view, lists, *_ = self._parts()
        return radio.radio(view, lists, user_id, request, shown)

    def similar(
        self,
        track_id: str,
        n: int = 20,
        *,
        space: Space | None = None,
        filters: Filters = EVERYTHING,
    ) -> RecommendationList:
        """At most `n` tracks like `track_id`, which is not among them.

        By default by sound; by shared listeners for a track without a vector.

        Raises
        ------
        UnknownTrackError
            If the track is not in the catalogue.
        NotAnalysedError
            If the model cannot say what it is like.
        """
        _check_n(n)
        found = self._parts()[2].to_track(track_id, n, space, filters)
        return RecommendationList(found, self.version)

    def similar_to_vector(
        self, vector: Floats, n: int = 20, *, filters: Filters = EVERYTHING
    ) -> RecommendationList:
        """At most `n` tracks that sound like `vector` [shape=(dimension,)].

        Raises
        ------
        NotReadyError
            If the bundle was trained without sound.
        ParameterError
            If the vector has another dimension.
        """
        _check_n(n)
        return RecommendationList(self._parts()[2].to_vector(vector, n, filters), self.version)

    def similar_artists(
        self, track_ids: Sequence[str], n: int = 12, *, space: Space = Space.AUDIO
    ) -> tuple[SimilarArtist, ...]:
        """At most `n` artists like the one whose tracks are `track_ids`.

        How they are compared: `recsys.similar_artists`.

        Raises
        ------
        NotAnalysedError
            If the model cannot say what the artist is like.
        """
        _check_n(n)
        return self._parts()[3].to_tracks(track_ids, n, space)

    def path(self, start_id: str, end_id: str, n: int = 10) -> RecommendationList:
        """A smooth sequence of `n` tracks between two, both included; see `recsys.paths`.

        Raises
        ------
        UnknownTrackError, NotAnalysedError
            If an end is not in the catalogue, or has no audio vector in the model.
        ParameterError
            If `n` is out of range, or both ends are one track.
        """
        view = self._catalogue.current()
        found = path(view, start_id, end_id, n, self.dials.duplicate_cosine)
        return RecommendationList(found, self.version)

    def _parts(self) -> tuple[CatalogueView, PersonalLists, SimilarTracks, SimilarArtists]:
        """What answers over the present state of the catalogue."""
        view = self._catalogue.current()
        parts = self._lists
        if parts is None or parts[0] is not view:
            similar = SimilarTracks(view, self.dials.duplicate_cosine)
            parts = view, PersonalLists(view, self.version), similar, SimilarArtists(view)
            self._lists = parts
        return parts


def _mode(mode: Mode | None, exclude_listened: bool | None, otherwise: Mode) -> Mode:
    if mode is None:
        if exclude_listened is None:
            return otherwise
        return Mode.DISCOVER if exclude_listened else Mode.MIX
    if exclude_listened is not None and exclude_listened != (mode is Mode.DISCOVER):
        raise ParameterError(
            f"mode={mode} and exclude_listened={str(exclude_listened).lower()} contradict each "
            "other: leave exclude_listened out"
        )
    return mode


def _no_sound() -> NotReadyError:
    return NotReadyError(
        "the current model knows no sound: run `recsys embed`, then `recsys train`"
    )


def _check_n(n: int) -> None:
    if n < 1:
        raise ParameterError(f"n must be at least 1, got {n}")
