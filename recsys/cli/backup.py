"""``recsys backup`` and ``recsys restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.output import err, out
from recsys.cli.session import workspace_of


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Archive to write; must not exist.")],
) -> None:
    """Write database, settings, encoders and models into one archive, while in use."""
    from recsys.backup import write_backup

    kept = write_backup(workspace_of(context), file)
    out.print(f"{kept.n_files} files in {file}", markup=False)
    if not kept.with_database:
        err.print("without tracks and listens: their database is not in the workspace")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Archive that `recsys backup` wrote.")],
) -> None:
    """Unpack an archive into a new workspace and check it."""
    from recsys.backup import restore_backup

    home = workspace_of(context).home
    kept = restore_backup(file, home)
    out.print(f"{kept.n_files} files in {home}", markup=False)
    if not kept.with_database:
        err.print("without tracks and listens: restore their database by its own means")
