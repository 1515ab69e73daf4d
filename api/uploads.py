"""Audio that a client sends: judged by its bytes, kept in a private file, gone afterwards.

The service never decodes it: that is left to the child processes of `api.decoding`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from werkzeug.datastructures import FileStorage

from api.problems import ProblemError
from audio_model.m4a import is_mp4

HEAD_BYTES = 16
MULTIPART_OVERHEAD = 64 * 1024
"""Bytes that a request may have beyond its file: boundaries, headers, the other fields."""


def audio_suffix(head: bytes) -> str | None:
    """File suffix for audio that begins with `head` (``HEAD_BYTES`` bytes), None for anything else.

    Names and declared types are the client's claims, so only the content counts.
    """
    if head.startswith(b"fLaC"):
        return ".flac"
    if head.startswith(b"OggS"):
        return ".ogg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return ".wav"
    if is_mp4(head):
        return ".m4a"
    if head.startswith(b"ID3") or _is_mpeg_frame(head):
        return ".mp3"
    return None


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether `head` is the header of an MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 0b11, head[1] >> 1 & 0b11
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 0b11
    # Layer 0 is reserved here and marks AAC in ADTS, which libsndfile does not read.
    return version != 0b01 and layer != 0b00 and bitrate != 0b1111 and rate != 0b11


@contextmanager
def private_copy(upload: FileStorage, max_bytes: int) -> Iterator[Path]:
    """Path of a copy of `upload` that only this user can read, removed on leaving.

    Parameters
    ----------
    upload : FileStorage
        The uploaded file.
    max_bytes : int
        Largest size that is accepted.

    Raises
    ------
    ProblemError
        413 if the file is larger than `max_bytes`, 415 if it is not audio of a known type.
    """
    stream = upload.stream
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size > max_bytes:
        raise ProblemError(
            413, "too-large", f"the file has {size:,} bytes, at most {max_bytes:,} are accepted"
        )
    suffix = audio_suffix(stream.read(HEAD_BYTES))
    stream.seek(0)
    if suffix is None:
        raise ProblemError(
            415,
            "audio-type",
            "the file does not begin like MP3, FLAC, Ogg, WAV or M4A audio: convert it",
        )
    # mkdtemp makes the folder 0700, so the name of the file in it tells nobody anything.
    with tempfile.TemporaryDirectory(prefix="recsys-upload-") as folder:
        path = Path(folder, f"upload{suffix}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(stream, copy)
        yield path
