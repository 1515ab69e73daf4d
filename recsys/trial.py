"""How well a published model did: what the next one is compared with, kept beside its bundle.

It names listeners, unlike the bundle itself: whoever is erased has to be taken out (`forget`).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from recsys.files import write_atomically
from recsys.holdout import Protocol

TRIAL = "trial.json"


class Trial(BaseModel):
    """How well a model did, its kind trained on what lies before a window of the log.

    ``ndcg["all"]["ada"]`` is the NDCG@20 of listener ada over all tracks. The window reaches from
    `cut` to `end`, UNIX seconds; both are None for a random split, which `seed` decides then.
    """

    format: Literal[1] = 1
    protocol: Protocol
    cut: float | None
    end: float | None
    seed: int
    ndcg: dict[str, dict[str, float]]

    def listeners(self) -> set[str]:
        """Ids of the listeners in it."""
        return {user_id for values in self.ndcg.values() for user_id in values}

    def means(self) -> dict[str, float]:
        """Mean NDCG@20 over the listeners, by slice."""
        return {
            name: sum(values.values()) / len(values) for name, values in self.ndcg.items() if values
        }

    def without(self, user_ids: Collection[str]) -> Trial:
        """The trial with these listeners left out."""
        kept = {
            name: {user: value for user, value in values.items() if user not in user_ids}
            for name, values in self.ndcg.items()
        }
        return self.model_copy(update={"ndcg": kept})


def write_trial(folder: Path, trial: Trial | None) -> None:
    """Keep `trial` in the folder of a bundle."""
    if trial is not None:
        write_atomically(folder / TRIAL, trial.model_dump_json())


def read_trial(folder: Path) -> Trial | None:
    """Trial of the bundle in `folder`, None where there is none that can be read."""
    try:
        return Trial.model_validate_json((folder / TRIAL).read_text("utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, ValidationError):
        return None


def forget(models: Path, user_id: str) -> None:
    """Take a listener out of the trial of every version in `models`, unfinished ones included."""
    for file in models.glob(f"*/{TRIAL}"):
        trial = read_trial(file.parent)
        if trial is not None and user_id in trial.listeners():
            write_trial(file.parent, trial.without({user_id}))
