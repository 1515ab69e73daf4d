"""Ways in which an audio file can be bad, as functions of a good one and a random generator."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.io import wavfile

EXCERPT_SECONDS = 4.0
SUFFIXES = (".mp3", ".ogg", ".opus", ".flac", ".wav")
_CODECS = {
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".flac": ("FLAC", "PCM_16"),
    ".wav": ("WAV", "PCM_16"),
}


@dataclass(frozen=True)
class Source:
    """A good file: its ending, its bytes, and a piece of its sound.

    Parameters
    ----------
    suffix : str
        Ending of the name.
    content : bytes
        The file.
    y : np.ndarray [shape=(n, channels), dtype=float32]
        Samples of a few seconds.
    sr : int
        Rate of `y` in Hz.
    """

    suffix: str
    content: bytes
    y: np.ndarray
    sr: int


Mutation = Callable[[Source, np.random.Generator, Path], str]
"""Writes a bad file to the path given, which has no ending; returns the ending to give it."""


def excerpt(path: Path, rng: np.random.Generator, scratch: Path) -> Source:
    """A few seconds of a real file, encoded anew in a format that is drawn."""
    with soundfile.SoundFile(path) as sound:
        length = int(EXCERPT_SECONDS * sound.samplerate)
        sound.seek(int(rng.integers(0, max(1, min(sound.frames, 2**31) - length))))
        y, sr = sound.read(length, dtype="float32", always_2d=True)[:, :2], sound.samplerate
    suffix = str(rng.choice(SUFFIXES))
    container, subtype = _CODECS[suffix]
    # Opus knows few rates, MP3 none above 48 kHz; the pitch does not matter here.
    sr = 48_000 if suffix == ".opus" else min(sr, 48_000)
    file = scratch / "excerpt"
    soundfile.write(file, y, sr, format=container, subtype=subtype)
    return Source(suffix, file.read_bytes(), y, sr)


def mutate(
    sources: Sequence[Source],
    count: int,
    folder: Path,
    seed: int,
    kinds: Sequence[str] | None = None,
) -> dict[str, list[Path]]:
    """At least `count` bad files in `folder`, evenly over the kinds; the files of each kind."""
    rng = np.random.default_rng(seed)
    chosen = list(MUTATIONS) if kinds is None else kinds
    each = -(-count // sum(kind not in COSTLY for kind in chosen))
    made: dict[str, list[Path]] = {}
    for kind in chosen:
        made[kind] = []
        for number in range(1 if kind in COSTLY else each):
            source = sources[int(rng.integers(len(sources)))]
            path = folder / kind / f"{number:03d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            made[kind].append(path.rename(path.with_suffix(MUTATIONS[kind](source, rng, path))))
    return made


def _bytes(change: Callable[[bytes, np.random.Generator], bytes]) -> Mutation:
    """Mutation that changes bytes and keeps the ending."""

    def write(source: Source, rng: np.random.Generator, path: Path) -> str:
        path.write_bytes(change(source.content, rng))
        return source.suffix

    return write


def _truncated(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(1, len(content)))]


def _bits_flipped(content: bytes, rng: np.random.Generator) -> bytes:
    changed = np.frombuffer(content, np.uint8).copy()
    where = rng.integers(0, changed.size, int(10 ** rng.uniform(0, 3.5)))
    changed[where] ^= np.left_shift(1, rng.integers(0, 8, where.size)).astype(np.uint8)
    return changed.tobytes()


def _header_bits_flipped(content: bytes, rng: np.random.Generator) -> bytes:
    return _bits_flipped(content[:128], rng) + content[128:]


def _hole(content: bytes, rng: np.random.Generator) -> bytes:
    start, stop = sorted(rng.integers(0, len(content), 2).tolist())
    return content[:start] + rng.bytes(stop - start) + content[stop:]


def _junk_header(content: bytes, rng: np.random.Generator) -> bytes:
    size = int(10 ** rng.uniform(0.5, 3.5))
    return rng.bytes(size) + content[size:]


def _junk_in_front(content: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(10 ** rng.uniform(0.5, 4.5))) + content


def _shuffled(content: bytes, rng: np.random.Generator) -> bytes:
    size = int(rng.integers(64, 4096))
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(pieces[row] for row in rng.permutation(len(pieces)))


def _repeated(content: bytes, rng: np.random.Generator) -> bytes:
    return content * int(rng.integers(2, 6)) + rng.bytes(8)


def _wrong_extension(source: Source, rng: np.random.Generator, path: Path) -> str:
    path.write_bytes(source.content + rng.bytes(4))
    return str(rng.choice([suffix for suffix in SUFFIXES if suffix != source.suffix]))


def _zero_length(_source: Source, rng: np.random.Generator, path: Path) -> str:
    path.touch()
    return str(rng.choice(SUFFIXES))


def _no_audio(_source: Source, rng: np.random.Generator, path: Path) -> str:
    start = [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.7\n",
        b"<!DOCTYPE html>",
        b"PK\x03\x04",
        b"ID3\x04",
    ]
    path.write_bytes(start[int(rng.integers(len(start)))] + rng.bytes(int(rng.integers(1, 50_000))))
    return str(rng.choice(SUFFIXES))


def _few_samples(_source: Source, rng: np.random.Generator, path: Path) -> str:
    suffix = str(rng.choice(SUFFIXES))
    container, subtype = _CODECS[suffix]
    few = rng.uniform(-1, 1, int(rng.choice([1, 1, 1, 2, 100])))
    soundfile.write(path, few, 48_000, format=container, subtype=subtype)
    return suffix


def _at_192_khz(source: Source, rng: np.random.Generator, path: Path) -> str:
    suffix = str(rng.choice([".wav", ".flac"]))
    noisy = source.y + rng.normal(0, 1e-3, source.y.shape)
    soundfile.write(path, noisy, 192_000, format=_CODECS[suffix][0], subtype="PCM_24")
    return suffix


def _of_8_channels(source: Source, rng: np.random.Generator, path: Path) -> str:
    suffix = str(rng.choice([".wav", ".flac", ".ogg"]))
    channels = source.y[:, :1] * rng.uniform(-1, 1, 8)
    container, subtype = _CODECS[suffix]
    soundfile.write(path, channels, source.sr, format=container, subtype=subtype)
    return suffix


def _not_finite(source: Source, rng: np.random.Generator, path: Path) -> str:
    y = source.y.astype(str(rng.choice(["float32", "float64"])))
    rows = rng.integers(0, len(y), int(10 ** rng.uniform(0, 4)))
    y[rows] = rng.choice([np.nan, np.inf, -np.inf, 1e30])
    wavfile.write(path, source.sr, y)  # libsndfile would write the time of day into the file
    return ".wav"


def _lying_wav(source: Source, rng: np.random.Generator, path: Path) -> str:
    """Header fields that contradict each other and the length of the file."""
    bits = int(rng.choice([0, 1, 8, 16, 24, 32, 64, 65535]))
    channels = int(rng.choice([0, 1, 2, 255, 1024, 65535]))
    rate = int(rng.choice([0, 1, 8000, 44_100, 2**31 - 1, 2**32 - 1]))
    frame = int(rng.choice([0, 1, 2, 4, 65535]))
    data = int(rng.choice([0, 1, 1000, 2**31, 2**32 - 1]))
    form = int(rng.choice([1, 1, 1, 3, 7, 0xFFFE]))
    pcm = (source.y[:, 0] * 32_767).astype("<i2").tobytes() + rng.bytes(8)
    path.write_bytes(
        struct.pack("<4sI4s4sI", b"RIFF", (data + 36) % 2**32, b"WAVE", b"fmt ", 16)
        + struct.pack("<HHIIHH", form, channels, rate, rate * frame % 2**32, frame, bits)
        + struct.pack("<4sI", b"data", data)
        + pcm
    )
    return ".wav"


def _silence(_source: Source, rng: np.random.Generator, path: Path) -> str:
    suffix = str(rng.choice(SUFFIXES))
    container, subtype = _CODECS[suffix]
    silent = np.zeros((int(rng.integers(30_000, 200_000)), 2))
    soundfile.write(path, silent, 48_000, format=container, subtype=subtype)
    return suffix


def _ten_hours_of_silence(_source: Source, _rng: np.random.Generator, path: Path) -> str:
    with soundfile.SoundFile(path, "w", 44_100, 1, format="FLAC", subtype="PCM_16") as out:
        minute = np.zeros(60 * 44_100, np.int16)
        for _ in range(600):
            out.write(minute)
    return ".flac"


def _joined(source: Source, rng: np.random.Generator, path: Path) -> str:
    """Two streams of different rates and channels, one after the other."""
    container, subtype = _CODECS[source.suffix]
    other = path.with_name("other")
    y = source.y[:, 0] * rng.uniform(0.2, 1.0)
    soundfile.write(other, y, 24_000, format=container, subtype=subtype)
    path.write_bytes(source.content + other.read_bytes())
    other.unlink()
    return source.suffix


COSTLY = {"10 h of silence"}
"""Kinds of which one file is enough."""

MUTATIONS: dict[str, Mutation] = {
    "truncated": _bytes(_truncated),
    "bits flipped": _bytes(_bits_flipped),
    "bits flipped in the header": _bytes(_header_bits_flipped),
    "random bytes in the middle": _bytes(_hole),
    "junk instead of the header": _bytes(_junk_header),
    "junk before the header": _bytes(_junk_in_front),
    "pieces shuffled": _bytes(_shuffled),
    "repeated": _bytes(_repeated),
    "two streams joined": _joined,
    "wrong extension": _wrong_extension,
    "zero length": _zero_length,
    "no audio": _no_audio,
    "a few samples": _few_samples,
    "192 kHz": _at_192_khz,
    "8 channels": _of_8_channels,
    "samples not finite": _not_finite,
    "lying WAV header": _lying_wav,
    "silence": _silence,
    "10 h of silence": _ten_hours_of_silence,
}
