"""Log-mel front end: an audio file as chunks of a spectrogram in decibels.

Equal to ``librosa.power_to_db(librosa.feature.melspectrogram(...), ref=np.max, top_db=80)`` but
computed block by block from the decoder's stream, so that memory holds the mel frames only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from audio_model.decode import AudioStream, DecodeLimits
from audio_model.mel import mel_filterbank
from data.arrays import Floats
from data.errors import ParameterError

_FRAMES_AT_ONCE = 256
PICTURE_COLUMNS = 256
_POWER_FLOOR = 1e-10
"""`amin` of `librosa.power_to_db`."""


def stacked(pieces: Iterable[Floats], columns: int) -> Floats:
    """Rows of `pieces` below one another [shape=(n_rows, columns)], as by `np.concatenate`.

    The bytes grow in place: a list of pieces would stand in memory twice while it is joined, which
    for hours of sound is hundreds of megabytes.
    """
    rows = bytearray()
    for piece in pieces:
        rows += np.ascontiguousarray(piece, np.float32).data
    return np.frombuffer(rows, np.float32).reshape(-1, columns)


@dataclass(frozen=True)
class Spectrogram:
    """The chunks of one track and what decoding told about it.

    Parameters
    ----------
    chunks : np.ndarray [shape=(n_chunks, n_mels, chunk_frames), dtype=float32]
        Decibels relative to the loudest mel cell of the track, `min_db` … 0.
    duration : float
        Seconds decoded.
    digest : str
        SHA-256 of the decoded sound, see `AudioStream`.
    picture : np.ndarray [shape=(n_mels, n_columns), dtype=uint8]
        The whole track, see `FrontEnd.picture`.
    """

    chunks: Floats
    duration: float
    digest: str
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class FrontEnd:
    """Settings of the spectrogram; an encoder works with exactly those it was trained on.

    These are mel bands; `ConstantQFrontEnd` has bands in steps of pitch.

    Parameters
    ----------
    sr : int
        Sample rate in Hz.
    n_fft, hop_length : int
        Window and step of the transform, samples.
    n_mels : int
        Mel bands.
    min_db : float
        Floor in dB relative to the track's maximum.
    chunk_frames : int
        Frames of a chunk (129 are about 3 s).
    max_chunks : int
        Most chunks taken from a track, spread evenly over it.

    Raises
    ------
    ParameterError
        If a size is not positive, `n_fft` is odd, or the floor is not below 0 dB.
    """

    sr: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    min_db: float = -80.0
    chunk_frames: int = 129
    max_chunks: int = 32

    def __post_init__(self) -> None:
        sizes = ("sr", "n_fft", "hop_length", "n_mels", "chunk_frames", "max_chunks")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.n_fft % 2:
            raise ParameterError(f"n_fft must be even, got {self.n_fft}")
        if self.min_db >= 0:
            raise ParameterError(f"min_db must be below 0, got {self.min_db}")

    def power(self, blocks: Iterable[Floats]) -> Floats:
        """Mel power spectrogram of a stream of mono samples at `sr`.

        Parameters
        ----------
        blocks : iterable of np.ndarray [shape=(n,), dtype=float32]
            Consecutive samples, in pieces of any size.

        Returns
        -------
        np.ndarray [shape=(n_frames, n_mels), dtype=float32]
            Frame ``t`` is centred on sample ``t * hop_length``; the signal is padded with zeros.
        """
        bank = mel_filterbank(self.sr, self.n_fft, self.n_mels).T  # (bins, n_mels)
        # Hann, periodic: what `scipy.signal.get_window` gives, without that import of a second.
        phase = 2.0 * np.pi * np.arange(self.n_fft) / self.n_fft
        window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

        def mel(frames: Floats) -> Floats:
            # Single precision takes half the time of double. On music no cell moves by more than
            # 0.001 dB, far less than the cache's float16 rounds away.
            spectrum = scipy.fft.rfft(np.multiply(frames, window, dtype=np.float32), axis=1)
            parts: Floats = spectrum.view(np.float32)  # (n, 2 * bins): real, imaginary, real, …
            np.square(parts, out=parts)
            power: Floats = parts[:, ::2] + parts[:, 1::2]  # (n, bins)
            return power @ bank

        return stacked(map(mel, self._frames(blocks)), self.n_mels)

    def _frames(self, blocks: Iterable[Floats]) -> Iterator[Floats]:
        """Yield overlapping frames [shape=(n, n_fft)], `_FRAMES_AT_ONCE` of them until the last.

        Always as many, so that the result does not depend on how the samples were cut into blocks.
        """
        half = np.zeros(self.n_fft // 2, np.float32)
        step = _FRAMES_AT_ONCE * self.hop_length
        overlap = self.n_fft - self.hop_length
        pending, size = [half], half.size
        for block in chain(blocks, [half]):
            pending.append(block)
            size += block.size
            if size < step + overlap:
                continue
            samples = np.concatenate(pending)
            while samples.size >= step + overlap:
                yield self._framed(samples[: step + overlap])
                samples = samples[step:]
            pending, size = [samples], samples.size
        if size >= self.n_fft:
            yield self._framed(np.concatenate(pending))

    def _framed(self, samples: Floats) -> Floats:
        view = np.lib.stride_tricks.sliding_window_view(samples, self.n_fft)
        return view[:: self.hop_length]

    def decibels(self, power: Floats, loudest: float | None = None) -> Floats:
        """Power as dB relative to `loudest` (by default its own maximum), `min_db` … 0."""
        reference = max(_POWER_FLOOR, float(power.max()) if loudest is None else loudest)
        level = 10.0 * np.log10(np.maximum(_POWER_FLOOR, power)) - 10.0 * np.log10(reference)
        clipped: Floats = np.clip(level, self.min_db, 0.0).astype(np.float32)
        return clipped

    def chunk_starts(self, n_frames: int) -> NDArray[np.int64]:
        """First frame of each chunk that `chunks` takes from a track of `n_frames` frames.

        Returns
        -------
        np.ndarray [shape=(n_chunks,), dtype=int64]
            Evenly spread and without overlap; 0 alone for a track shorter than a chunk.
        """
        count = max(1, min(self.max_chunks, n_frames // self.chunk_frames))
        last = max(0, n_frames - self.chunk_frames)
        return np.rint(np.linspace(0, last, count)).astype(np.int64)

    def chunks(self, power: Floats) -> Floats:
        """At most `max_chunks` chunks in dB, spread evenly over the whole track.

        Parameters
        ----------
        power : np.ndarray [shape=(n_frames, n_mels)]
            Mel power of the track.

        Returns
        -------
        np.ndarray [shape=(n_chunks, n_mels, chunk_frames), dtype=float32]
            As many chunks as fit side by side; a shorter track is one, filled up with `min_db`.
        """
        loudest = float(power.max())
        length = power.shape[0]
        if length < self.chunk_frames:
            padded = np.full((1, self.n_mels, self.chunk_frames), self.min_db, np.float32)
            padded[0, :, :length] = self.decibels(power, loudest).T
            return padded
        starts = self.chunk_starts(length)
        picked = np.stack([power[start : start + self.chunk_frames] for start in starts])
        return np.ascontiguousarray(self.decibels(picked, loudest).transpose(0, 2, 1))

    def picture(self, power: Floats) -> NDArray[np.uint8]:
        """The whole track, small, for people to look at.

        Parameters
        ----------
        power : np.ndarray [shape=(n_frames, n_mels)]
            Mel power of the track.

        Returns
        -------
        np.ndarray [shape=(n_mels, n_columns), dtype=uint8]
            Lowest band first, at most `PICTURE_COLUMNS` columns; 0 is `min_db`, 255 the loudest.
        """
        columns = min(PICTURE_COLUMNS, len(power))
        starts = np.arange(columns) * len(power) // columns
        lengths = np.diff(np.append(starts, len(power)))
        mean = (np.add.reduceat(power, starts, axis=0) / lengths[:, None]).astype(np.float32)
        level: Floats = 1.0 - self.decibels(mean) / self.min_db
        whole: NDArray[np.uint8] = np.rint(255.0 * level.T).astype(np.uint8)
        return whole

    def spectrogram(
        self, path: Path, *, max_seconds: float = DecodeLimits.max_seconds
    ) -> Spectrogram:
        """Decode `path` and return its chunks.

        Raises
        ------
        AudioError
            If the file cannot be analysed; the message is the reason.
        """
        stream = AudioStream(path, self.sr, max_seconds=max_seconds)
        power = self.power(stream)
        return Spectrogram(self.chunks(power), stream.duration, stream.digest, self.picture(power))
