"""Two-dimensional views of a space of vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from openTSNE import TSNE
from sklearn.decomposition import PCA

from audio_model.index.base import unit_rows
from data.arrays import Floats

PERPLEXITY = 30.0
OTHERS = "other genres"
NONE = "no genre"
PALETTE = (
    "#332288", "#cc6677", "#117733", "#ddcc77", "#88ccee", "#882255", "#44aa99", "#999933",
    "#aa4499",
)  # fmt: skip
"""Paul Tol's "muted" scheme, told apart by colour-blind readers too."""
GREYS = {OTHERS: "#8a8a8a", NONE: "#c4c4c4"}


@dataclass(frozen=True)
class View:
    """A picture of the space.

    Parameters
    ----------
    name : str
        What was computed, for headings.
    points : np.ndarray [shape=(n, 2)]
        Place of each track.
    """

    name: str
    points: Floats


def pca_view(vectors: Floats) -> tuple[View, list[float]]:
    """First two principal components, and the shares of variance that they hold."""
    pca = PCA(n_components=2, svd_solver="full")
    points = pca.fit_transform(unit_rows(vectors)[0].astype(np.float64))
    shares = [float(share) for share in pca.explained_variance_ratio_]
    return View("PCA", points.astype(np.float32)), shares


def tsne_view(vectors: Floats, *, seed: int) -> View:
    """t-SNE of the cosine distances (van der Maaten and Hinton, JMLR 2008).

    Perplexity is 30, or a third of the number of other tracks if that is less.
    """
    model = TSNE(
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        metric="cosine",
        neighbors="exact",
        n_jobs=1,  # sums of several threads would come out a little different each time
        random_state=seed,
    )
    points = np.asarray(model.fit(unit_rows(vectors)[0].astype(np.float64)))
    return View("t-SNE", points.astype(np.float32))


def genre_colours(genres: Sequence[str | None]) -> tuple[list[str], dict[str, str]]:
    """Name of each track's colour group, and the colours in the order of a legend.

    The commonest genres have colours of their own; the rest shares a grey.
    """
    counts = Counter(genre for genre in genres if genre is not None)
    common = sorted(counts, key=lambda genre: (-counts[genre], genre))[: len(PALETTE)]
    groups = [NONE if g is None else g if g in common else OTHERS for g in genres]
    colours = dict(zip(common, PALETTE, strict=False))
    return groups, colours | {name: grey for name, grey in GREYS.items() if name in groups}
