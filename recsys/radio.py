"""A radio: tracks without end, none twice, that go with what was just played or skipped.

Nothing is kept between requests: the cursor holds what was sent so far, and events say what the
listener did with it. Each page is a list of known and new tracks, whose order is nudged
(`recsys.seeds`) towards what the listener liked and played in the last hours, and away from what
they skipped; the latest counts most.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from data.arrays import Positions
from data.interactions import History
from recsys.asking import Asking, ListRequest
from recsys.catalogue import CatalogueView
from recsys.cursor import MAX_SHOWN, Fingerprints, encode, fingerprints
from recsys.lists import RecommendationList
from recsys.personal import PersonalLists
from recsys.seeds import PlacedSeeds, placed

KIND = "radio"
SESSION_S = 3 * 3600.0
"""Age of the events that belong to what is going on."""
SESSION_TRACKS = 20
FADING = 0.85
"""Weight of a track of the session beside that of the one after it."""
LIKED, PLAYED, SKIPPED = 1.5, 0.5, -1.5
REST_S = 12 * 3600.0
"""Seconds for which a track that was heard is not played again."""


def radio(
    view: CatalogueView,
    lists: PersonalLists,
    user_id: str,
    request: ListRequest,
    shown: Fingerprints,
    now: float | None = None,
) -> RecommendationList:
    """The next tracks; ask again with the list's `next_cursor`.

    When nothing else is left, what was heard lately may come again, and when everything has been
    sent, the older half of it.

    Raises
    ------
    UnknownTrackError, NotAnalysedError
        If a seed is not in the catalogue, or not in the model.
    """
    now = time.time() if now is None else now
    models, seeds = placed(view, request.seeds)
    history = lists.history(user_id)
    session = going_on(lists.history(user_id, since=now - SESSION_S))
    nudge = PlacedSeeds.of(
        [*seeds.item_index.tolist(), *session.item_index.tolist()],
        [*seeds.weight.tolist(), *session.weight.tolist()],
    )
    who = Asking(models, history, seeds, nudge)
    page = lists.page(who, request, shown, heard_lately(history, now))
    if not page.items:
        page = lists.page(who, request, shown)
    while not page.items and len(shown):
        shown = shown[(len(shown) + 1) // 2 :]
        page = lists.page(who, request, shown)
    sent = np.concatenate([shown, fingerprints([item.track_id for item in page.items])])
    return replace(page, next_cursor=encode(KIND, sent[-MAX_SHOWN:]))


def going_on(session: History) -> PlacedSeeds:
    """What the listener did in the last hours, as seeds; the latest track weighs most."""
    recent = np.argsort(-session.last_at, kind="stable")[:SESSION_TRACKS]
    refused = (session.opinion[recent] < 0) | (session.skips[recent] > session.plays[recent])
    liked = session.opinion[recent] > 0
    weight = np.where(liked, LIKED, np.where(refused, SKIPPED, PLAYED))
    return PlacedSeeds.of(
        session.item_index[recent].tolist(), (weight * FADING ** np.arange(len(recent))).tolist()
    )


def heard_lately(history: History, now: float) -> Positions:
    """Tracks that rest for a while."""
    return history.item_index[history.last_at >= now - REST_S]
