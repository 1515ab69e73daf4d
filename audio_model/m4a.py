"""AAC and Apple Lossless in MP4 containers, by FFmpeg: for the extra ``recsys[m4a]``.

Offers what `audio_model.decode` reads of ``soundfile.SoundFile``. Like every decoder it runs in the
children that analyse files, never in the serving process.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from data.arrays import Floats
from data.errors import AudioError

CODECS = frozenset({"aac", "alac"})
_BRAND = slice(4, 8)


def is_mp4(head: bytes) -> bool:
    """Whether a file that begins with `head` (8 bytes) is an MP4 container (ISO/IEC 14496-12)."""
    return head[_BRAND] == b"ftyp"


class M4aSound:
    """Samples of the first audio stream of an MP4 file.

    Parameters
    ----------
    descriptor : int
        The open file; it stays open.

    Raises
    ------
    AudioError
        If the extra is not installed, or the file holds no AAC or Apple Lossless.
    """

    format = "M4A"

    def __init__(self, descriptor: int) -> None:
        try:
            # Here, because the library is optional and carries all of FFmpeg with it.
            import av
        except ModuleNotFoundError as error:
            raise AudioError(
                "M4A is not read by this installation: it lacks recsys[m4a]"
            ) from error
        self._failure: Any = av.FFmpegError
        self._container: Any = None
        self._file = os.fdopen(os.dup(descriptor), "rb")
        try:
            # A file object: nothing in the file can make FFmpeg open another one, or an address.
            self._container = av.open(self._file, format="mp4", metadata_errors="replace")
            stream = next(iter(self._container.streams.audio), None)
            if stream is None or stream.codec_context.name not in CODECS:
                raise AudioError("an MP4 file without AAC or Apple Lossless sound")
            stream.codec_context.thread_count = 1
            self._frames = self._container.decode(stream)
            first = next(self._frames)
        except (av.FFmpegError, StopIteration) as error:
            self.__exit__()
            raise AudioError(f"an MP4 file that cannot be decoded ({error})") from error
        except AudioError:
            self.__exit__()
            raise
        # What the header says of the rate is half of it for HE-AAC; the first frame knows.
        self.samplerate = int(first.sample_rate)
        self.channels = len(first.layout.channels)
        self._resampler = av.AudioResampler("flt", first.layout, first.sample_rate)
        self._rest = self._samples(first)

    def __enter__(self) -> M4aSound:
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.close()
        self._file.close()

    def read(self, frames: int, **_: object) -> Floats:
        """At most `frames` samples [shape=(n, channels)]; none at the end, or from damage on."""
        parts, n = [self._rest], len(self._rest)
        while n < frames and (block := self._next()) is not None:
            parts.append(block)
            n += len(block)
        whole = np.concatenate(parts)
        self._rest = whole[frames:]
        return whole[:frames]

    def _next(self) -> Floats | None:
        try:
            frame = next(self._frames, None)
        except self._failure:
            return None
        return None if frame is None else self._samples(frame)

    def _samples(self, frame: Any) -> Floats:
        blocks = [
            one.to_ndarray().reshape(-1, self.channels) for one in self._resampler.resample(frame)
        ]
        empty: Floats = np.zeros((0, self.channels), np.float32)
        return np.concatenate([empty, *blocks])
