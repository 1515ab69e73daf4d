"""Encoders in child processes: the only way in which a user's file is opened at serving time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from audio_model.decode import DecodeLimits
from audio_model.encoder import Analysis, Encoder, EncoderCard
from audio_model.workers import ChildPool
from data.errors import AudioError

__all__ = ["Analysis", "AnalysisPool", "DecodeLimits"]


class AnalysisPool:
    """Analyse audio files in limited child processes, each with an encoder of its own.

    A file that crashes its child, outgrows the limits or takes too long costs an `AudioError`; the
    child is replaced. Safe to use from several threads; use it as a context manager, or `close` it.

    Parameters
    ----------
    encoder_dir : Path
        Folder of the encoder.
    workers : int
        Number of child processes.
    limits : DecodeLimits
        What one file may cost.

    Raises
    ------
    ParameterError
        If `workers` is below 1.
    ArtefactError
        If the encoder is missing or damaged.
    """

    def __init__(
        self, encoder_dir: Path, workers: int = 1, limits: DecodeLimits | None = None
    ) -> None:
        limits = limits or DecodeLimits()
        card = EncoderCard.read(encoder_dir)
        self.encoder_id = card.encoder_id
        self.dimension = card.dimension
        self._pool = ChildPool(
            partial(_load_analyser, encoder_dir, limits.max_seconds), workers, limits, writes=False
        )

    def __enter__(self) -> AnalysisPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child processes."""
        self._pool.close()

    def analyse(self, path: Path, timeout: float | None = None) -> Analysis:
        """Vector, duration and digest of one audio file.

        Parameters
        ----------
        path : Path
            The file.
        timeout : float, optional
            Seconds, the wait for an idle child included; by default `limits.timeout_seconds`.

        Raises
        ------
        AudioError
            If the file cannot be analysed; the message is the reason.
        """
        return self._pool.run(path, timeout)

    def map(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Analysis | AudioError]]:
        """Analyse many files; yield each as it finishes, in any order, failures as values."""
        return self._pool.map(paths)


def _load_analyser(encoder_dir: Path, max_seconds: float) -> Callable[[Path], Analysis]:
    return partial(Encoder.load(encoder_dir).analyse, max_seconds=max_seconds)
