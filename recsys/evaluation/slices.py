"""Parts of the catalogue and of the listeners that results are given for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data.arrays import Doubles, Mask
from ranker.models import CandidateModels
from recsys.evaluation.judging import (
    ALL,
    COLD,
    COLD_COMPETING,
    RELISTEN,
    WARM,
    WARM_COMPETING,
    Cases,
    Judged,
)

MAIN = (ALL, WARM, COLD, RELISTEN)
"""Slices that the command prints unasked."""

_OF_TRACKS = {
    ALL: "every track the listener has not heard",
    WARM: "tracks somebody took to before the cut; lists cut down to them",
    COLD: "tracks nobody took to before the cut; lists cut down to them",
    WARM_COMPETING: "warm tracks relevant, in lists of the whole catalogue",
    COLD_COMPETING: "cold tracks relevant, in lists of the whole catalogue",
    RELISTEN: "tracks of the history that are played again; lists of the history",
}


@dataclass(frozen=True)
class Cut:
    """A slice: `part` of the results, listeners of `rows`, tracks that lists may hold."""

    name: str
    meaning: str
    part: str
    rows: Mask
    n_items: int


def cut_slices(judged: Judged, cases: Cases, models: CandidateModels) -> Iterator[Cut]:
    """Every slice in which somebody has something relevant."""
    cold = models.popularity == 0
    sizes = {WARM: int((~cold).sum()), COLD: int(cold.sum())}
    competing = judged.parts[COLD].n_relevant.any()
    for name, meaning in _OF_TRACKS.items():
        rows = judged.parts[name].n_relevant > 0
        if rows.any() and (competing or name != WARM_COMPETING):
            yield Cut(name, meaning, name, rows, sizes.get(name, len(cold)))
    rows = judged.parts[ALL].n_relevant > 0
    for name, (meaning, members) in _of_listeners(cases, models).items():
        if (members & rows).any():
            yield Cut(name, meaning, ALL, members & rows, len(cold))


def _of_listeners(cases: Cases, models: CandidateModels) -> dict[str, tuple[str, Mask]]:
    histories = [cases.histories.history(int(user)) for user in cases.users]
    length = np.array([len(history) for history in histories], np.float64)
    log_popularity = np.log1p(models.popularity)
    taste = np.array(
        [
            log_popularity[history.item_index].mean() if len(history) else np.nan
            for history in histories
        ]
    )
    few, some, many = _terciles(length)
    niche, between, mainstream = _terciles(taste)
    bounds = [length[mask].max() if mask.any() else 0 for mask in (few, some, many)]
    return {
        "activity_low": (f"listeners with at most {bounds[0]:.0f} tracks before the cut", few),
        "activity_middle": (f"listeners with at most {bounds[1]:.0f} tracks, and more", some),
        "activity_high": (f"listeners with at most {bounds[2]:.0f} tracks, and more still", many),
        "niche": ("third of listeners whose tracks have the fewest listeners", niche),
        "between": ("third of listeners between niche and mainstream", between),
        "mainstream": ("third of listeners whose tracks have the most listeners", mainstream),
    }


def _terciles(values: Doubles) -> tuple[Mask, Mask, Mask]:
    """Low, middle and high third; equal values fall together, NaN into none."""
    known = values[~np.isnan(values)]
    if not len(known):
        nobody = np.zeros(len(values), np.bool_)
        return nobody, nobody, nobody
    lower, upper = np.quantile(known, (1 / 3, 2 / 3))
    with np.errstate(invalid="ignore"):
        return values <= lower, (values > lower) & (values <= upper), values > upper
