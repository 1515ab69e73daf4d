"""``recsys serve``: the HTTP service under gunicorn."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.access import Access, settle_access
from recsys.cli.output import err
from recsys.cli.session import workspace_of
from recsys.config import ENV_HOME

if TYPE_CHECKING:
    from recsys.workspace import Workspace

APPLICATION = "api:create_app()"
"""Import string of the WSGI application; nothing below `api` imports it."""

SPARE_THREADS = 4
"""Threads beyond those that work and wait: they answer health checks and turn requests away."""

_SAID = {
    Access.UNTIL_KEYS: "NO KEY IS ASKED FOR: everybody on this machine may read every listener's "
    "lists, store events and change models; `recsys keys create NAME` ends that at once",
    Access.OPEN: 'NO KEY IS ASKED FOR (serve.auth = "off"): whoever reaches {address} may read '
    "every listener's lists, store events and change models",
    Access.KEYS: "every request needs a key; `recsys keys list` names them",
}


# Requests run side by side in threads of their own. Those of the linear algebra would only wait
# for each other: OpenBLAS lets one caller at a time use them.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


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
    """Become gunicorn, so that signals reach it; does not return.

    Raises
    ------
    ParameterError
        If others could reach it and there is no key.
    """
    settings = workspace.config.serve
    host = host or settings.host
    keys = workspace.open_keys()
    any_keys = keys.any()
    keys.close()
    access = settle_access(settings.auth, host, any_keys=any_keys)
    if access is Access.UNTIL_KEYS and any_keys:
        access = Access.KEYS
    address = f"{_bracketed(host)}:{settings.port if port is None else port}"
    err.print(f"serving {workspace.home} on http://{address} (documentation: /docs)", markup=False)
    err.print(
        _SAID[access].format(address=address),
        markup=False,
        style=None if access is Access.KEYS else "bold yellow",
    )
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
        "--workers",
        str(settings.workers),
        "--threads",
        str(settings.threads + settings.queue + SPARE_THREADS),
    ]
    variables = {
        ENV_HOME: str(workspace.home),
        # The workers read the settings again; these may have come from the command line.
        "RECSYS_SERVE__HOST": host,
        "RECSYS_SERVE__DRAIN_SECONDS": str(settings.drain_seconds),
    }
    os.execve(sys.executable, command, {**_ONE_THREAD, **os.environ, **variables})


def _bracketed(host: str) -> str:
    """`host` as it stands before a port: the colons of an IPv6 address are not those of one."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
