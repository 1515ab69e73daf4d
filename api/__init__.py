"""The HTTP service: ``gunicorn -c python:api.gunicorn_conf "api:create_app()"``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiflask import APIFlask


def create_app(home: str | Path | None = None) -> APIFlask:
    """Application over the workspace at `home`, see `api.app.create_app`."""
    # gunicorn's arbiter imports this package for its settings and then forks: native libraries
    # and the choice of shared metrics belong to the workers, so they are loaded here at last.
    from api import app

    return app.create_app(home)
