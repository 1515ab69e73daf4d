r"""Scores carried over to tracks that few have heard, by how they sound.

For one listener, established tracks j have scores :math:`y_j` (what their kind plays,
standardised). Kernel ridge regression of :math:`y` on sound gives newcomers theirs:

.. math::
    s(c) = k_c^\top (K_{\ell n} K_{n \ell} + \mu K_{\ell\ell})^{-1} K_{\ell n}\, y, \qquad
    k(a, b) = e^{-\gamma \lVert a - b \rVert^2}

over unit vectors, with landmarks :math:`\ell` among the n established tracks (Williams and Seeger,
"Using the Nyström method to speed up kernel machines", NIPS 2000); with all of them as landmarks it
is exact. Everything but :math:`y` is known beforehand, and :math:`y` is a sum over the tracks that
the listener likes. So what each track says for the landmarks is worked out once, a request adds up
a few rows of it, and the share of a liked track in the score of a newcomer is an inner product.

Where some listeners' scores are known beforehand, tracks are also compared by where their sound
places them in taste (`cf_model.taste`): a second regression of the same form, over the directions
of these places, is added, and weighs twice as much. What the first says of a track is divided by
the square root of its place's length: half of what evening out took from tracks whose sound says
little. On a real log with a fifth of the tracks cold, recall@20 and NDCG@20 among them rise from
.297 and .166 to .312 and .191: means of the five splits by which this form was chosen.

Vectors are compared as they are or in the encoder's content space (`audio_model.finishing`), by
which of them predicts the scores of held-out established tracks better: evening out the directions
helps to find a recording again, and may hide the broad ones that tastes differ in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cf_model.config import CarrySettings
from cf_model.item_item import Weights
from cf_model.taste import fit_taste, ridge, standardised
from data.arrays import Doubles, Floats, Mask, Positions

_SIZE = 20_000_000
"""Numbers in each of the two arrays that have a row for each track and columns for each landmark,
as long as `_FEWEST` landmarks allow: 80 MB of a bundle."""
_FEWEST = 64
"""Landmarks however many tracks there are."""
_FOLDS = 5
_JUDGED = 800
"""Established tracks that the space is chosen by, at most."""
_SOUND = 0.5
"""Weight of what sound says beside what the predicted taste says."""
_EQUAL = 1e-6
"""Spread of the scores below which they are equal but for rounding."""


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
    said : np.ndarray [shape=(n_items, n_columns), dtype=float32]
        What each track of a history adds to the coefficients of the kernel's columns, before the
        scores are divided by their spread.
    newcomers : np.ndarray [shape=(n_newcomers,), dtype=int32]
        Tracks that scores are carried to.
    kernel : np.ndarray [shape=(n_newcomers, n_columns), dtype=float32]
        Of newcomers and landmarks: a column for each by sound, and one for each by taste.
    taste : np.ndarray [shape=(n_landmarks, n_directions), dtype=float32]
        From kernels of sound to places in taste; without directions sound alone is compared.
    taste_centre : np.ndarray [shape=(n_directions,), dtype=float32]
        Mean of the established tracks' places.
    taste_landmarks : np.ndarray [shape=(n_landmarks, n_directions), dtype=float32]
        Unit rows: where the landmarks lie from there.
    """

    content: Floats
    centre: Floats
    landmarks: Floats
    width: float
    established: Positions
    said: Floats
    newcomers: Positions
    kernel: Floats
    taste: Floats
    taste_centre: Floats
    taste_landmarks: Floats

    def coefficients(self, liked: Positions, weight: Floats, score: Floats) -> Floats:
        """Coefficients [shape=(n_columns,)] for the listener who likes the tracks `liked`.

        Each of them counts by its `weight` [shape=(n_liked,)]; `score` [shape=(n_items,)] is what
        they say for every track.
        """
        # Most tracks have no score where only near neighbours have weights.
        scored = np.flatnonzero(score != 0)  # of booleans, five times as quick
        known = score[scored[self._is_established[scored]]].astype(np.float64)
        n = len(self.established)
        mean = known.sum() / n
        spread = float(np.sqrt(max(known @ known / n - mean * mean, 0.0)))
        if spread <= _EQUAL:
            return np.zeros(self.said.shape[1], np.float32)
        total: Floats = weight @ self.said[liked] / np.float32(spread)
        return total

    def evidence(self, liked: Positions, weight: Floats, kernel: Floats) -> Floats:
        """Share of each of `liked` in the score of the track of each row of a kernel.

        Returns
        -------
        np.ndarray [shape=(n_liked, n), dtype=float32]
            Up to the spread of the scores, which all shares are divided by.
        """
        shares: Floats = weight[:, None] * (self.said[liked] @ kernel.T)
        return shares

    def towards(self, vectors: Floats) -> Floats:
        """Kernel [shape=(m, n_columns)] of tracks with `vectors` [shape=(m, dimension)]."""
        sound = _kernel(self._placed(vectors), self.landmarks, self.width)
        if not self.taste.shape[1]:
            return sound
        place = sound @ self.taste
        # At least some length: nothing that sound predicts may become infinite.
        length = np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-9)
        direction = _unit(place - self.taste_centre)
        taste = _kernel(direction, self.taste_landmarks, self.width)
        return np.hstack([sound / np.sqrt(length), taste])

    @cached_property
    def _is_established(self) -> Mask:
        mask = np.zeros(len(self.said), np.bool_)
        mask[self.established] = True
        return mask

    def _placed(self, vectors: Floats) -> Floats:
        return _unit(vectors @ self.content - self.centre)


def fit_carry(
    embeddings: Floats,
    newcomers: Mask,
    established: Mask,
    weights: Weights,
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
    weights : np.ndarray or scipy.sparse.csr_matrix [shape=(n_items, n_items), dtype=float32]
        Item–item weights whose sums are the scores.
    settings : CarrySettings
        Landmarks, γ and μ.
    content : np.ndarray [shape=(dimension, n_content)], optional
        Map to another space that sound may be compared in; taken if it predicts better.
    scores : np.ndarray [shape=(n_lists, n_items), dtype=float32], optional
        Scores of some listeners, which it is judged by, and which taste is learned from; without
        any, `content` is taken, and sound alone is compared.
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
    wanted = np.zeros((0, len(source)), np.float32)
    if scores is not None and len(source) > 1:
        wanted = standardised(scores[:, source])
    columns = 2 if len(wanted) else 1  # for each landmark
    # By all tracks, not by the established ones: what is kept has rows for the others too.
    most = max(_FEWEST, _SIZE // (columns * len(embeddings)))
    n_landmarks = min(len(source), settings.landmarks, most)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(source))[:n_landmarks])
    landmarks = known[chosen]
    across = _kernel(landmarks, known, settings.width).astype(np.float64)  # (landmarks, n)
    # (columns, n): from standardised scores to coefficients
    readout = ridge(across, across[:, chosen], settings.penalty).astype(np.float32)
    nothing = np.zeros((n_landmarks, 0), np.float32)
    carry = Carry(
        content=map_,
        centre=centre,
        landmarks=landmarks,
        width=settings.width,
        established=source,
        said=nothing,
        newcomers=to,
        kernel=nothing,
        taste=nothing,
        taste_centre=nothing[0],
        taste_landmarks=nothing,
    )
    if len(wanted):
        carry, more = _with_taste(carry, across, chosen, wanted, settings, seed)
        kernel = carry.towards(embeddings[to if len(to) else source])
        readout = _balanced(readout, more, kernel, wanted)
    # Column after column, as products with one listener's coefficients like it.
    kernel = np.asfortranarray(carry.towards(embeddings[to]))
    return replace(carry, said=_said(weights, source, readout), kernel=kernel)


def _with_taste(
    carry: Carry,
    across: Doubles,
    chosen: NDArray[np.intp],
    wanted: Floats,
    settings: CarrySettings,
    seed: int,
) -> tuple[Carry, Floats]:
    """`carry` that knows places in taste, and the readout of a regression over their directions.

    Parameters
    ----------
    across : np.ndarray [shape=(n_landmarks, n_established)]
        Kernel of sound.
    chosen : np.ndarray [shape=(n_landmarks,)]
        Which of the established tracks the landmarks are.
    wanted : np.ndarray [shape=(n_lists, n_established)]
        Some listeners' standardised scores.
    """
    map_, place = fit_taste(across, across[:, chosen], wanted, settings.penalty, seed=seed)
    middle = place.mean(axis=0)
    directions = _unit(place - middle)
    landmarks = directions[chosen]
    alike = _kernel(landmarks, directions, settings.width).astype(np.float64)
    known = replace(
        carry,
        taste=map_.astype(np.float32),
        taste_centre=middle.astype(np.float32),
        taste_landmarks=landmarks,
    )
    return known, ridge(alike, alike[:, chosen], settings.penalty).astype(np.float32)


def _balanced(sound: Floats, taste: Floats, kernel: Floats, wanted: Floats) -> Floats:
    """Both readouts in one, scaled so that what they say varies as they are to weigh.

    Parameters
    ----------
    sound, taste : np.ndarray [shape=(n_landmarks, n_established)]
        Readouts.
    kernel : np.ndarray [shape=(n, 2 · n_landmarks)]
        Of tracks that it is judged by.
    wanted : np.ndarray [shape=(n_lists, n_established)]
        Scores of listeners that it is judged by.
    """
    scaled = []
    columns = np.hsplit(kernel, 2)
    for part, readout, weight in zip(columns, (sound, taste), (_SOUND, 1.0), strict=True):
        spread = float((part @ (readout @ wanted.T)).std())
        scaled.append(readout * np.float32(weight / spread if spread > 0 else weight))
    return np.concatenate(scaled)


def _misfit(vectors: Floats, scores: Floats, settings: CarrySettings, seed: int) -> float:
    """Squared error of held-out tracks [shape=(n, d)] over lists of scores [shape=(n_lists, n)].

    Scores are standardised; lists that are the same everywhere say nothing.
    """
    wanted = standardised(scores) if len(scores) else scores
    n = len(vectors)
    if not len(wanted) or n < _FOLDS:
        return 0.0
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


def _said(weights: Weights, established: Positions, readout: Floats) -> Floats:
    """Σ_j (w_ij − w̄_i) r_j over the established tracks j, for every track i."""
    towards = weights[:, established]
    mean = np.asarray(towards.mean(axis=1), np.float32).reshape(-1, 1)
    said = towards @ np.ascontiguousarray(readout.T)
    said -= mean * readout.sum(axis=1, dtype=np.float64).astype(np.float32)
    return np.asarray(said, np.float32)


def _kernel(rows: Floats, landmarks: Floats, width: float) -> Floats:
    """Gaussian kernel of unit rows [shape=(n, n_landmarks)]."""
    kernel: Floats = np.exp(np.float32(-2.0 * width) * (np.float32(1.0) - rows @ landmarks.T))
    return kernel


def _unit(vectors: Floats) -> Floats:
    """Rows scaled to unit length."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit.astype(np.float32)
