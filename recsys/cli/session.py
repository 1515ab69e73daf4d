"""Opening the workspace and its store for the time of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from data.store import Store
from recsys.workspace import Workspace


def workspace_of(context: typer.Context) -> Workspace:
    """Workspace that the command line chose."""
    return Workspace.open(context.obj)


@contextmanager
def opened(context: typer.Context) -> Iterator[tuple[Workspace, Store]]:
    """Workspace and open store; the store is closed at the end."""
    workspace = workspace_of(context)
    store = workspace.open_store()
    try:
        yield workspace, store
    finally:
        store.close()
