"""``recsys demo``: the whole path on a made-up library."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import ParameterError
from recsys.cli.encoder import embed_tracks, summary
from recsys.cli.output import import_summary, out, progress
from recsys.cli.serve import run_server
from recsys.cli.session import opened
from recsys.cli.train import describe, evaluate_workspace, show_report

if TYPE_CHECKING:
    from data.store import Store
    from recsys.workspace import Workspace

WORLD = "demo"
"""Folder of the demo world in the workspace."""


def demo(
    context: typer.Context,
    start: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve at the end.")] = True,
    port: Annotated[
        int | None, typer.Option(help="Port.", min=0, max=65535, show_default=False)
    ] = None,
) -> None:
    """Make a demo library and log, analyse, train, evaluate and serve; run again to reuse it."""
    with opened(context) as (workspace, store):
        build(workspace, store)
    if start:
        run_server(workspace, port=port)


def build(workspace: Workspace, store: Store) -> None:
    """Every step up to the report, each reusing what an earlier run finished."""
    from data.demo import write_demo_world
    from data.importers.library import scan_library
    from data.importers.listens import import_listens
    from recsys.files import read_pointer
    from recsys.publishing import train_and_publish

    folder = workspace.home / WORLD
    if store.n_tracks() and not folder.exists():
        raise ParameterError(
            f"the workspace {workspace.home} holds a library of its own: "
            "give the demo another one with --home"
        )
    step = _Steps()
    with progress("rendering music") as advance:
        world = write_demo_world(folder, on_progress=advance)
    step.done(
        f"demo world: {world.n_tracks} tracks of {world.n_artists} artists, "
        f"{world.n_events} events of {world.n_listeners} listeners in {folder}"
    )
    with progress("reading tags") as advance:
        library = scan_library([world.music], store, on_progress=advance)
    step.done(f"library add: {import_summary(library)}")
    with progress("reading events") as advance:
        listens = import_listens(world.listens, store, on_progress=advance)
    step.done(f"listens import: {import_summary(listens)}")
    step.done(f"embed: {summary(embed_tracks(workspace, store))}")
    if read_pointer(workspace.models) is None:
        step.done(f"train: {describe(train_and_publish(workspace, store))}")
    report = evaluate_workspace(workspace, store)
    step.done("evaluate:")
    show_report(report)


class _Steps:
    """Prints each finished step with the time it took."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def done(self, text: str) -> None:
        now = time.monotonic()
        out.print(f"[{now - self._since:5.1f} s] {text}", markup=False)
        self._since = now
