r"""Where tracks lie in taste, as their sound predicts it.

The standardised scores that some listeners give n established tracks, :math:`Y = U S V^\top`, place
each track by its row of :math:`V S`, cut to the strongest directions. Sound predicts these places
by kernel ridge regression, each established track's from the others (in folds): its own plays say
more of it than a newcomer's sound ever will, and tracks are to be compared by the same knowledge.

The mean over what is possible lies near the middle, the nearer the less a sound says. So the
length of a predicted place tells how sure it is, and its direction of which kind the track is.
"""

from __future__ import annotations

import numpy as np

from data.arrays import Doubles, Floats

DIRECTIONS = 24
"""Strongest directions of the listeners' scores that are predicted, at most."""
FOLDS = 20
"""Parts of the established tracks, each predicted from the others, where there are so many."""
_JITTER = 1e-6


def standardised(scores: Floats) -> Floats:
    """Rows [shape=(n_lists, n)] with mean 0 and deviation 1; equal rows are dropped."""
    spread = scores.std(axis=1, keepdims=True)
    told = spread[:, 0] > 0
    scaled: Floats = (scores[told] - scores[told].mean(axis=1, keepdims=True)) / spread[told]
    return scaled


def fit_taste(
    across: Doubles, own: Doubles, wanted: Floats, penalty: float, *, seed: int = 0
) -> tuple[Doubles, Doubles]:
    """Regress places in taste on sound.

    Parameters
    ----------
    across : np.ndarray [shape=(n_landmarks, n)]
        Kernel of landmarks and established tracks.
    own : np.ndarray [shape=(n_landmarks, n_landmarks)]
        Kernel of the landmarks among themselves.
    wanted : np.ndarray [shape=(n_lists, n)]
        Scores of some listeners, `standardised`; at least one list, and two tracks.
    penalty : float
        μ of the regression.
    seed : int
        Seed of the folds.

    Returns
    -------
    map : np.ndarray [shape=(n_landmarks, n_directions)]
        From a track's kernel with the landmarks to its place; the mean over the folds.
    place : np.ndarray [shape=(n, n_directions)]
        Of the established tracks, each predicted without its own scores.
    """
    lists = wanted.astype(np.float64)
    # V S = Y^T U; of few long rows, U comes cheaper from Y Y^T than from a decomposition of Y.
    _, axes = np.linalg.eigh(lists @ lists.T)
    true = lists.T @ axes[:, ::-1][:, : min(DIRECTIONS, lists.shape[1])]  # (n, n_directions)
    true /= max(float(true.std()), 1e-12)
    n = across.shape[1]
    n_folds = min(FOLDS, n)
    fold = np.random.default_rng(seed).permutation(n) % n_folds
    # What all tracks say, of which each fold's share is taken off: cheaper than summing the rest.
    gramian, moments = across @ across.T + penalty * own, across @ true
    map_ = np.zeros(moments.shape)
    place = np.zeros(true.shape)
    for held_out in range(n_folds):
        out = fold == held_out
        part = across[:, out]
        found = np.linalg.solve(_even(gramian - part @ part.T), moments - part @ true[out])
        place[out] = part.T @ found
        map_ += found / n_folds
    return map_, place


def ridge(across: Doubles, own: Doubles, penalty: float) -> Doubles:
    r"""What gives the landmarks their coefficients [shape=(n_landmarks, n)].

    :math:`(K_{\ell n} K_{n\ell} + \mu K_{\ell\ell})^{-1} K_{\ell n}` of the kernels `across` and
    `own`, shaped as for `fit_taste`.
    """
    # With an inverse: a product takes a quarter of the time of solving for as many columns.
    inverse = np.linalg.inv(_even(across @ across.T + penalty * own))
    return np.asarray(inverse @ across, np.float64)


def _even(system: Doubles) -> Doubles:
    """A symmetric system that may be all but singular, made a little less so."""
    jitter = _JITTER * float(np.trace(system)) / len(system)
    return system + jitter * np.eye(len(system))
