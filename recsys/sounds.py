"""Sounds that clients sent, for a short while: their vectors and pictures, never the audio.

One file each, in a folder that all server processes see.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_model.files import replacing
from data.arrays import Floats
from data.errors import NotFoundError, ParameterError

KEPT_S = 3600.0
"""Seconds for which a sound is kept."""
_SWEEP_EVERY_S = 60.0
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class SentSound:
    """One sound.

    Parameters
    ----------
    encoder_id : str
        What computed the vector.
    vector : np.ndarray [shape=(dimension,), dtype=float32]
        Of unit length.
    picture : np.ndarray [shape=(n_bands, n_columns), dtype=uint8]
        Spectrogram, lowest band first.
    """

    encoder_id: str
    vector: Floats
    picture: NDArray[np.uint8]


class SentSounds:
    """The sounds in a folder.

    Parameters
    ----------
    folder : Path
        Created when the first sound comes.
    kept_s : float
        Seconds for which a sound is kept.
    """

    def __init__(self, folder: Path, kept_s: float = KEPT_S) -> None:
        self._folder = folder
        self._kept_s = kept_s
        self._swept_at = float("-inf")

    def put(self, sound: SentSound) -> str:
        """Keep `sound`, and return the id that it can be asked for by."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        query_id = secrets.token_urlsafe(16)
        with replacing(self._file(query_id)) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                encoder_id=np.array(sound.encoder_id),
                vector=sound.vector.astype(np.float32),
                picture=sound.picture,
            )
        return query_id

    def get(self, query_id: str) -> SentSound:
        """The sound of this id.

        Raises
        ------
        NotFoundError
            If there is none, or its time is over.
        """
        file = self._file(query_id) if _ID.fullmatch(query_id) else None
        try:
            if file is None or time.time() - file.stat().st_mtime > self._kept_s:
                raise _gone(query_id)
            with np.load(file, allow_pickle=False) as arrays:
                return SentSound(str(arrays["encoder_id"]), arrays["vector"], arrays["picture"])
        except FileNotFoundError as error:
            raise _gone(query_id) from error

    def vector(self, query_id: str, encoder_id: str) -> Floats:
        """Vector of the sound, if it is one of `encoder_id`.

        Raises
        ------
        NotFoundError
            If there is no such sound.
        ParameterError
            If a model with another encoder has been published since it was sent.
        """
        sound = self.get(query_id)
        if sound.encoder_id != encoder_id:
            raise ParameterError(
                f"query {query_id!r} was analysed for encoder {sound.encoder_id!r}, the current "
                f"model has {encoder_id!r}: send the file again"
            )
        return sound.vector

    def _file(self, query_id: str) -> Path:
        return self._folder / f"{query_id}.npz"

    def _sweep(self) -> None:
        """Delete what has been kept long enough."""
        now = time.time()
        if now - self._swept_at < min(_SWEEP_EVERY_S, self._kept_s):
            return
        self._swept_at = now
        for file in self._folder.glob("*.npz"):
            try:
                if now - file.stat().st_mtime > self._kept_s:
                    file.unlink()
            except FileNotFoundError:  # another process was quicker
                continue


def _gone(query_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no query {query_id!r} (any more): sounds are kept for an hour; send the file "
        "again with POST /v1/similar"
    )
