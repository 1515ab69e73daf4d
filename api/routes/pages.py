"""Pages for people: each view is rendered here and brought to life by a module of the same name."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import current_app, render_template

from api.services import services
from data.errors import ArtefactError, NotReadyError
from recsys.lists import ListSettings

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)


@blueprint.get("/")
def index() -> str:
    """Page that finds tracks by a file, a recording or another track."""
    return _view("similar")


@blueprint.get("/for-you")
def for_you() -> str:
    """Page of a listener: what to play next, and why."""
    workspace = services().workspace
    lists = ListSettings() if workspace is None else workspace.config.lists
    return _view("for-you", mode=lists.mode.value)


@blueprint.get("/map")
def map_() -> str:
    """Page that draws the catalogue by sound."""
    return _view("map")


@blueprint.get("/track")
def track() -> str:
    """Page of one track, named by the query."""
    return _view("track")


@blueprint.get("/artist")
def artist() -> str:
    """Page of one artist, named by the query."""
    return _view("artist")


@blueprint.get("/quality")
def quality() -> str:
    """Page of the evaluation report and the model versions."""
    return _view("quality")


@blueprint.get("/library")
def library() -> str:
    """Page of what is in the catalogue, and what was left out."""
    return _view("library")


@blueprint.get("/docs")
def docs() -> str:
    """Render the reference of the HTTP interface from its OpenAPI document."""
    # apiflask's own pages load their scripts from other hosts.
    spec: dict[str, Any] = current_app.spec  # type: ignore[attr-defined]
    return render_template("docs.html", spec=spec)


def _view(name: str, **more: str) -> str:
    here = services()
    try:
        version = here.recommender().version
    except (NotReadyError, ArtefactError):
        version = None
    return render_template(
        f"views/{name}.html",
        view=name,
        version=version,
        n_tracks=here.store.n_tracks(),
        n_users=here.store.n_users(),
        n_events=here.store.n_events(),
        max_upload_mb=here.max_upload_bytes // 2**20,
        **more,
    )
