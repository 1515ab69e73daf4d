"""What listeners took to after what was learned from, and lists of candidates labelled by it.

Of the candidates that were not taken to, a sample is enough (``ranker.negatives``). On one split
of a real log without sound (9,200 lists of 380), all of them, 200 and 50 a list gave recall@20
.3826, .3825 and .3808, NDCG@20 .3521, .3517 and .3511; 100 gave .3820 to .3830 and .3515 to .3527
in four draws. On three splits of one with sound and a fifth of the tracks cold (8,900 lists of
590), 100 instead of all of them changed recall@20 by +.006, −.007 and −.001, NDCG@20 by +.005,
−.004 and −.002, and among cold tracks by −.006, +.008, +.010 and .000, +.006, +.011 (the first
and the last split: means of two draws, up to .005 apart).

With 100 each, 5,000 lists of the first log gave .3809 to .3816 and .3491 to .3504 in three draws,
1,900 .3817 and .3501; 5,000 of the second found as much over all tracks and .004 less among cold
ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from cf_model.confidence import signed_confidence
from data.arrays import Mask, Positions
from data.events import EventLog
from data.interactions import Interactions
from ranker.candidates import Candidates
from ranker.features import compute_features, feature_names
from ranker.habit import familiar
from ranker.hybrid import discovering_listener
from ranker.labelled import LabelledLists
from ranker.listener import Listener
from ranker.models import CandidateModels
from recsys.config import Config
from recsys.threads import one_thread

ENOUGH_ROWS = 1_000_000
"""Candidates in all lists up to which no miss is left out."""
_NOTHING: Positions = np.zeros(0, np.int32)


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


def returns(histories: Interactions, later: EventLog, config: Config) -> dict[int, Positions]:
    """What each listener took to again in `later`, of what they had heard and not refused.

    Returns
    -------
    dict of int to np.ndarray
        Position of the listener → positions of the tracks; listeners without any are left out.
    """
    window = Interactions.from_log(later)
    prefers = signed_confidence(window.pairs, config.confidence) > 0
    return window.by_listener(prefers & window.among(histories, histories.pairs.opinion >= 0))


@one_thread()
def label_lists(
    models: CandidateModels,
    past: EventLog,
    later: EventLog,
    heard: Mask,
    config: Config,
    most: int,
) -> LabelledLists:
    """Candidates from `past` for each listener, labelled by their discoveries in `later`.

    Listeners none of whose discoveries was proposed teach nothing and are left out; of more than
    `most` others a sample is taken. Tracks that nobody has heard are proposed and ranked as they
    would be, but are not among the misses: nothing is known against them, and they would teach that
    new is bad. Of a listener's other misses a sample is kept where there are many lists.

    Parameters
    ----------
    heard : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that anybody heard before the end of `later`, those made cold in `past` among them.
    """
    histories, relevant = discoveries(past, later, config)

    def proposed(users: list[int]) -> Iterator[tuple[Listener, Candidates]]:
        asking = (discovering_listener(models, histories.history(user)) for user in users)
        for listener in models.prepared(asking):
            yield listener, models.candidates(listener)

    return _labelled(models, relevant, proposed, heard, config, most, known=False)


@one_thread()
def relisten_lists(
    models: CandidateModels, past: EventLog, later: EventLog, config: Config, most: int
) -> LabelledLists:
    """What each listener knows from `past`, labelled by what they took to again in `later`.

    Lists all or nothing of which was heard again teach nothing and are left out; of more than
    `most` others a sample is taken, and of a list's misses where there are many lists.
    """
    histories = Interactions.from_log(past)
    relevant = returns(histories, later, config)
    sources = [source.name for source in models.sources]
    everything = np.ones(models.n_items, np.bool_)

    def known(users: list[int]) -> Iterator[tuple[Listener, Candidates]]:
        for user in users:
            listener = models.listener(histories.history(user), _NOTHING)
            yield listener, Candidates.unproposed(familiar(listener.history), sources)

    return _labelled(models, relevant, known, everything, config, most, known=True)


def _labelled(
    models: CandidateModels,
    relevant: Mapping[int, Positions],
    lists_of: Callable[[list[int]], Iterator[tuple[Listener, Candidates]]],
    may_miss: Mask,
    config: Config,
    most: int,
    *,
    known: bool,
) -> LabelledLists:
    """Candidates of each listener of `relevant`, at most `most`, with their features.

    A track of `may_miss` [shape=(n_items,)] is a miss where it was not taken to; of the others that
    says nothing.
    """
    listeners = np.array(sorted(relevant), np.int64)
    rng = np.random.default_rng(config.seed)
    if len(listeners) > most:
        listeners = rng.permutation(listeners)
    users = listeners.tolist()
    expected = min(len(users) * config.ranker.windows, config.ranker.most_lists(models.n_items))
    kept = max(config.ranker.negatives, ENOUGH_ROWS // max(expected, 1))
    wanted = np.zeros(models.n_items, np.bool_)
    features, labels, groups, whose = [], [], [], []
    for user, (listener, candidates) in zip(users, lists_of(users), strict=True):
        wanted[relevant[user]] = True
        found = wanted[candidates.item_index]
        wanted[relevant[user]] = False
        if not found.any() or (known and found.all()):
            continue
        misses = np.flatnonzero(~found & may_miss[candidates.item_index])
        misses = rng.permutation(misses)[:kept]
        rows = np.sort(np.concatenate([np.flatnonzero(found), misses]))
        features.append(compute_features(models, listener, candidates, rows, known=known))
        labels.append(found[rows].astype(np.int8))
        groups.append(len(rows))
        whose.append(user)
        if len(whose) == most:
            break
    n_features = len(feature_names([source.name for source in models.sources], known=known))
    return LabelledLists(
        features=np.concatenate(features) if features else np.zeros((0, n_features), np.float32),
        relevant=np.concatenate(labels) if labels else np.zeros(0, np.int8),
        group=np.array(groups, np.int64),
        listener=np.array(whose, np.int64),
    )
