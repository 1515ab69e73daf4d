"""Constant-Q front end: bands in equal steps of pitch, as an alternative to mel bands.

Equal to ``librosa.amplitude_to_db(np.abs(librosa.cqt(...)), ref=np.max, top_db=80)``, computed in
overlapping pieces of some 24 s, so that memory holds the finished frames and one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from audio_model.frontend import FrontEnd, stacked
from data.arrays import Floats
from data.errors import ParameterError

_FRAMES_AT_ONCE = 1024


@dataclass(frozen=True)
class ConstantQFrontEnd(FrontEnd):
    """Settings of a constant-Q spectrogram; chunks and decibels are those of `FrontEnd`.

    A band lies ``1 / bins_per_octave`` octaves above the last, so that a melody in another key is
    the same picture moved up or down. Some 2.5 times slower than the mel bands, as `librosa` does
    the work; it is imported when the first sound is transformed, thus in the analysing child.

    Parameters
    ----------
    n_mels : int
        Bands; the name is that of `FrontEnd`, since networks take their height from it.
    transform : {"cqt"}
        Tells the card of an encoder which front end it is.
    fmin : float
        Centre of the lowest band, Hz; C1 by default.
    bins_per_octave : int
        Bands of an octave; 12 are semitones.

    Raises
    ------
    ParameterError
        If a setting is out of range, or the highest band lies beyond the Nyquist frequency.
    """

    # Windows follow from the bands, so the settings of this front end have no `n_fft`.
    n_fft: ClassVar[int] = 2  # type: ignore[misc]
    n_mels: int = 84
    transform: Literal["cqt"] = "cqt"
    fmin: float = 32.70319566257483
    bins_per_octave: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.transform != "cqt":
            raise ParameterError(f"transform must be 'cqt', got {self.transform!r}")
        if self.bins_per_octave < 1:
            raise ParameterError(f"bins_per_octave must be at least 1, got {self.bins_per_octave}")
        if not self.fmin > 0:
            raise ParameterError(f"fmin must be above 0 Hz, got {self.fmin}")
        top = self.fmin * 2.0 ** (self.n_mels / self.bins_per_octave)
        if top > self.sr / 2:
            raise ParameterError(
                f"{self.n_mels} bands from fmin {self.fmin:.1f} Hz reach {top:.0f} Hz, a sample "
                f"rate of {self.sr} Hz ends at {self.sr / 2:.0f} Hz: take fewer bands"
            )

    @property
    def _window(self) -> int:
        """Samples of the longest filter, rounded up to the power of two that it is computed in."""
        quality = 1.0 / (2.0 ** (1.0 / self.bins_per_octave) - 1.0)
        return int(2 ** np.ceil(np.log2(quality * self.sr / self.fmin)))

    def power(self, blocks: Iterable[Floats]) -> Floats:
        """Constant-Q power spectrogram of a stream of mono samples at `sr`.

        Parameters
        ----------
        blocks : iterable of np.ndarray [shape=(n,), dtype=float32]
            Consecutive samples, in pieces of any size.

        Returns
        -------
        np.ndarray [shape=(n_frames, n_mels), dtype=float32]
            Frame ``t`` is centred on sample ``t * hop_length``; the signal is padded with zeros.
        """
        return stacked(self._pieces(blocks), self.n_mels)

    def _pieces(self, blocks: Iterable[Floats]) -> Iterator[Floats]:
        """Yield consecutive rows of the power, transformed with context on both sides."""
        # Beside the filter itself, the octaves' resampling reaches over the edges of a piece; with
        # two windows on each side pieces and whole differ by less than 0.01 dB at -80 dB.
        margin = -(-2 * self._window // self.hop_length)  # frames
        pending: list[Floats] = [np.zeros(0, np.float32)]
        size, left = 0, 0  # samples held, and frames of them that are context only
        for block in blocks:
            pending.append(block)
            size += block.size
            wanted = (left + _FRAMES_AT_ONCE + margin) * self.hop_length
            if size < wanted:
                continue
            samples = np.concatenate(pending)
            while samples.size >= wanted:
                yield self._transformed(samples[:wanted])[left : left + _FRAMES_AT_ONCE]
                samples = samples[max(0, left + _FRAMES_AT_ONCE - margin) * self.hop_length :]
                left = min(margin, left + _FRAMES_AT_ONCE)
                wanted = (left + _FRAMES_AT_ONCE + margin) * self.hop_length
            pending, size = [samples], samples.size
        if size:
            yield self._transformed(np.concatenate(pending))[left:]

    def _transformed(self, samples: Floats) -> Floats:
        """Power [shape=(1 + n // hop_length, n_mels)] of a piece of n samples."""
        # Not at the top: the serving parent imports this module and must not load librosa.
        import librosa

        frames = 1 + samples.size // self.hop_length
        # librosa warns of a signal shorter than the window, and refuses a very short one.
        padded = np.pad(samples, (0, max(0, self._window - samples.size)))
        spectrum = librosa.cqt(
            padded,
            sr=self.sr,
            hop_length=self.hop_length,
            fmin=self.fmin,
            n_bins=self.n_mels,
            bins_per_octave=self.bins_per_octave,
        )  # (bins, frames)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        whole: Floats = np.ascontiguousarray(power[:, :frames].T, dtype=np.float32)
        return whole


def frontend_from(settings: dict[str, Any]) -> FrontEnd:
    """Front end of an encoder's card: the settings of `dataclasses.asdict`, read back.

    Cards without `transform` are of mel spectrograms.

    Raises
    ------
    ParameterError
        If a setting is out of range.
    TypeError
        If a setting is unknown.
    """
    return ConstantQFrontEnd(**settings) if "transform" in settings else FrontEnd(**settings)
