"""Slaney mel filterbank, equal to `librosa.filters.mel` without importing librosa."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_HZ_PER_MEL = 200.0 / 3.0
"""Slope of the scale below the break frequency."""
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0
"""Above the break, 27 mels span a factor of 6.4 in frequency."""


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequencies in Hz on the mel scale of Slaney's Auditory Toolbox."""
    above = np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    mel: NDArray[np.float64] = np.where(hz < _BREAK_HZ, hz / _HZ_PER_MEL, _BREAK_MEL + above)
    return mel


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    hz: NDArray[np.float64] = np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)
    return hz


@lru_cache(maxsize=4)
def mel_filterbank(sr: int, n_fft: int, n_mels: int) -> NDArray[np.float32]:
    """Triangular filters from 0 Hz to the Nyquist frequency, each of unit area.

    Parameters
    ----------
    sr : int
        Sample rate in Hz.
    n_fft : int
        Length of the transform in samples.
    n_mels : int
        Number of filters.

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + n_fft // 2), dtype=float32]
        Row ``m`` weighs the power of each frequency bin in band ``m``; read-only, since shared.

    References
    ----------
    M. Slaney, Auditory Toolbox, 1998; `librosa.filters.mel` with ``norm="slaney"``.
    """
    bins = np.fft.rfftfreq(n_fft, d=1.0 / sr)
    top = hz_to_mel(np.array([sr / 2.0]))[0]
    edges = mel_to_hz(np.linspace(0.0, top, n_mels + 2))
    width = np.diff(edges)
    ramps = edges[:, None] - bins[None, :]  # (n_mels + 2, bins)
    rising = -ramps[:-2] / width[:-1, None]
    falling = ramps[2:] / width[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    bank = filters.astype(np.float32)
    bank.flags.writeable = False
    return bank
