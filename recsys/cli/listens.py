"""``recsys listens``: who heard what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.output import finish_import, progress
from recsys.cli.session import opened

app = typer.Typer(help="Import listening events.", no_args_is_help=True)


@app.callback()
def noun() -> None:
    """Import listening events."""


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or parquet.")],
) -> None:
    """Import events: user_id, track_id (or path, or artist and title), timestamp or plays."""
    from data.importers.listens import import_listens

    with opened(context) as (workspace, store):
        with progress("reading events") as advance:
            report = import_listens(file, store, on_progress=advance)
        finish_import(report, workspace.problems("listens-import"))
