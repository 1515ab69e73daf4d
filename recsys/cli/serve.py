"""``recsys serve``: the HTTP service under gunicorn."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.output import err
from recsys.cli.session import workspace_of
from recsys.config import ENV_HOME

if TYPE_CHECKING:
    from recsys.workspace import Workspace

APPLICATION = "api:create_app()"
"""Import string of the WSGI application; nothing below `api` imports it."""


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(help="Port.", min=0, max=65535, show_default=False)
    ] = None,
) -> None:
    """Serve recommendations over HTTP until stopped."""
    run_server(workspace_of(context), host=host, port=port)


def run_server(workspace: Workspace, *, host: str | None = None, port: int | None = None) -> None:
    """Become gunicorn, so that signals reach it; does not return."""
    settings = workspace.config.serve
    address = f"{host or settings.host}:{settings.port if port is None else port}"
    err.print(f"serving {workspace.home} on http://{address} (documentation: /docs)", markup=False)
    sys.stdout.flush()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        APPLICATION,
        "--config",
        "python:api.gunicorn_conf",
        "--bind",
        address,
        "--worker-class",
        "gthread",
        "--workers",
        str(settings.workers),
        "--threads",
        str(settings.threads),
    ]
    os.execve(sys.executable, command, {**os.environ, ENV_HOME: str(workspace.home)})
