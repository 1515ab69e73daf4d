"""Pages for people."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import current_app, render_template

from api.services import services
from data.errors import ArtefactError, NotReadyError

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)


@blueprint.get("/")
def index() -> str:
    """Page that finds tracks by sound, by listener and by track."""
    here = services()
    try:
        version = here.recommender().version
    except (NotReadyError, ArtefactError):
        version = None
    return render_template(
        "index.html",
        version=version,
        n_tracks=here.store.n_tracks(),
        n_users=here.store.n_users(),
        n_events=here.store.n_events(),
        max_upload_mb=here.max_upload_bytes // 2**20,
    )


@blueprint.get("/docs")
def docs() -> str:
    """Render the reference of the HTTP interface from its OpenAPI document."""
    # apiflask's own pages load their scripts from other hosts.
    spec: dict[str, Any] = current_app.spec  # type: ignore[attr-defined]
    return render_template("docs.html", spec=spec)
