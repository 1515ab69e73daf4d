"""Fitting the hybrid: sources on the past, the ranker on what came after, sources again on all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio_model.index import SearchIndex
from cf_model.confidence import signed_confidence
from data.arrays import Floats, Mask, Positions
from data.errors import NotReadyError
from data.events import EventLog
from data.interactions import History, Interactions
from data.splits import k_core
from data.store import Store
from data.tracks import Catalogue
from ranker.features import compute_features, feature_names
from ranker.fitting import fit_candidate_models
from ranker.hybrid import Hybrid
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.ranking import FusionRanker, LabelledLists, train_ranker
from recsys.config import Config
from recsys.threads import one_thread
from recsys.windows import label_windows, with_cold_tracks

_COLD_STREAM = 1
_AT_ONCE = 64
"""Listeners whose scores are worked out in one product."""


@dataclass(frozen=True)
class TrainingData:
    """What a training run starts from.

    Parameters
    ----------
    catalogue : Catalogue
        All tracks.
    log : EventLog
        All events over ``catalogue.items``.
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32] or None
        Audio vectors of the current encoder, NaN rows where a track has none.
    content : np.ndarray [shape=(dimension, n_content), dtype=float32] or None
        Map from these vectors to the encoder's content space; None = they are compared as they are.
    """

    catalogue: Catalogue
    log: EventLog
    embeddings: Floats | None
    content: Floats | None = None


def load_training_data(
    store: Store, encoder_id: str, dimension: int, content: Floats | None = None
) -> TrainingData:
    """Catalogue, log and vectors out of the store.

    Parameters
    ----------
    encoder_id : str
        Encoder whose vectors are wanted.
    dimension : int
        Length of its vectors.
    content : np.ndarray, optional
        Its map to the content space.

    Raises
    ------
    NotReadyError
        If the store holds no tracks, or neither listens nor vectors.
    """
    catalogue = Catalogue.from_tracks(store.tracks())
    if not len(catalogue.items):
        raise NotReadyError(
            "the catalogue is empty: register tracks with `recsys library add FOLDER` "
            "or `recsys library import FILE`"
        )
    log = store.event_log(catalogue.items)
    embeddings = store.embeddings(encoder_id, catalogue.items, dimension)
    with_sound = not np.isnan(embeddings).all()
    if not len(log) and not with_sound:
        raise NotReadyError(
            "there is nothing to learn from: import listens with `recsys listens import FILE` "
            "or analyse the audio with `recsys embed`"
        )
    return TrainingData(catalogue, log, embeddings if with_sound else None, content)


def restrict_to_core(data: TrainingData, k: int) -> TrainingData:
    """Only listeners with at least `k` tracks and tracks with at least `k` listeners (k-core)."""
    log = k_core(data.log, k)
    kept = data.catalogue.items.indices(list(log.items))
    catalogue = Catalogue(log.items, data.catalogue.artist[kept], data.catalogue.duration[kept])
    embeddings = None if data.embeddings is None else data.embeddings[kept]
    return TrainingData(catalogue, log, embeddings, data.content)


def fit_sources(
    data: TrainingData, log: EventLog, config: Config, index: SearchIndex | None = None
) -> CandidateModels:
    """Sources learned from `log` with the settings of `config`."""
    return fit_candidate_models(
        log,
        data.catalogue,
        data.embeddings,
        als=config.als,
        bridge=config.bridge,
        confidence=config.confidence,
        candidates=config.candidates,
        item_item=config.item_item,
        carry=config.carry,
        content=data.content,
        index=index,
        seed=config.seed,
    )


def fit_hybrid(data: TrainingData, log: EventLog, config: Config) -> Hybrid:
    """Learn the hybrid from `log`.

    The ranker's labels come from windows of `log` after everything that its sources were fitted on
    there, so that it learns how far to trust each source on plays it has not seen, also for tracks
    that nobody had heard yet (see `recsys.windows`). What serves is fitted on the whole of `log`.
    """
    models = fit_sources(data, log, config)
    names = feature_names([source.name for source in models.sources])
    with_sound = np.zeros(len(data.catalogue.items), np.bool_)
    if data.embeddings is not None:
        with_sound = np.asarray(~np.isnan(data.embeddings).any(axis=1))
    # A stream of its own: with the seed alone, the first draw would be that of an evaluation that
    # held tracks out by the same seed, and make cold what is cold already.
    rng = np.random.default_rng([config.seed, _COLD_STREAM])
    gathered: list[LabelledLists] = []
    missing = config.ranker.max_listeners
    for plain in label_windows(log, config.ranker.windows, seed=config.seed):
        colder = with_cold_tracks(plain, with_sound, config.ranker.cold_share, rng)
        for window in (colder,) if colder is plain else (colder, plain):
            past_models = fit_sources(data, window.past, config, index=models.index)
            # A source that could be fitted to the whole log, but not without these tracks or this
            # part of the log, has no column to learn from here.
            if names == feature_names([source.name for source in past_models.sources]):
                lists = label_lists(past_models, window.past, window.later, config, missing)
                gathered.append(lists)
                missing -= len(lists.group)
                break
        if missing <= 0:
            break
    if not gathered:
        return Hybrid(models, FusionRanker(names))
    everything = LabelledLists.joined(gathered)
    gathered.clear()  # the lists take gigabytes, and are all in `everything`
    if len(np.unique(everything.listener)) < config.ranker.min_listeners:
        return Hybrid(models, FusionRanker(names))
    return Hybrid(models, train_ranker(everything, names, config.ranker, seed=config.seed))


def discoveries(
    past: EventLog, later: EventLog, config: Config
) -> tuple[Interactions, dict[int, Positions]]:
    """What each listener took to in `later` without having heard it in `past`.

    Returns
    -------
    histories : Interactions
        `past`, summed up.
    relevant : dict of int to np.ndarray
        Position of the listener → positions of the tracks; listeners without any are left out.
    """
    histories = Interactions.from_log(past)
    window = Interactions.from_log(later)
    new = (signed_confidence(window.pairs, config.confidence) > 0) & ~window.among(histories)
    return histories, window.by_listener(new)


@one_thread()
def label_lists(
    models: CandidateModels, past: EventLog, later: EventLog, config: Config, most: int
) -> LabelledLists:
    """Candidates from `past` for each listener, labelled by their discoveries in `later`.

    Listeners none of whose discoveries was proposed teach nothing and are left out; of more than
    `most` listeners a sample is taken. Tracks that nobody has heard, before or after, are no
    candidates: nothing is known against them, and as misses they would teach that new is bad. Of a
    listener's other misses a sample is kept.
    """
    histories, relevant = discoveries(past, later, config)
    unheard = np.ones(models.n_items, np.bool_)
    unheard[past.item_index] = unheard[later.item_index] = False
    listeners = np.array(sorted(relevant), np.int64)
    rng = np.random.default_rng(config.seed)
    if len(listeners) > most:
        listeners = np.sort(rng.permutation(listeners)[:most])
    features, labels, groups, whose = [], [], [], []
    for start in range(0, len(listeners), _AT_ONCE):
        users = listeners[start : start + _AT_ONCE].tolist()
        asked = [_asked_later(models, histories.history(user), unheard) for user in users]
        models.prepare(asked)
        for user, listener in zip(users, asked, strict=True):
            candidates = models.candidates(listener)
            found = np.isin(candidates.item_index, relevant[user])
            if not found.any():
                continue
            misses = rng.permutation(np.flatnonzero(~found))[: config.ranker.negatives]
            rows = np.sort(np.concatenate([np.flatnonzero(found), misses]))
            features.append(compute_features(models, listener, candidates, rows))
            labels.append(found[rows].astype(np.int8))
            groups.append(len(rows))
            whose.append(user)
    n_features = len(feature_names([source.name for source in models.sources]))
    return LabelledLists(
        features=np.concatenate(features) if features else np.zeros((0, n_features), np.float32),
        relevant=np.concatenate(labels) if labels else np.zeros(0, np.int8),
        group=np.array(groups, np.int64),
        listener=np.array(whose, np.int64),
    )


def _asked_later(models: CandidateModels, history: History, unheard: Mask) -> Listener:
    """The listener with this history, who is not recommended it nor what is `unheard`."""
    excluded = unheard.copy()
    excluded[history.item_index] = True
    return models.listener(history, np.flatnonzero(excluded).astype(np.int32))
