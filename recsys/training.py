"""Fitting the hybrid: sources on the past, the ranker on what came after, sources again on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from audio_model.index import SearchIndex
from data.arrays import Floats
from data.errors import NotReadyError
from data.events import EventLog
from data.splits import k_core
from data.store import Store
from data.tracks import Catalogue
from ranker.features import feature_names
from ranker.fitting import fit_candidate_models
from ranker.hybrid import Hybrid
from ranker.labelled import LabelledLists
from ranker.models import CandidateModels
from ranker.ranking import FusionRanker, train_ranker
from recsys.config import Config
from recsys.holdout import HeldOut
from recsys.labelling import label_lists, relisten_lists
from recsys.relisten import MOST_LISTS, train_relisten
from recsys.windows import label_windows, with_cold_tracks


class WindowLists(NamedTuple):
    """Lists of one window: what was discovered in it, and what was heard again.

    Without times a track that is heard again cannot be told from one that is heard: no list then.
    """

    discovered: LabelledLists
    again: LabelledLists | None


MadeLists: TypeAlias = dict[tuple[tuple[str, ...], float | None, int, int], WindowLists]
"""Lists of windows by the names of their features, their cut, and the length of both parts."""
_COLD_STREAM = 1


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
    catalogue = Catalogue(
        log.items, data.catalogue.categories.take(kept), data.catalogue.duration[kept]
    )
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


def fit_hybrid(
    data: TrainingData, log: EventLog, config: Config, made: MadeLists | None = None
) -> Hybrid:
    """Learn the hybrid from `log`.

    The ranker's labels come from windows of `log` after everything that its sources were fitted on
    there, so that it learns how far to trust each source on plays it has not seen, also for tracks
    that nobody had heard yet (see `recsys.windows`). What serves is fitted on the whole of `log`.
    So does the ranker of what is heard again (see `recsys.relisten`).

    Parameters
    ----------
    made : dict, optional
        Lists that were made before with the same data and settings, of a log that ends earlier: of
        windows by time, all but the latest are the same. Those made here are added.
    """
    models = fit_sources(data, log, config)
    sources = [source.name for source in models.sources]
    names = feature_names(sources)
    gathered, again = gather_lists(data, log, config, models, {} if made is None else made)
    relisten = train_relisten(again, feature_names(sources, known=True), config)
    if not gathered:
        return Hybrid(models, FusionRanker(names), relisten)
    everything = LabelledLists.joined(gathered)
    gathered.clear()  # the lists take gigabytes, and are all in `everything`
    if len(np.unique(everything.listener)) < config.ranker.min_listeners:
        return Hybrid(models, FusionRanker(names), relisten)
    ranker = train_ranker(everything, names, config.ranker, seed=config.seed)
    return Hybrid(models, ranker, relisten)


def gather_lists(
    data: TrainingData,
    log: EventLog,
    config: Config,
    models: CandidateModels,
    made: MadeLists,
    *,
    known: bool = True,
) -> tuple[list[LabelledLists], list[LabelledLists]]:
    """Lists of the windows of `log`: what was discovered in each, and what was heard again.

    Parameters
    ----------
    models : CandidateModels
        Sources fitted to the whole of `log`, whose features the lists are to have.
    made : dict
        As for `fit_hybrid`.
    known : bool
        Whether lists of what was heard again are wanted.
    """
    names = feature_names([source.name for source in models.sources])
    gathered: list[LabelledLists] = []
    again: list[LabelledLists] = []
    missing = config.ranker.most_lists(len(data.catalogue.items))
    still = min(missing, MOST_LISTS) if known else 0
    for position, window in enumerate(label_windows(log, config.ranker.windows, seed=config.seed)):
        # Where there are no times, windows of different logs are different folds.
        timed = window.cut is not None
        place = (names, window.cut, len(window.past), len(window.later))
        if timed and place in made:
            lists: WindowLists | None = made[place]
        else:
            # A stream of its own: with the seed alone, the first draw would be that of an
            # evaluation that held tracks out by the same seed, and make cold what is cold already.
            stream = [config.seed, _COLD_STREAM, len(window.past) if timed else position]
            rng = np.random.default_rng(stream)
            most = missing, still
            lists = _window_lists(data, window, config, most, names, models.index, rng)
        if lists is None:
            continue
        if timed:
            made.setdefault(place, lists)
        gathered.append(lists.discovered.drawn(missing, seed=config.seed))
        missing -= len(gathered[-1].group)
        if lists.again is not None and still > 0:
            again.append(lists.again.drawn(still, seed=config.seed))
            still -= len(again[-1].group)
        if missing <= 0:
            break
    return gathered, again


def _window_lists(
    data: TrainingData,
    window: HeldOut,
    config: Config,
    most: tuple[int, int],
    names: Sequence[str],
    index: SearchIndex | None,
    rng: np.random.Generator,
) -> WindowLists | None:
    """At most `most` lists of either kind of `window`; None where `names` cannot be computed.

    A source that could be fitted to the whole log, but not without the tracks that are made cold or
    without this part of the log, has no column to learn from.
    """
    with_sound = np.zeros(len(data.catalogue.items), np.bool_)
    if data.embeddings is not None:
        with_sound = np.asarray(~np.isnan(data.embeddings).any(axis=1))
    heard = np.zeros_like(with_sound)
    heard[window.past.item_index] = heard[window.later.item_index] = True
    colder = with_cold_tracks(window, with_sound, config.ranker.cold_share, rng)
    for tried in (colder,) if colder is window else (colder, window):
        models = fit_sources(data, tried.past, config, index=index)
        if names == feature_names([source.name for source in models.sources]):
            discovered = label_lists(models, tried.past, tried.later, heard, config, most[0])
            again = None
            if window.cut is not None and most[1] > 0:
                again = relisten_lists(models, tried.past, tried.later, config, most[1])
            return WindowLists(discovered, again)
    return None
