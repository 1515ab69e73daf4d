"""What listeners took to after what was learned from, and lists of candidates labelled by it."""

from __future__ import annotations

import numpy as np

from cf_model.confidence import signed_confidence
from data.arrays import Mask, Positions
from data.events import EventLog
from data.interactions import History, Interactions
from ranker.features import compute_features, feature_names
from ranker.labelled import LabelledLists
from ranker.listener import Listener
from ranker.models import CandidateModels
from recsys.config import Config
from recsys.threads import one_thread

_AT_ONCE = 64
"""Listeners whose scores are worked out in one product."""


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
