"""Why the entries of a list are there: sources, reasons in words, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Floats
from data.tracks import Track
from ranker.hybrid import RankedList
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.reasons import Reason, explain
from recsys.catalogue import CatalogueView
from recsys.lists import Explanation, SourceScore

OF_THE_REQUEST = Track("the sound you sent")
WITHDRAWN = Track("a track that is no longer here")
"""Named instead of a track that nobody is to see any more, though a listener liked it."""

Why = tuple[tuple[str, ...], str, Explanation | None]
"""Sources that proposed an entry, best rank first; the reason in words; the numbers."""


def whys(
    view: CatalogueView,
    models: CandidateModels,
    listener: Listener,
    parts: Sequence[tuple[RankedList, NDArray[np.intp]]],
    listed: Sequence[int],
    *,
    numbers: bool,
) -> tuple[list[Why], dict[str, Track]]:
    """Why each of some candidates is in a list, and the tags of what is listed.

    Parameters
    ----------
    parts : sequence of (RankedList, np.ndarray [shape=(n,)])
        Candidates that were ranked together, and rows of their features.
    listed : sequence of int
        Positions of all tracks of the list, whose tags are read with those that reasons name.
    numbers : bool
        Whether the numbers are wanted, too.

    Returns
    -------
    whys : list of Why
        One for each row of the parts, one part after the other.
    tracks : dict of str to Track
        Id → tags; withdrawn tracks are not in it.
    """
    reasons: list[Reason] = []
    figures: list[Explanation | None] = []
    for ranked, rows in parts:
        features = ranked.features[rows]
        shares = ranked.ranker.contributions(features)
        items = ranked.candidates.item_index[rows]
        names = ranked.ranker.feature_names
        reasons += explain(models, listener, items, features, shares, names)
        figures += _numbers(ranked, rows, features, shares) if numbers else [None] * len(rows)
    known, n_items = view.items, view.n_items
    named = {track for reason in reasons for track in reason.tracks if track < n_items}
    ids = dict.fromkeys(known.externals([*listed, *named]))
    tracks = {track.track_id: track for track in view.store.tracks(list(ids))}

    def track(position: int) -> Track:
        if position >= n_items:
            return OF_THE_REQUEST
        return tracks.get(known.external(position), WITHDRAWN)

    said = zip(
        [names for ranked, rows in parts for names in ranked.candidates.proposed_by(rows)],
        [reason.sentence(track) for reason in reasons],
        figures,
        strict=True,
    )
    return list(said), tracks


def _numbers(
    ranked: RankedList, rows: NDArray[np.intp], features: Floats, shares: Doubles
) -> list[Explanation]:
    score_of_row = dict(zip(ranked.rows.tolist(), ranked.score.tolist(), strict=True))
    return [
        _explanation(
            ranked.ranker.feature_names, features[i], shares[i], score_of_row[row], ranked, row
        )
        for i, row in enumerate(rows.tolist())
    ]


def _explanation(
    names: Sequence[str],
    features: Floats,
    shares: Doubles,
    score: float,
    ranked: RankedList,
    row: int,
) -> Explanation:
    column = {name: place for place, name in enumerate(names)}

    def value(number: float) -> float | None:
        return None if np.isnan(number) else float(number)

    ranks = ranked.candidates.rank[row]
    return Explanation(
        ranker_score=score,
        base=float(shares[-1]),
        contributions={name: float(share) for name, share in zip(names, shares, strict=False)},
        sources=tuple(
            SourceScore(
                source,
                value(features[column[f"{source}_score"]]),
                None if np.isnan(ranks[place]) else int(ranks[place]),
            )
            for place, source in enumerate(ranked.candidates.sources)
        ),
    )
