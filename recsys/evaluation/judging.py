"""Every method's list for every listener, ranked once; slices are cut from what is kept.

Kept is whether each of the first `DEPTH` entries was right, a byte each, so that ten thousand
listeners, a dozen methods and the parts of the catalogue take some 100 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Mask, Positions
from data.events import EventLog
from data.interactions import Interactions
from ranker.candidates import CandidateList, Candidates
from ranker.hybrid import Hybrid, discovering_listener
from recsys.config import Config
from recsys.evaluation.beyond import LENGTH
from recsys.evaluation.methods import HYBRID, RELISTENING, Asked, Method, short_name
from recsys.evaluation.metrics import ndcg_of_hits, recall_of_hits
from recsys.labelling import discoveries, returns
from recsys.threads import one_thread

DEPTH = 100
"""Entries of a list that are looked at."""
MOST_LISTENERS = 10_000
"""Judged at most, drawn by the seed: beyond that, intervals are narrower than anybody needs."""

ALL, WARM, COLD = "all", "warm", "cold"
WARM_COMPETING, COLD_COMPETING, RELISTEN = "warm_competing", "cold_competing", "relisten"
JOINED = "joined"
METRICS = {"recall": recall_of_hits, "ndcg": ndcg_of_hits}


@dataclass(frozen=True)
class Cases:
    """Who is asked about, and what would be right.

    Parameters
    ----------
    histories : Interactions
        The training part, summed up.
    new : dict of int to np.ndarray
        Position of the listener → tracks they took to for the first time.
    again : dict of int to np.ndarray
        Position of the listener → tracks of their history that they took to again.
    users : np.ndarray [shape=(n,)]
        The listeners that are judged, ascending.
    """

    histories: Interactions
    new: dict[int, Positions]
    again: dict[int, Positions]
    users: NDArray[np.int64]


def find_cases(
    past: EventLog,
    later: EventLog,
    config: Config,
    *,
    most: int = MOST_LISTENERS,
    known: bool = True,
) -> Cases:
    """Listeners with anything relevant in `later`, at most `most` of them.

    Parameters
    ----------
    known : bool
        Whether what was taken to again counts, too.
    """
    histories, new = discoveries(past, later, config)
    again = returns(histories, later, config) if known else {}
    users = np.array(sorted({*new, *again}), np.int64)
    if len(users) > most:
        users = np.sort(np.random.default_rng(config.seed).permutation(users)[:most])
    return Cases(histories, new, again, users)


@dataclass(frozen=True)
class Part:
    """Results over one kind of relevant tracks; rows are ``Cases.users``.

    Parameters
    ----------
    n_relevant : np.ndarray [shape=(n_listeners,), dtype=int64]
        Relevant tracks; listeners with 0 have no value.
    hits : dict of str to np.ndarray [shape=(n_listeners, DEPTH), dtype=bool]
        Method → whether each entry of its list is relevant.
    proposed : dict of str to np.ndarray [shape=(n_listeners,), dtype=int64]
        Source, and `JOINED` → relevant tracks among its candidates.
    """

    n_relevant: NDArray[np.int64]
    hits: dict[str, Mask]
    proposed: dict[str, NDArray[np.int64]]

    def values(self, method: str, rows: Mask, metrics: Sequence[tuple[str, int]]) -> Doubles:
        """Value of each (metric, k) for the listeners of `rows` [shape=(n, n_metrics)]."""
        hits, n_relevant = self.hits[method][rows], self.n_relevant[rows]
        return np.column_stack([METRICS[name](hits, n_relevant, k) for name, k in metrics])


@dataclass(frozen=True)
class Judged:
    """All parts by name, and the first entries of each method's lists over all tracks.

    Parameters
    ----------
    parts : dict of str to Part
        Results.
    lists : dict of str to np.ndarray [shape=(n_listeners, LENGTH), dtype=int32]
        Method → positions, −1 beyond the end; a row of −1 for who discovered nothing.
    """

    parts: dict[str, Part]
    lists: dict[str, NDArray[np.int32]]

    def joined_by(self, other: Judged) -> Judged:
        """These methods and those of `other`, judged on the same listeners."""
        parts = {
            name: replace(part, hits=part.hits | other.parts[name].hits)
            for name, part in self.parts.items()
        }
        return Judged(parts, self.lists | other.lists)


@one_thread()
def judge(
    hybrid: Hybrid,
    compared: Mapping[str, Method],
    cases: Cases,
    *,
    cold: Mask | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Judged:
    """Rank with every method for every listener of `cases`.

    Parameters
    ----------
    cold : np.ndarray [shape=(n_items,), dtype=bool], optional
        Tracks that nobody took to; by default those that ``hybrid.models`` has no listener of.
    """
    models = hybrid.models
    cold = models.popularity == 0 if cold is None else cold
    everything = np.ones(len(cold), np.bool_)
    # part → (tracks that count as relevant, tracks that its lists are cut down to)
    kinds = {
        ALL: (everything, ALL),
        WARM: (~cold, WARM),
        COLD: (cold, COLD),
        WARM_COMPETING: (~cold, ALL),
        COLD_COMPETING: (cold, ALL),
    }
    listed = {ALL: everything, WARM: ~cold, COLD: cold}
    sources = [short_name(source.name) for source in models.sources]
    # Own plays and recency stand beside the hybrid only, not beside one of its ablations.
    repeated = {**RELISTENING, **compared} if HYBRID in compared else dict(compared)
    n = len(cases.users)
    parts = {name: _empty(n, compared, sources) for name in kinds}
    parts[RELISTEN] = _empty(n, repeated, sources)
    lists = {name: np.full((n, LENGTH), -1, np.int32) for name in compared}
    users = cases.users.tolist()
    asking = (discovering_listener(models, cases.histories.history(user)) for user in users)
    for row, (user, listener) in enumerate(zip(users, models.prepared(asking), strict=True)):
        if user in cases.new:
            relevant = _mask(cases.new[user], len(cold))
            asked = Asked(hybrid, user, listener)
            allowed = everything.copy()
            allowed[listener.excluded] = False
            wanted = {name: relevant & tracks for name, (tracks, _) in kinds.items()}
            for name, mask in wanted.items():
                parts[name].n_relevant[row] = mask.sum()
                _count_proposed(parts[name], row, asked.ranked.candidates, mask)
            needed = {ALL} | {within for name, (_, within) in kinds.items() if wanted[name].any()}
            for method, score in compared.items():
                scores = score(asked)
                found = {
                    within: CandidateList.best(scores, DEPTH, allowed & listed[within]).item_index
                    for within in needed
                }
                lists[method][row, : len(found[ALL][:LENGTH])] = found[ALL][:LENGTH]
                for name, (_, within) in kinds.items():
                    if within in found:
                        entries = found[within]
                        parts[name].hits[method][row, : len(entries)] = wanted[name][entries]
        if user in cases.again:
            relevant = _mask(cases.again[user], len(cold))
            known = _mask(listener.history.item_index, len(cold))
            known[listener.history.disliked] = False
            others = np.flatnonzero(~known).astype(np.int32)
            asked = Asked(hybrid, user, replace(listener, excluded=others), known=True)
            part = parts[RELISTEN]
            part.n_relevant[row] = relevant.sum()
            _count_proposed(part, row, asked.ranked.candidates, relevant)
            for method, score in repeated.items():
                entries = CandidateList.best(score(asked), DEPTH, known).item_index
                part.hits[method][row, : len(entries)] = relevant[entries]
        if on_progress is not None:
            on_progress(row + 1, n)
    return Judged(parts, lists)


def _empty(n: int, compared: Mapping[str, Method], sources: Sequence[str]) -> Part:
    return Part(
        n_relevant=np.zeros(n, np.int64),
        hits={name: np.zeros((n, DEPTH), np.bool_) for name in compared},
        proposed={name: np.zeros(n, np.int64) for name in (*sources, JOINED)},
    )


def _mask(positions: Positions, n_items: int) -> Mask:
    mask = np.zeros(n_items, np.bool_)
    mask[positions] = True
    return mask


def _count_proposed(part: Part, row: int, candidates: Candidates, relevant: Mask) -> None:
    right = relevant[candidates.item_index]
    found = ~np.isnan(candidates.rank[right])
    for column, source in enumerate(candidates.sources):
        part.proposed[short_name(source)][row] = found[:, column].sum()
    part.proposed[JOINED][row] = right.sum()
