r"""Scores carried over to tracks that few have heard, by how they sound.

For one listener, established tracks j have scores :math:`y_j` (what their kind plays,
standardised). Kernel ridge regression of :math:`y` on sound gives newcomers theirs:

.. math::
    s(c) = k_c^\top (K_{\ell n} K_{n \ell} + \mu K_{\ell\ell})^{-1} K_{\ell n}\, y, \qquad
    k(a, b) = e^{-\gamma \lVert a - b \rVert^2}

over unit vectors, with landmarks :math:`\ell` among the n established tracks (Williams and Seeger,
"Using the Nyström method to speed up kernel machines", NIPS 2000); with all of them as landmarks it
is exact. Everything but :math:`y` is known beforehand, so a request costs two small products.

Vectors are compared as they are or in the encoder's content space (`audio_model.finishing`), by
which of them predicts the scores of held-out established tracks better: evening out the directions
helps to find a recording again, and may hide the broad ones that tastes differ in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cf_model.config import CarrySettings
from data.arrays import Floats, Mask, Positions

_PRODUCTS = 20_000_000
"""Largest size of the readout, in numbers: what a request multiplies, and 80 MB of a bundle."""
_JITTER = 1e-6
_FOLDS = 5
_JUDGED = 800
"""Established tracks that the space is chosen by, at most."""
FEW = 0.2
"""Share of the established tracks with a score up to which only these are looked up."""


@dataclass(frozen=True)
class Carry:
    """Regression of a listener's scores on sound, all but the scores.

    Parameters
    ----------
    content : np.ndarray [shape=(dimension, n_content), dtype=float32]
        Map from vectors to what is compared.
    centre : np.ndarray [shape=(n_content,), dtype=float32]
        Mean of the established tracks there.
    landmarks : np.ndarray [shape=(n_landmarks, n_content), dtype=float32]
        Unit rows.
    width : float
        γ.
    established : np.ndarray [shape=(n_established,), dtype=int32]
        Tracks that scores are carried from.
    readout : np.ndarray [shape=(n_landmarks, n_established), dtype=float32]
        From their standardised scores to the landmarks' coefficients.
    newcomers : np.ndarray [shape=(n_newcomers,), dtype=int32]
        Tracks that scores are carried to.
    kernel : np.ndarray [shape=(n_newcomers, n_landmarks), dtype=float32]
        Of newcomers and landmarks.
    """

    content: Floats
    centre: Floats
    landmarks: Floats
    width: float
    established: Positions
    readout: Floats
    newcomers: Positions
    kernel: Floats

    def coefficients(self, score: Floats) -> Floats:
        """Coefficients [shape=(n_landmarks,)] for one listener's `score` [shape=(n_items,)]."""
        known = score[self.established]
        spread = float(known.std())
        if spread <= 0:
            return np.zeros(len(self.landmarks), np.float32)
        said = np.flatnonzero(known)  # most are 0 where only near neighbours have weights
        if len(said) > FEW * len(known):
            found: Floats = self.readout @ ((known - known.mean()) / np.float32(spread))
            return found
        total = known[said] @ self.readout.T[said] - known.mean() * self._readout_sum
        return np.asarray(total / np.float32(spread), np.float32)

    @cached_property
    def _readout_sum(self) -> Floats:
        total: Floats = self.readout.sum(axis=1)
        return total

    def towards(self, vectors: Floats) -> Floats:
        """Kernel [shape=(m, n_landmarks)] of tracks with `vectors` [shape=(m, dimension)]."""
        return _kernel(self._placed(vectors), self.landmarks, self.width)

    def speaking(self, kernel: Floats) -> Floats:
        """Weight of each established track [shape=(n_established,)] for a row of a kernel."""
        weights: Floats = kernel @ self.readout
        return weights

    def _placed(self, vectors: Floats) -> Floats:
        return _unit(vectors @ self.content - self.centre)


def fit_carry(
    embeddings: Floats,
    newcomers: Mask,
    established: Mask,
    settings: CarrySettings,
    content: Floats | None = None,
    *,
    scores: Floats | None = None,
    seed: int = 0,
) -> Carry | None:
    """Prepare the regression; None where no established track has a vector.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32]
        Audio vectors; NaN rows where a track has none.
    newcomers, established : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that scores are carried to, and from; none is both.
    settings : CarrySettings
        Landmarks, γ and μ.
    content : np.ndarray [shape=(dimension, n_content)], optional
        Map to another space that sound may be compared in; taken if it predicts better.
    scores : np.ndarray [shape=(n_lists, n_items), dtype=float32], optional
        Scores of some listeners, which it is judged by; without any, `content` is taken.
    seed : int
        Seed of the choice of landmarks, and of folds.
    """
    with_sound = ~np.isnan(embeddings).any(axis=1)
    source = np.flatnonzero(established & with_sound).astype(np.int32)
    to = np.flatnonzero(newcomers & with_sound).astype(np.int32)
    if not len(source):
        return None
    map_ = np.eye(embeddings.shape[1], dtype=np.float32)
    if content is not None:
        judged = source
        if len(source) > _JUDGED:
            judged = np.random.default_rng(seed).permutation(source)[:_JUDGED]
        wanted = np.zeros((0, 0), np.float32) if scores is None else scores[:, judged]
        if _misfit(embeddings[judged] @ content, wanted, settings, seed) <= _misfit(
            embeddings[judged], wanted, settings, seed
        ):
            map_ = content
    raw = embeddings[source] @ map_
    centre = raw.mean(axis=0)
    known = _unit(raw - centre)
    n_landmarks = min(len(source), settings.landmarks, max(64, _PRODUCTS // len(source)))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(source))[:n_landmarks])
    landmarks = known[chosen]
    across = _kernel(landmarks, known, settings.width).astype(np.float64)  # (landmarks, n)
    system = across @ across.T + settings.penalty * across[:, chosen]
    system[np.diag_indices_from(system)] += _JITTER * np.trace(system) / n_landmarks
    carry = Carry(
        content=map_,
        centre=centre,
        landmarks=landmarks,
        width=settings.width,
        established=source,
        # A column for each track lies together, so that few of them can be read alone.
        readout=np.asfortranarray(np.linalg.solve(system, across), np.float32),
        newcomers=to,
        kernel=np.zeros((0, n_landmarks), np.float32),
    )
    return replace(carry, kernel=carry.towards(embeddings[to]))


def _misfit(vectors: Floats, scores: Floats, settings: CarrySettings, seed: int) -> float:
    """Squared error of held-out tracks [shape=(n, d)] over lists of scores [shape=(n_lists, n)].

    Scores are standardised; lists that are the same everywhere say nothing.
    """
    scores = scores[scores.std(axis=1) > 0] if len(scores) else scores
    n = len(vectors)
    if not len(scores) or n < _FOLDS:
        return 0.0
    wanted = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
    unit = _unit(vectors - vectors.mean(axis=0))
    kernel = _kernel(unit, unit, settings.width).astype(np.float64)
    fold = np.random.default_rng(seed).permutation(n) % _FOLDS
    error = 0.0
    for held_out in range(_FOLDS):
        train, test = fold != held_out, fold == held_out
        system = kernel[np.ix_(train, train)] + settings.penalty * np.eye(int(train.sum()))
        found = kernel[np.ix_(test, train)] @ np.linalg.solve(system, wanted[:, train].T)
        error += float(((found.T - wanted[:, test]) ** 2).sum())
    return error


def _kernel(rows: Floats, landmarks: Floats, width: float) -> Floats:
    """Gaussian kernel of unit rows [shape=(n, n_landmarks)]."""
    kernel: Floats = np.exp(np.float32(-2.0 * width) * (np.float32(1.0) - rows @ landmarks.T))
    return kernel


def _unit(vectors: Floats) -> Floats:
    """Rows scaled to unit length."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit.astype(np.float32)
