"""Clips of FMA, the Free Music Archive's data set, described by its table.

The layout is that of https://github.com/mdeff/fma (Defferrard et al., "FMA: A Dataset For Music
Analysis", ISMIR 2017); track 2 lies at ``000/000002.mp3``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import DataError, ParameterError
from data.importers.described import scan_described
from data.importers.fma_table import Row, Subset, read_rows
from data.importers.tags import clean_text, parse_year
from data.record_labels import first_label
from data.report import ImportReport, Problem, Progress
from data.store import Store
from data.tracks import Track

PARTS = {"training": "train", "validation": "validation", "test": "test"}
"""The table's names of the parts of its split → ours."""

WHOLE_CLIP = 29.0
"""Seconds; clips are 30 s long, some broken ones much shorter."""

_BETWEEN_LABELS = re.compile(r"[,;\r\n]+")
_SUBSET_FOLDER = re.compile(r"fma_(small|medium|large|full)")


@dataclass(frozen=True)
class FmaClips:
    """The clips of one subset.

    Parameters
    ----------
    audio : Path
        Folder of the clips.
    subset : Subset
        Which subset.
    rows : dict of str to Row
        Absolute path of an audio file, whether it is there or not → what the table says.
    problems : list of Problem
        Rows that were left out.
    """

    audio: Path
    subset: Subset
    rows: Mapping[str, Row]
    problems: list[Problem]

    def describe(self, track: Track) -> Track:
        """`track` with the table's words, if it is one of the clips.

        The length stays that of the file: the table gives the one of the track it was cut from. The
        genre is the table's even where that is blank (a track of several top-level genres), since
        the tags' genres are of another vocabulary. The label is that of the tags, where they name
        one: the table knows the artist's labels only, of which the first is taken.
        """
        row = self.rows.get(track.path or "")
        if row is None:
            return track
        return replace(
            track,
            title=clean_text(row.title) or track.title,
            artist=clean_text(row.artist) or track.artist,
            album=clean_text(row.album) or track.album,
            genre=clean_text(row.genre),
            label=track.label or clean_text(first_label(_BETWEEN_LABELS.split(row.labels))),
            year=parse_year(row.released) or parse_year(row.recorded) or track.year,
        )


def open_fma(metadata: Path, audio: Path, subset: Subset | None = None) -> FmaClips:
    """Read ``tracks.csv`` and find out where its clips should be.

    Parameters
    ----------
    metadata : Path
        Folder ``fma_metadata``, or the table itself.
    audio : Path
        Folder of the clips, such as ``fma_small``.
    subset : Subset or None
        Subset whose rows count; None = the one that the folder is named after.

    Raises
    ------
    ParameterError
        If no subset is given and the folder's name tells none.
    DataError
        If a folder or the table is missing, or the table is of another layout.
    """
    if not audio.is_dir():
        raise DataError(f"{audio} is no folder: name the one that holds 000/000002.mp3 and so on")
    folder = Path(os.path.abspath(audio))  # noqa: PTH100  (as the scan does: links stay)
    if subset is None:
        named = _SUBSET_FOLDER.search(folder.name)
        if named is None:
            raise ParameterError(
                f"which part of FMA is in {folder.name}? Expected a folder named fma_small, "
                "fma_medium, fma_large or fma_full; otherwise give --subset"
            )
        subset = Subset(named.group(1))
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    for row in read_rows(metadata, problems):
        if not subset.holds(row.subset):
            continue
        name = f"{row.fma_id:06d}.mp3"
        path = str(folder / name[:3] / name)
        if path in rows:
            problems.append(Problem(row.where, f"track {row.fma_id} is there already"))
            continue
        rows[path] = row
    if not rows:
        raise DataError(f"the table holds no track of the subset {subset}")
    return FmaClips(folder, subset, rows, problems)


def import_fma(
    clips: FmaClips, store: Store, *, on_progress: Progress | None = None
) -> ImportReport:
    """Register the clips that are there, described by the table.

    A clip that is missing, or so broken that it cannot be read, is a problem in the report, and so
    is a row that makes no sense. MP3 files that the subset does not name count as ignored.

    Raises
    ------
    DataError
        If none of the clips is there.
    """
    there = [Path(path) for path in clips.rows if os.path.lexists(path)]
    if not there:
        raise DataError(
            f"none of the {len(clips.rows)} clips of FMA's {clips.subset} subset is "
            f"in {clips.audio}: expected {Path(min(clips.rows)).relative_to(clips.audio)} and so on"
        )
    report = scan_described(there, store, clips.describe, on_progress=on_progress)
    for path in sorted(clips.rows.keys() - set(map(str, there))):
        report.skip(path, "the clip is missing")
    for where, reason in clips.problems:
        report.skip(where, reason)
    for row in clips.rows.values():
        if row.split not in PARTS:
            report.flag(row.where, f"{row.split!r} is no part of a split; the track is without one")
    report.ignored += sum(str(path) not in clips.rows for path in clips.audio.rglob("*.mp3"))
    lengths = [track.duration for track in store.tracks() if track.path in clips.rows]
    short = sum(length is not None and length < WHOLE_CLIP for length in lengths)
    if short and clips.subset is not Subset.FULL:
        report.notes.append(f"{short} clips are shorter than {WHOLE_CLIP:.0f} s")
    return report


def official_split(clips: FmaClips, tracks: Iterable[Track]) -> dict[str, str]:
    """Track id → train, validation or test, of those `tracks` that are clips."""
    found = ((track.track_id, clips.rows.get(track.path or "")) for track in tracks)
    return {track_id: PARTS[row.split] for track_id, row in found if row and row.split in PARTS}
