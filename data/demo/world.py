"""Writing a whole demo world to a folder, resumably.

::

    <folder>/world.json      seed and size
    <folder>/music/<artist>/<album>/<number> <title>.<extension>
    <folder>/listens.csv     user_id, path, timestamp, event, play_ratio; written last
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from data.demo.catalogue import DemoSize, Song, plan_songs
from data.demo.files import PARTIAL, write_song
from data.demo.listeners import ListeningLog, simulate
from data.errors import DataError, ParameterError
from data.events import KINDS, EventKind

COLUMNS = ("user_id", "path", "timestamp", "event", "play_ratio")
"""Header of ``listens.csv``."""


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """A world on disk.

    Parameters
    ----------
    music : Path
        Folder of the audio files.
    listens : Path
        The listening log, a CSV file whose paths are relative to the parent of `music`.
    n_tracks, n_artists, n_listeners, n_events : int
        What is in it.
    """

    music: Path
    listens: Path
    n_tracks: int
    n_artists: int
    n_listeners: int
    n_events: int


def write_demo_world(
    folder: Path,
    *,
    seed: int = 7,
    size: DemoSize | None = None,
    workers: int = 2,
    on_progress: Callable[[int, int], None] | None = None,
) -> DemoWorld:
    """Write a library of synthesised music and the log of its simulated listeners.

    A run that was cut off goes on where it stopped, and a finished world is left alone: files that
    exist are never written again.

    Parameters
    ----------
    folder : Path
        Where to; created if need be. Otherwise empty, or a world of the same seed and size.
    seed : int
        Decides everything: equal seeds give equal logs and equal files.
    size : DemoSize, optional
        How large; the default when None.
    workers : int
        Processes that render. Their number changes nothing but the time it takes.
    on_progress : callable, optional
        Called with the number of tracks that are there and of all tracks, after each.

    Returns
    -------
    DemoWorld
        Where everything is, and how much of it.

    Raises
    ------
    ParameterError
        If `workers` is below 1 or `seed` negative.
    DataError
        If `folder` holds something else, or a world of another seed or size.
    """
    size = size or DemoSize()
    if workers < 1:
        raise ParameterError(f"workers must be at least 1, got {workers}: use 1 for this process")
    if seed < 0:
        raise ParameterError(f"seed must not be negative, got {seed}: use 0 or a positive number")
    _claim(folder, seed, size)
    songs = plan_songs(seed, size)
    missing = [song for song in songs if not (folder / song.path).exists()]
    done = len(songs) - len(missing)
    if on_progress:
        on_progress(done, len(songs))
    for _ in _write_songs(missing, folder, workers):
        done += 1
        if on_progress:
            on_progress(done, len(songs))
    listens = folder / "listens.csv"
    if not listens.exists():
        _write_listens(simulate(songs, seed, size), songs, listens)
    return DemoWorld(
        music=folder / "music",
        listens=listens,
        n_tracks=len(songs),
        n_artists=size.n_artists,
        n_listeners=size.n_listeners,
        n_events=size.n_events,
    )


def _claim(folder: Path, seed: int, size: DemoSize) -> None:
    """Make `folder` this world's, or refuse."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"expected a folder for the demo world, {folder} is a file: name another")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"seed": seed, "size": asdict(size)}
    note = folder / "world.json"
    if not note.exists():
        if any(not path.name.endswith(PARTIAL) for path in folder.iterdir()):
            raise DataError(
                f"expected an empty folder or a demo world, {folder} holds other files "
                "and no world.json: name another folder"
            )
        partial = note.with_name(note.name + PARTIAL)
        partial.write_text(json.dumps(wanted, indent=2) + "\n", "utf-8")
        partial.replace(note)
        return
    try:
        found = json.loads(note.read_text("utf-8"))
    except ValueError as error:
        raise DataError(
            f"expected seed and size as JSON in {note}, got {error}: remove the folder and retry"
        ) from error
    if found != wanted:
        raise DataError(
            f"expected a demo world of {wanted} in {folder}, found one of {found}: "
            "name another folder, remove this one, or ask for its seed and size"
        )


def _write_songs(songs: list[Song], folder: Path, workers: int) -> Iterator[Path]:
    """Write `songs`, yielding each path as it is done."""
    if workers == 1 or len(songs) < 2:
        for song in songs:
            yield write_song(song, folder)
        return
    # A spawned child inherits no threads and no locks; a forked one may hang on either.
    pool = ProcessPoolExecutor(min(workers, len(songs)), mp_context=get_context("spawn"))
    try:
        tasks = [pool.submit(write_song, song, folder) for song in songs]
        for task in as_completed(tasks):
            yield task.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _write_listens(log: ListeningLog, songs: list[Song], path: Path) -> None:
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(log, songs))
    partial.replace(path)


def _rows(log: ListeningLog, songs: list[Song]) -> Iterator[tuple[str, str, str, str, str]]:
    paths = [song.path for song in songs]
    columns = zip(
        log.user_index.tolist(),
        log.item_index.tolist(),
        log.timestamp.tolist(),
        log.kind.tolist(),
        log.play_ratio.tolist(),
        strict=True,
    )
    for user, item, timestamp, kind, ratio in columns:
        event = KINDS[kind]
        moment = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        heard = f"{ratio:.2f}" if event is EventKind.PLAY else ""
        yield f"listener{user + 1:04d}", paths[item], moment, event.value, heard
