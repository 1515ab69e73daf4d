"""``recsys library``: which tracks there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from recsys.cli.output import err, finish_import, progress
from recsys.cli.session import opened

app = typer.Typer(help="Register tracks.", no_args_is_help=True)


@app.command("add")
def add(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Folders or audio files.")],
    genre_from_folder: Annotated[
        bool,
        typer.Option(
            "--genre-from-folder", help="The first folder below each of PATHS is the genre."
        ),
    ] = False,
    reread: Annotated[
        bool,
        typer.Option("--reread", help="Read unchanged files, too, and fill what is not known."),
    ] = False,
) -> None:
    """Walk folders, read tags, register tracks; run again to take in what changed."""
    from data.importers.genre_folders import import_genre_folders
    from data.importers.library import scan_library

    with opened(context) as (workspace, store):
        add_files = import_genre_folders if genre_from_folder else scan_library
        with progress("reading tags") as advance:
            report = add_files(paths, store, reread=reread, on_progress=advance)
        finish_import(report, workspace.problems("library-add"))


@app.command("add-fma")
def add_fma(
    context: typer.Context,
    metadata: Annotated[Path, typer.Argument(help="Folder fma_metadata, unpacked.")],
    audio: Annotated[Path, typer.Argument(help="Folder of the clips, such as fma_small.")],
    subset: Annotated[
        Literal["small", "medium", "large", "full"] | None,
        typer.Option(help="Part of FMA [default: by the folder's name].", show_default=False),
    ] = None,
) -> None:
    """Register the clips of the FMA data set with its labels, and keep its official split."""
    from data.importers.fma import import_fma, official_split, open_fma
    from data.importers.fma_table import Subset
    from data.importers.track_split import split_lines
    from recsys.files import write_atomically

    with opened(context) as (workspace, store):
        with err.status("reading the table"):
            clips = open_fma(metadata, audio, None if subset is None else Subset(subset))
        with progress("reading tags") as advance:
            report = import_fma(clips, store, on_progress=advance)
        split = official_split(clips, store.tracks())
        file = workspace.split(f"fma-{clips.subset}")
        write_atomically(file, split_lines(split))
        report.notes.append(f"the official split of {len(split)} tracks is in {file}")
        finish_import(report, workspace.problems("library-add-fma"))


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or parquet with a column track_id.")],
) -> None:
    """Register tracks of a table: track_id, path, title, artist, album, genre, label and so on."""
    from data.importers.catalogue import import_catalogue

    with opened(context) as (workspace, store):
        finish_import(import_catalogue(file, store), workspace.problems("library-import"))
