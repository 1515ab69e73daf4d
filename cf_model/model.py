"""What ALS leaves behind; serving needs this and not the library that fitted it."""

from __future__ import annotations

from dataclasses import dataclass

from cf_model.fold_in import FoldIn
from data.arrays import Floats
from data.rows import Rows


@dataclass(frozen=True)
class CollaborativeModel:
    """Item factors and what is needed to place any listener among them.

    Parameters
    ----------
    item_factors : np.ndarray or StackedRows [shape=(n_items, factors), dtype=float32]
        Rows of tracks that nobody is positive about are 0 and mean nothing; see `support`.
    support : np.ndarray [shape=(n_items,), dtype=float32]
        Number of listeners who are positive about each track; 0 = the factor cannot score.
    regularization : float
        λ that was used.
    user_factors : np.ndarray [shape=(n_users, factors), dtype=float32] or None
        Of the log's listeners, for what is learned on top; None in a model that was read back.
    objective : tuple of float
        What was minimised, after each iteration (see `cf_model.objective`).
    """

    item_factors: Rows
    support: Floats
    regularization: float
    user_factors: Floats | None = None
    objective: tuple[float, ...] = ()

    @property
    def fold_in(self) -> FoldIn:
        """Solver that places a listener among these factors."""
        return FoldIn(self.item_factors, self.regularization)
