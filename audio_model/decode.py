"""Audio files as a stream of mono blocks, in bounded memory, whatever the file claims.

What the container says about itself is never trusted: `.frames` of libsndfile overstates truncated
MP3 files and reads 2⁶³−1 for OGG without an end mark, and `soundfile.blocks` repeats stale samples
where such a file stops. So the loop reads until nothing comes, and every limit is counted on what
was decoded.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from audio_model.m4a import M4aSound, is_mp4
from data.arrays import Floats
from data.errors import AudioError

SHORTEST_SECONDS = 0.5
SAMPLE_RATES = (4_000, 768_000)
"""Sample rates in Hz that music comes in; beyond them resampling could multiply memory at will."""
BLOCK_VALUES = 2**15
"""Values (frames × channels) decoded at a time; a damaged block is lost as a whole."""
LOUDEST = 2.0**32
"""Float files scaled as 32-bit integers stay below this; more would overflow the power spectrum."""
QUIETEST = 2.0**-16
"""Half a step of 16 bits. Decoded silence of Opus is not zero, but far below this."""

_CONTAINERS = {"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", M4aSound.format}


@dataclass(frozen=True)
class DecodeLimits:
    """What one file may cost.

    Parameters
    ----------
    max_seconds : float
        Longest audio that is analysed, seconds of sound.
    memory_mb : int
        Memory that one analysis may add to its child process, MiB.
    cpu_seconds : int
        Processor time of one analysis, seconds.
    timeout_seconds : float
        Wall time of one analysis, seconds.
    """

    max_seconds: float = 4 * 3600.0
    memory_mb: int = 2048
    cpu_seconds: int = 300
    timeout_seconds: float = 600.0


def _open(path: Path) -> tuple[int, soundfile.SoundFile | M4aSound]:
    """Open by descriptor, so that the content decides about the format and never the name."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise AudioError(f"cannot be opened ({error.strerror})") from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise AudioError("not a regular file")
        if facts.st_size == 0:
            raise AudioError("the file is empty")
        if is_mp4(os.pread(descriptor, 8, 0)):
            return descriptor, M4aSound(descriptor)
        sound = soundfile.SoundFile(descriptor, closefd=False)
    except soundfile.LibsndfileError as error:
        os.close(descriptor)
        raise AudioError(
            f"not an audio file that can be read ({error.error_string.rstrip('.')}); "
            "MP3, FLAC, OGG, Opus and WAV are"
        ) from error
    except AudioError:
        os.close(descriptor)
        raise
    return descriptor, sound


class AudioStream:
    """One pass over the samples of a file; what was learned on the way stands in its attributes.

    Parameters
    ----------
    path : Path
        The audio file.
    sr : int
        Sample rate in Hz that the blocks are resampled to.
    max_seconds : float
        Longest sound that is accepted.

    Attributes
    ----------
    duration : float
        Seconds decoded, complete once the iteration has ended.
    digest : str
        SHA-256 of the mono mix as 16-bit PCM at the file's own rate (the rate goes first), in
        hexadecimal: equal for lossless copies of the same recording, whatever their tags.
    """

    def __init__(
        self, path: Path, sr: int, *, max_seconds: float = DecodeLimits.max_seconds
    ) -> None:
        self.path = path
        self.sr = sr
        self.max_seconds = max_seconds
        self.duration = 0.0
        self.digest = ""

    def __iter__(self) -> Iterator[Floats]:
        """Yield mono blocks [shape=(n,), dtype=float32] at `sr`.

        Raises
        ------
        AudioError
            If the file cannot be read, or is too short, too long, silent or not finite.
        """
        descriptor, sound = _open(self.path)
        try:
            with sound:
                yield from self._resampled(sound)
        finally:
            os.close(descriptor)

    def _resampled(self, sound: soundfile.SoundFile | M4aSound) -> Iterator[Floats]:
        if sound.format not in _CONTAINERS:
            raise AudioError(
                f"{sound.format} files are not analysed; MP3, FLAC, OGG, Opus and WAV are"
            )
        rate = int(sound.samplerate)
        if not SAMPLE_RATES[0] <= rate <= SAMPLE_RATES[1]:
            raise AudioError(
                f"sample rate {rate} Hz; expected {SAMPLE_RATES[0]} to {SAMPLE_RATES[1]} Hz"
            )
        if rate == self.sr:
            yield from self._mono(sound, rate)
            return
        resampler = soxr.ResampleStream(rate, self.sr, 1, dtype="float32", quality="HQ")
        for block in self._mono(sound, rate):
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    def _mono(self, sound: soundfile.SoundFile | M4aSound, rate: int) -> Iterator[Floats]:
        pcm = hashlib.sha256(rate.to_bytes(4, "little"))
        frames = 0
        loudest = 0.0
        weights = np.full(sound.channels, 1.0 / sound.channels, np.float32)
        for block in _blocks(sound):
            # Exact to the bit for one and two channels, and thrice as fast as `mean`.
            mono: Floats = block @ weights  # (frames,)
            peak = float(np.abs(mono).max())
            if not peak <= LOUDEST:
                raise AudioError("samples that are not finite numbers, or absurdly large")
            loudest = max(loudest, peak)
            frames += mono.size
            if frames > self.max_seconds * rate:
                raise AudioError(f"longer than the {self.max_seconds:.0f} s that are analysed")
            scaled = np.rint(mono * np.float32(32768.0))
            pcm.update(np.clip(scaled, -32768, 32767).astype("<i2").tobytes())
            yield mono
        self.duration = frames / rate
        self.digest = pcm.hexdigest()
        if self.duration < SHORTEST_SECONDS:
            raise AudioError(f"shorter than {SHORTEST_SECONDS} s ({self.duration:.2f} s decoded)")
        if loudest < QUIETEST:
            raise AudioError("no sound: every sample is zero, or would be in 16 bits")


def read_sound(path: Path, *, max_seconds: float) -> tuple[Floats, int]:
    """All samples of a file, for those who change them; `AudioStream` serves those who analyse.

    Returns
    -------
    y : np.ndarray [shape=(n, channels), dtype=float32]
        Samples as they were decoded.
    sr : int
        Their rate in Hz.

    Raises
    ------
    AudioError
        If the file cannot be read, is empty, or is longer than `max_seconds`.
    """
    descriptor, sound = _open(path)
    try:
        with sound:
            blocks: list[Floats] = []
            frames = 0
            for block in _blocks(sound):
                blocks.append(block)
                frames += len(block)
                if frames > max_seconds * sound.samplerate:
                    raise AudioError(f"longer than {max_seconds:.0f} s")
            if not blocks:
                raise AudioError("nothing could be decoded")
            return np.concatenate(blocks), int(sound.samplerate)
    finally:
        os.close(descriptor)


def _blocks(sound: soundfile.SoundFile | M4aSound) -> Iterator[Floats]:
    """Yield what decodes [shape=(frames, channels)]; damage ends the stream, as in a player."""
    frames = max(1, BLOCK_VALUES // sound.channels)
    while True:
        try:
            block = sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            return
        if not len(block):
            return
        yield block
