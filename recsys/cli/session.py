"""Opening the workspace and its store for the time of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from recsys.cli.output import err

if TYPE_CHECKING:
    from data.store import Store
    from recsys.workspace import Workspace


def workspace_of(context: typer.Context) -> Workspace:
    """Workspace that the command line chose."""
    from recsys.workspace import Workspace

    return Workspace.open(context.obj)


@contextmanager
def opened(context: typer.Context) -> Iterator[tuple[Workspace, Store]]:
    """Workspace and open store; the store is closed at the end."""
    workspace = workspace_of(context)
    store = workspace.open_store()
    try:
        yield workspace, store
    except KeyboardInterrupt:  # typer ends the program with status 130, without a word
        err.print("interrupted; run the same command again to go on", markup=False)
        raise
    finally:
        store.close()
