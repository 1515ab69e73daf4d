"""``recsys library``: which tracks there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.output import finish_import, progress
from recsys.cli.session import opened

app = typer.Typer(help="Register tracks.", no_args_is_help=True)


@app.command("add")
def add(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Folders or audio files.")],
) -> None:
    """Walk folders, read tags, register tracks; run again to take in what changed."""
    from data.importers.library import scan_library

    with opened(context) as (workspace, store):
        with progress("reading tags") as advance:
            report = scan_library(paths, store, on_progress=advance)
        finish_import(report, workspace.problems("library-add"))


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or parquet with a column track_id.")],
) -> None:
    """Register tracks of a table: track_id, path, title, artist, album, genre, year, duration."""
    from data.importers.catalogue import import_catalogue

    with opened(context) as (workspace, store):
        finish_import(import_catalogue(file, store), workspace.problems("library-import"))
