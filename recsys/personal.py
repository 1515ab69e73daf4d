"""Lists for a listener: what may be listed, in which order, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Mask, Positions
from data.ids import MISSING
from data.interactions import History, Interactions
from data.stages import stage
from data.tracks import Track
from ranker.habit import familiar
from ranker.hybrid import RankedList
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.rerank import rerank
from recsys import cursor as cursors
from recsys.asking import Asking, ListRequest
from recsys.catalogue import CatalogueView
from recsys.fallback import Typical
from recsys.lists import Mode, Recommendation, RecommendationList
from recsys.relisten import alternating
from recsys.seeds import nudged, placed
from recsys.whys import whys

RANK_ALL_UP_TO = 2000
"""Tracks that meet the filters up to which every one is ranked, whether a source proposes it or
not, so that the list of a rare genre is as long as the genre."""


@dataclass(frozen=True)
class _Order:
    """Tracks best first.

    `rows` are those in the list of known tracks where `known`, else in that of new ones; −1 for
    what nobody proposed.
    """

    item_index: Positions
    score: Floats
    rows: NDArray[np.intp]
    known: Mask


class PersonalLists:
    """Makes lists over one state of the catalogue.

    Parameters
    ----------
    view : CatalogueView
        The catalogue, its models and its store.
    version : str
        Bundle that the models are of.
    """

    def __init__(self, view: CatalogueView, version: str) -> None:
        self._view = view
        self._version = version
        self._typical: Typical | None = None

    def history(self, user_id: str | None, since: float | None = None) -> History:
        """What `user_id` did so far, or since a moment (UNIX seconds); nothing for nobody."""
        if user_id is None:
            return _NO_HISTORY
        with stage("history"):
            log = self._view.store.user_log(user_id, self._view.items)
            return Interactions.from_log(log if since is None else log.since(since)).history(0)

    def recommend(self, user_id: str | None, request: ListRequest) -> RecommendationList:
        """A page for `user_id`, or for whoever would name these seeds.

        Raises
        ------
        UnknownTrackError, NotAnalysedError
            If a seed is not in the catalogue, or not in the model.
        ParameterError
            If the cursor is not ours.
        """
        shown = cursors.decode("list", request.cursor or cursors.encode("list", _NOBODY))
        models, seeds = placed(self._view, request.seeds)
        who = Asking(models, self.history(user_id), seeds, seeds)
        page = self.page(who, request, shown)
        after = np.concatenate([shown, self._prints(page)])
        more = len(page.items) == request.n and not request.offset
        more = more and len(after) + request.n <= cursors.MAX_SHOWN
        return replace(page, next_cursor=cursors.encode("list", after) if more else None)

    def page(
        self,
        who: Asking,
        request: ListRequest,
        shown: cursors.Fingerprints,
        besides: Positions | None = None,
    ) -> RecommendationList:
        """The page that `request` asks for, without what was `shown` and the tracks `besides`."""
        view, history = self._view, who.history
        earlier = view.with_prints(shown)
        barred = np.zeros(who.models.n_items, np.bool_)
        barred[view.n_items :] = True  # sounds that only this request knows
        allowed = view.allowed(request.filters)
        if allowed is not None:
            barred[: view.n_items] |= ~allowed
        for unwanted in (history.disliked, who.seeds.item_index, earlier, besides):
            if unwanted is not None:
                barred[unwanted] = True
        known = familiar(history, barred)
        barred[history.item_index] = True
        also = None
        if allowed is not None and np.count_nonzero(~barred) <= RANK_ALL_UP_TO:
            also = np.flatnonzero(~barred).astype(np.int32)
        with stage("fold_in"):
            listener = who.listener(np.flatnonzero(barred).astype(np.int32))
        hybrid, new, again = replace(view.hybrid, models=who.models), None, None
        if request.mode is not Mode.RELISTEN:
            new = hybrid.rank(listener, also)
        if request.mode is not Mode.DISCOVER:
            again = hybrid.rank_known(listener, known)
        order = _ordered(who, new, again)
        unknown = not len(history) and not len(who.seeds)
        n_ranked = len(order.item_index)
        wanting = allowed is not None and n_ranked < request.offset + request.n
        why = ""
        if (unknown or wanting or not n_ranked) and request.mode is not Mode.RELISTEN:
            order, why = self._filled(order, barred)
        with stage("rerank"):
            places = self._shown(order, request, earlier)
        with stage("reasons"):
            items, tracks = self._described(
                who.models, listener, (new, again), order, places, why, request.explain
            )
        return RecommendationList(
            items=items,
            tracks=tracks,
            model_version=self._version,
            fallback=unknown or (not n_ranked and len(places) > 0),
            n_cold=int(np.count_nonzero(who.models.popularity[order.item_index[places]] == 0)),
        )

    def _filled(self, order: _Order, barred: Mask) -> tuple[_Order, str]:
        """`order` with what is typical of the catalogue behind it, and the reason for that."""
        if self._typical is None:
            self._typical = Typical(self._view)
        allowed = ~barred[: self._view.n_items]
        allowed[order.item_index] = False
        more = self._typical.best(allowed)
        lowest = float(order.score[-1]) if len(order.score) else 1.0
        return (
            _Order(
                np.concatenate([order.item_index, more.item_index]),
                np.concatenate([order.score, lowest - (1.0 - more.score)]),
                np.concatenate([order.rows, np.full(len(more), MISSING)]),
                np.concatenate([order.known, np.zeros(len(more), np.bool_)]),
            ),
            self._typical.reason,
        )

    def _shown(self, order: _Order, request: ListRequest, earlier: Positions) -> NDArray[np.intp]:
        """Places in `order` of the page's entries, withdrawn tracks left out beforehand."""
        there = np.flatnonzero(self._view.offered(order.item_index))
        if not len(there):
            return there
        last = request.offset + request.n
        best = rerank(
            self._view.hybrid.models,
            order.item_index[there],
            order.score[there],
            request.dials,
            last,
            earlier,
        )
        return there[best[request.offset : last]]

    def _described(
        self,
        models: CandidateModels,
        listener: Listener,
        ranked: tuple[RankedList | None, RankedList | None],
        order: _Order,
        places: NDArray[np.intp],
        why: str,
        numbers: bool,
    ) -> tuple[tuple[Recommendation, ...], dict[str, Track]]:
        rows, listed = order.rows[places], order.item_index[places].tolist()
        ranks, known = rows != MISSING, order.known[places]
        parts = [
            (part, rows[ranks & (known == kind)])
            for part, kind in zip(ranked, (False, True), strict=True)
            if part is not None
        ]
        said, tracks = whys(self._view, models, listener, parts, listed, numbers=numbers)
        # One part after the other: of both, the new tracks first.
        entries = np.concatenate([np.flatnonzero(ranks & ~known), np.flatnonzero(ranks & known)])
        said_of = dict(zip(entries.tolist(), said, strict=True))
        items = tuple(
            Recommendation(
                self._view.items.external(item),
                score,
                *said_of.get(entry, ((), why, None)),
            )
            for entry, (item, score) in enumerate(
                zip(listed, order.score[places].tolist(), strict=True)
            )
        )
        return items, tracks

    def _prints(self, page: RecommendationList) -> cursors.Fingerprints:
        return cursors.fingerprints([item.track_id for item in page.items])


_NOBODY: cursors.Fingerprints = np.zeros(0, np.uint32)
_NO_HISTORY = History(
    np.zeros(0, np.int32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float64),
)


def _ordered(who: Asking, new: RankedList | None, again: RankedList | None) -> _Order:
    """New tracks, known ones, or both in turns, in the order that the seeds give them."""
    parts = [_nudged(who, part, again is part) for part in (new, again) if part is not None]
    if len(parts) == 1:
        return parts[0]
    fresh, known = parts
    places, turn = alternating(
        np.arange(len(fresh.item_index)), len(fresh.item_index) + np.arange(len(known.item_index))
    )
    return _Order(
        np.concatenate([fresh.item_index, known.item_index])[places],
        turn,
        np.concatenate([fresh.rows, known.rows])[places],
        np.concatenate([fresh.known, known.known])[places],
    )


def _nudged(who: Asking, ranked: RankedList, known: bool) -> _Order:
    """The ranked tracks, moved by what the listener named or just did."""
    items, score, rows = ranked.item_index, ranked.score, ranked.rows
    if len(who.nudge):
        moved = nudged(who.models, items, score, who.nudge)
        best = np.argsort(-moved, kind="stable")
        items, score, rows = items[best], moved[best].astype(np.float32), rows[best]
    return _Order(items, score, rows, np.full(len(items), known))
