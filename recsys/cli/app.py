"""The ``recsys`` command and its verbs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from data.errors import RecsysError
from recsys.cli import (
    backup,
    demo,
    embeddings,
    encoder,
    encoder_report,
    keys,
    library,
    listens,
    models,
    query,
    serve,
    train,
    tune,
)
from recsys.cli.output import FAILED, err
from recsys.config import ENV_HOME

app = typer.Typer(
    name="recsys",
    help="Recommends music from how it sounds and from who listens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(library.app, name="library")
app.add_typer(listens.app, name="listens")
app.add_typer(encoder.app, name="encoder")
app.add_typer(embeddings.app, name="embeddings")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
encoder.app.command("report")(encoder_report.report)
app.command("embed")(encoder.embed)
app.command("train")(train.train)
app.command("evaluate")(train.evaluate)
app.command("tune")(tune.tune)
app.command("recommend")(query.recommend)
app.command("similar")(query.similar)
app.command("serve")(serve.serve)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("demo")(demo.demo)


@app.callback()
def choose_workspace(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            help=f"Workspace folder [default: ${ENV_HOME}, else ./recsys-data].", show_default=False
        ),
    ] = None,
) -> None:
    """Remember the workspace; it is opened by the command that needs it."""
    context.obj = home


def main() -> None:
    """Entry point; errors of the caller or the data end in one line, not in a traceback."""
    try:
        app()
    except RecsysError as error:
        err.print(f"error: {error}", markup=False, style="red")
        sys.exit(FAILED)
