"""A request for a list: what is asked for, and who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from data.arrays import Positions
from data.errors import ParameterError
from data.interactions import History
from ranker.config import RerankSettings
from ranker.listener import Listener
from ranker.models import CandidateModels
from recsys.filters import EVERYTHING, Filters
from recsys.lists import Mode
from recsys.seeds import NO_SEEDS, PlacedSeeds, Seed, asking, with_seeds


@dataclass(frozen=True)
class ListRequest:
    """What is asked for.

    Parameters
    ----------
    n, offset : int
        Length of the page, and entries to leave out before it.
    cursor : str or None
        From the page before; `offset` must be 0 then.
    mode : Mode
        New tracks, known ones, or both in turns.
    filters : Filters
        What may be listed.
    seeds : sequence of Seed
        What the list should be nearer to, or farther from.
    dials : RerankSettings
        How the list is re-ranked.
    explain : bool
        Give the numbers behind each entry.

    Raises
    ------
    ParameterError
        If a number is out of range, or an offset comes with a cursor.
    """

    n: int = 20
    offset: int = 0
    cursor: str | None = None
    mode: Mode = Mode.DISCOVER
    filters: Filters = EVERYTHING
    seeds: Sequence[Seed] = ()
    dials: RerankSettings = field(default_factory=RerankSettings)
    explain: bool = False

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ParameterError(f"n must be at least 1, got {self.n}")
        if self.offset < 0:
            raise ParameterError(f"offset must be at least 0, got {self.offset}")
        if self.offset and self.cursor is not None:
            raise ParameterError("expected an offset or a cursor, got both: leave one of them out")


@dataclass(frozen=True)
class Asking:
    """A listener at the moment of a request.

    Parameters
    ----------
    models : CandidateModels
        Models in which everything that was named has a position.
    history : History
        Their own, without seeds.
    seeds : PlacedSeeds
        What they named.
    nudge : PlacedSeeds
        What moves the order, seeds included.
    """

    models: CandidateModels
    history: History
    seeds: PlacedSeeds = NO_SEEDS
    nudge: PlacedSeeds = NO_SEEDS

    def listener(self, excluded: Positions) -> Listener:
        """The listener as sources and features see them."""
        if not len(self.seeds):
            return self.models.listener(self.history, excluded)
        own = self.models.listener(self.history, excluded).taste if len(self.history) else None
        listener = self.models.listener(with_seeds(self.history, self.seeds), excluded)
        return asking(self.models, listener, own, self.seeds)
