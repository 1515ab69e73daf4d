"""Opens a bundle and ranks once; run as a child process that may die of a damaged file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from data.errors import RecsysError
from data.interactions import History
from ranker.hybrid import Hybrid, discovering_listener
from recsys.bundle import open_bundle


def rank_once(hybrid: Hybrid) -> None:
    """Rank for a listener who has played the first track."""
    n_items = len(hybrid.models.catalogue.items)
    heard = np.arange(min(1, n_items), dtype=np.int32)
    ones = np.ones(len(heard), np.float32)
    history = History(heard, ones, 0 * ones, 0 * ones, ones.astype(np.float64))
    listener = discovering_listener(hybrid.models, history)
    hybrid.rank(listener)
    hybrid.rank_known(listener, heard)


def main(folder: Path) -> int:
    """Exit status 0 when the bundle works; else the reason is the last line on stderr."""
    try:
        hybrid = open_bundle(folder).hybrid
    except RecsysError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    rank_once(hybrid)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
