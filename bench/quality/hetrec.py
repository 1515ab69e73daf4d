"""HetRec lastfm-2k as the tables that the importers take: artists are tracks."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

CORE = 5


def convert(data: Path, folder: Path) -> tuple[Path, Path]:
    """Write ``plays.csv`` and ``artists.csv`` into `folder`."""
    log, catalogue = folder / "plays.csv", folder / "artists.csv"
    _write(catalogue, ("track_id", "title", "artist"), ((i, n, n) for i, n in _artists(data)))
    _write(log, ("user_id", "track_id", "plays"), _plays(data))
    return log, catalogue


def convert_linked(data: Path, links: Path, folder: Path) -> tuple[Path, Path, dict[str, Path]]:
    """The log of the artists that `links` gives a track, of listeners with five of them or more.

    Returns
    -------
    log, catalogue : Path
        Tables in `folder`.
    files : dict of str to Path
        Track id → audio file, relative to the folder of the music.
    """
    with links.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    # "archive!!file" lies in an archive of the package; unpacked it is called "archive__file".
    files = {
        row["artistID"]: Path(row["package"]) / row["file"].replace("!!", "__") for row in rows
    }
    plays = [row for row in _plays(data) if row[1] in files]
    linked = Counter(user for user, _, _ in plays)
    log, catalogue = folder / "plays.csv", folder / "artists.csv"
    _write(
        log,
        ("user_id", "track_id", "plays"),
        (row for row in plays if linked[row[0]] >= CORE),
    )
    # Whose music a file is says nothing of the artist whose plays it stands for: no artist.
    _write(catalogue, ("track_id", "title"), ((i, n) for i, n in _artists(data) if i in files))
    return log, catalogue, files


def _artists(data: Path) -> list[tuple[str, str]]:
    with (data / "artists.dat").open(encoding="utf-8") as source:
        next(source)
        return [(fields[0], fields[1]) for fields in (line.split("\t") for line in source)]


def _plays(data: Path) -> list[tuple[str, str, str]]:
    with (data / "user_artists.dat").open(encoding="utf-8") as source:
        next(source)
        return [(user, artist, count) for user, artist, count in map(str.split, source)]


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        writer.writerows(rows)
