r"""What lists are like, beside hitting: spread over the catalogue, surprise, variety, popularity.

Every figure is about the first `LENGTH` entries of the lists of all judged listeners.

- *coverage*: share of the catalogue that is in at least one list.
- *Gini of exposure*: 0 when every track of the catalogue is listed equally often, near 1 when a few
  tracks are in every list (Fleder and Hosanagar, "Blockbuster culture's next rise or fall",
  Management Science 2009).
- *novelty*: mean self-information :math:`-\log_2 p_i` of the entries, bits, with
  :math:`p_i = (n_i + 1) / (N + 1)` for a track with :math:`n_i` of :math:`N` listeners (Vargas and
  Castells, "Rank and relevance in novelty and diversity metrics", RecSys 2011; the ones keep cold
  tracks finite).
- *diversity*: mean cosine distance of two entries of a list, 0 … 2 (Ziegler et al., "Improving
  recommendation lists through topic diversification", WWW 2005). NaN without audio vectors.
- *artist repetition*: share of a list's entries whose artist stands further up already.
- *popularity lift*: mean number of listeners of a list's tracks, divided by that of the tracks
  which its listener likes; above 1 the list is more mainstream than its listener (after
  Abdollahpouri et al., "The unfairness of popularity bias in recommendation", 2019).
- *cold share*: share of the entries that nobody took to before the cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Positions
from data.rows import Rows
from ranker.models import CandidateModels
from recsys.evaluation.schema import Beyond

LENGTH = 20


def describe_lists(
    lists: NDArray[np.int32], liked: list[Positions], models: CandidateModels, n_listeners: int
) -> Beyond:
    """Figures of one method's lists.

    Parameters
    ----------
    lists : np.ndarray [shape=(n_lists, LENGTH), dtype=int32]
        Positions, best first; −1 beyond the end of a list.
    liked : list of np.ndarray
        Tracks that the listener of each list likes.
    models : CandidateModels
        Popularity, artists and vectors at the cut.
    n_listeners : int
        Listeners of the log before the cut.
    """
    entries = lists[lists >= 0]
    popularity = np.asarray(models.popularity, np.float64)
    exposure = np.bincount(entries, minlength=len(popularity))
    information = -np.log2((popularity + 1.0) / (max(n_listeners, int(popularity.max())) + 1.0))
    filled = [row[row >= 0] for row in lists]
    lifts = [
        popularity[row].mean() / popularity[own].mean()
        for row, own in zip(filled, liked, strict=True)
        if len(row) and len(own) and popularity[own].any()
    ]
    return Beyond(
        length=float((lists >= 0).sum(axis=1).mean()),
        coverage=float((exposure > 0).mean()),
        gini=gini(exposure),
        novelty=_mean(information[entries]),
        diversity=_mean(np.array([list_diversity(row, models.embeddings) for row in filled])),
        artist_repetition=_mean(
            np.array([artist_repetition(models.catalogue.artist[row]) for row in filled])
        ),
        popularity_lift=_mean(np.array(lifts)),
        cold_share=_mean((popularity == 0)[entries].astype(np.float64)),
    )


def gini(exposure: NDArray[np.integer]) -> float:
    """Gini coefficient of how often each track is listed [shape=(n_items,)]; 0 if none is."""
    total = float(exposure.sum())
    if not total:
        return 0.0
    n = len(exposure)
    ranks = np.arange(1, n + 1)
    return float(((2 * ranks - n - 1) @ np.sort(exposure)) / (n * total))


def list_diversity(entries: Positions, embeddings: Rows | None) -> float:
    """Mean cosine distance between two entries; NaN for fewer than two with a vector."""
    if embeddings is None:
        return float("nan")
    vectors = embeddings[entries].astype(np.float64)
    vectors = vectors[~np.isnan(vectors[:, 0])]
    n = len(vectors)
    if n < 2:
        return float("nan")
    # Unit vectors: the sum of all cosines is the squared length of their sum, n of them are 1.
    return float(1.0 - ((vectors.sum(axis=0) ** 2).sum() - n) / (n * (n - 1)))


def artist_repetition(artists: NDArray[np.int32]) -> float:
    """Share of entries whose artist (−1 = unknown, never equal) was there before; NaN if empty."""
    if not len(artists):
        return float("nan")
    known = artists[artists >= 0]
    return (len(known) - len(np.unique(known))) / len(artists)


def _mean(values: Doubles) -> float | None:
    """Mean of what can be computed; None where nothing can."""
    usable = values[~np.isnan(values)]
    return float(usable.mean()) if len(usable) else None
