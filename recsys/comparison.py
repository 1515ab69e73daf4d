"""Whether a new model may take the place of the live one.

Both are judged by what the same listeners went on to discover, in a window of the log that neither
has learned from; docs/evaluation.md says why that is fair. The test is paired by listener.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.arrays import Mask, Positions
from data.errors import ArtefactError
from data.events import EventLog
from data.ids import MISSING, IdMap
from data.interactions import Interactions
from ranker.hybrid import Hybrid
from recsys.bundle import open_bundle
from recsys.config import Config
from recsys.evaluation.judging import ALL, COLD, RELISTEN, Cases, find_cases, judge
from recsys.evaluation.methods import HYBRID, hybrid_order
from recsys.evaluation.metrics import ndcg_of_hits, sign_flip_p
from recsys.files import read_pointer
from recsys.holdout import HeldOut, cut_at, hold_out
from recsys.manifest import Manifest, read_manifest
from recsys.training import MadeLists, TrainingData, fit_hybrid
from recsys.trial import Trial, read_trial

LENGTH = 20
MOST_LISTENERS = 2_000
FEWEST_LISTENERS = 50
"""Listeners with discoveries after the live model's last event that make a window worth using."""
FEWEST_COMMON = 6
"""Listeners below which no outcome of the sign-flip test is significant: 2 / 2⁵ > 0.05."""
SIGNIFICANT = 0.05
_DIGITS = 6
_NONE: Positions = np.zeros(0, np.int32)


@dataclass(frozen=True)
class SliceComparison:
    """Mean NDCG@20 of both models over the same `n_listeners`, and the p of their difference."""

    n_listeners: int
    new: float
    live: float
    p: float

    @property
    def worse(self) -> bool:
        """True when the new model is significantly worse."""
        return self.new < self.live and self.p < SIGNIFICANT

    def __str__(self) -> str:
        p = f"p = {self.p:.3f}" if self.p >= 0.001 else "p < 0.001"
        both = f"NDCG@{LENGTH} {self.new:.3f}, live {self.live:.3f}"
        return f"{both} ({self.n_listeners} listeners, {p})"


@dataclass(frozen=True)
class Comparison:
    """The new model's trial, and how it compares.

    Parameters
    ----------
    trial : Trial or None
        To be kept with the new model; None where nobody discovered anything.
    live : str or None
        Version it was compared with.
    basis : str
        What both were judged by, or why they could not be compared.
    slices : dict of str to SliceComparison
        Over all and over cold tracks, and over known ones that are heard again, as far as there is
        anything to compare.
    """

    trial: Trial | None
    live: str | None
    basis: str
    slices: dict[str, SliceComparison]

    @property
    def worse(self) -> dict[str, SliceComparison]:
        """Slices in which the new model is significantly worse."""
        return {name: found for name, found in self.slices.items() if found.worse}

    def __str__(self) -> str:
        if not self.slices:
            return self.basis
        found = "; ".join(f"{name} tracks: {part}" for name, part in self.slices.items())
        return f"compared with {self.live} by {self.basis}: {found}"


def compare_with_live(
    data: TrainingData, config: Config, models: Path, made: MadeLists | None = None
) -> Comparison:
    """Judge what `config` makes of `data`, and compare it with the current version in `models`.

    Lists that the ranker's training needs again are added to `made` (`fit_hybrid`).
    """
    live = read_pointer(models)
    manifest = None
    if live is not None:
        try:
            manifest = read_manifest(models / live)
        except ArtefactError:  # of an older format, or damaged: nothing to compare with
            live = None
    if live is None or manifest is None:
        trial, _ = _run_trial(data, config, hold_out(data.log, seed=config.seed), made)
        return Comparison(trial, None, "there is no live model to compare with", {})
    return _on_later_events(data, config, models / live, manifest, made) or _on_its_own_window(
        data, config, models / live, made
    )


def _on_later_events(
    data: TrainingData, config: Config, folder: Path, manifest: Manifest, made: MadeLists | None
) -> Comparison | None:
    """Both on what came after the live model's last event; None if that is too little."""
    if manifest.last_event_at is None or not data.log.has_timestamps:
        return None
    held = cut_at(data.log, float(np.nextafter(manifest.last_event_at, np.inf)))
    if len(_cases(held, config).users) < FEWEST_LISTENERS:
        return None
    try:
        live = open_bundle(folder).hybrid
    except ArtefactError:  # this version computes other features, for example
        return None
    trial, judged = _run_trial(data, config, held, made)
    if trial is None or judged is None:
        return None
    known = _known_to(live.models.catalogue.items, data.catalogue.items)
    rows = known[judged.past.item_index] != MISSING
    past = _with_items(judged.past.take(rows), known, live.models.catalogue.items)

    def placed(wanted: dict[int, Positions]) -> dict[int, Positions]:
        there = {user: known[found] for user, found in wanted.items()}
        return {user: np.sort(found[found != MISSING]) for user, found in there.items()}

    cases = replace(
        judged.cases,
        histories=Interactions.from_log(past),
        new=placed(judged.cases.new),
        again=placed(judged.cases.again),
    )
    cold = np.ones(len(live.models.catalogue.items), np.bool_)
    cold[known[known != MISSING]] = judged.cold[known != MISSING]
    return _compared(trial, _ndcg(live, cases, judged, cold), folder.name, "what came after it")


def _on_its_own_window(
    data: TrainingData, config: Config, folder: Path, made: MadeLists | None
) -> Comparison:
    """The new model on the window that the live one was judged on when it was published."""
    stored = read_trial(folder)
    held = None
    if stored is not None and stored.cut is None:
        held = hold_out(data.log, seed=stored.seed)
    elif stored is not None and stored.cut is not None and data.log.has_timestamps:
        held = cut_at(data.log, stored.cut)
        if stored.end is not None:
            held = held._replace(later=held.later.take(held.later.timestamp <= stored.end))
    if stored is not None and held is not None and held.protocol == stored.protocol:
        only = set(stored.ndcg[ALL])
        trial, _ = _run_trial(data, config, held, made, only=only, seed=stored.seed)
        common = set() if trial is None else set(trial.ndcg[ALL]) & set(stored.ndcg[ALL])
        if trial is not None and len(common) >= FEWEST_COMMON:
            return _compared(trial, stored.ndcg, folder.name, "the window it was judged on")
    trial, _ = _run_trial(data, config, hold_out(data.log, seed=config.seed), made)
    basis = f"not compared with {folder.name}: too few listeners that both can be judged by"
    return Comparison(trial, folder.name, basis, {})


@dataclass(frozen=True)
class _Judged:
    """Cases of a trial, the past they were judged on, and cold tracks [shape=(n_items,)]."""

    cases: Cases
    past: EventLog
    cold: Mask


def _cases(held: HeldOut, config: Config, only: set[str] | None = None) -> Cases:
    cases = find_cases(held.past, held.later, config, most=np.iinfo(np.int64).max)
    users = np.array(sorted(cases.new), np.int64)
    if only is not None:
        ids = held.past.users.externals(users.tolist())
        users = users[[user_id in only for user_id in ids]] if len(users) else users
    if len(users) > MOST_LISTENERS:
        users = np.sort(np.random.default_rng(config.seed).permutation(users)[:MOST_LISTENERS])
    judged = set(users.tolist())
    again = {user: found for user, found in cases.again.items() if user in judged}
    return replace(cases, users=users, again=again)


def _run_trial(
    data: TrainingData,
    config: Config,
    held: HeldOut,
    made: MadeLists | None,
    *,
    only: set[str] | None = None,
    seed: int | None = None,
) -> tuple[Trial | None, _Judged | None]:
    """Train on the past of `held` and judge by the rest; None where nobody discovers anything."""
    cases = _cases(held, config, only)
    if not len(held.past) or not len(cases.users):
        return None, None
    hybrid = fit_hybrid(data, held.past, config, made)
    judged = _Judged(cases, held.past, np.asarray(hybrid.models.popularity == 0))
    timed = held.cut is not None
    trial = Trial(
        protocol=held.protocol,
        cut=held.cut,
        end=float(held.later.timestamp.max()) if timed else None,
        seed=config.seed if seed is None else seed,
        ndcg=_ndcg(hybrid, cases, judged, judged.cold),
    )
    return trial, judged


def _ndcg(hybrid: Hybrid, cases: Cases, judged: _Judged, cold: Mask) -> dict[str, dict[str, float]]:
    """NDCG of each listener id over all and over cold tracks, and over known ones.

    What is relevant is counted in `judged`: a track that `hybrid` does not know is a miss.
    """
    parts = judge(hybrid, {HYBRID: hybrid_order}, cases, cold=cold).parts
    ids = cases.histories.users.externals(cases.users.tolist())
    new, again = judged.cases.new, judged.cases.again
    everything = np.ones_like(judged.cold)
    values: dict[str, dict[str, float]] = {}
    for name, wanted, counted in (
        (ALL, new, everything),
        (COLD, new, judged.cold),
        (RELISTEN, again, everything),
    ):
        n_relevant = np.array(
            [int(counted[wanted.get(user, _NONE)].sum()) for user in cases.users.tolist()], np.int64
        )
        rows = np.flatnonzero(n_relevant)
        ndcg = ndcg_of_hits(parts[name].hits[HYBRID][rows], n_relevant[rows], LENGTH)
        values[name] = {
            ids[row]: round(float(value), _DIGITS) for row, value in zip(rows, ndcg, strict=True)
        }
    return values


def _compared(
    trial: Trial, live: dict[str, dict[str, float]], version: str, basis: str
) -> Comparison:
    slices = {}
    for name, values in trial.ndcg.items():
        common = sorted(set(values) & set(live.get(name, {})))
        if len(common) < FEWEST_COMMON:
            continue
        new = np.array([values[user] for user in common])
        old = np.array([live[name][user] for user in common])
        p = sign_flip_p((new - old)[:, None], seed=trial.seed)
        slices[name] = SliceComparison(
            len(common), float(new.mean()), float(old.mean()), float(p[0])
        )
    return Comparison(trial, version, basis, slices)


def _known_to(theirs: IdMap, ours: IdMap) -> Positions:
    """Position in `theirs` of each of `ours` [shape=(len(ours),)], `MISSING` where unknown."""
    return theirs.indices(list(ours))


def _with_items(log: EventLog, position: Positions, items: IdMap) -> EventLog:
    """`log` over other items, each at its `position` there."""
    return replace(log, items=items, item_index=position[log.item_index])
