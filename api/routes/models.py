"""Which models there are, which one is served, and how good it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint

from api.problems import ProblemError, Responses, problem_responses
from api.proof import probe_once
from api.requestlog import request_id
from api.schemas.models import Activated, ModelList, ModelOut
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import ArtefactError, NotReadyError
from recsys.files import read_pointer
from recsys.manifest import read_manifest
from recsys.trial import read_trial
from recsys.versions import activate, rollback, versions
from recsys.workspace import Workspace

blueprint = APIBlueprint("models", __name__)

_DAMAGED = "The version is damaged, and the current one stays"


@blueprint.get("/v1/models")
@blueprint.output(ModelList)
@needs(Scope.READ)
def list_models() -> ModelList:
    """List the published versions, newest first."""
    models = _workspace().models
    try:
        serving = services().recommender().version
    except (NotReadyError, ArtefactError):
        serving = None
    current = read_pointer(models)
    return ModelList(
        items=[_described(models, version, current) for version in reversed(versions(models))],
        serving=serving,
        request_id=request_id(),
    )


@blueprint.post("/v1/models/<id:version>/activate")
@blueprint.output(Activated)
@blueprint.doc(responses=problem_responses({404: "There is no such version", 409: _DAMAGED}))
@needs(Scope.ADMIN)
def activate_model(version: str) -> Activated:
    """Make a version the one to serve.

    Its files are checked and opened in a child process before. Every process takes it up within a
    second or two, between requests.
    """
    models = _workspace().models
    previous = read_pointer(models)
    try:
        activate(models, version, probe_once)
    except ArtefactError as error:
        raise _damaged(error) from error
    return Activated(version=version, previous=previous, request_id=request_id())


@blueprint.post("/v1/models/rollback")
@blueprint.output(Activated)
@blueprint.doc(
    responses=problem_responses(
        {404: "There is no earlier version", 409: _DAMAGED, 503: "No model has been published"}
    )
)
@needs(Scope.ADMIN)
def rollback_model() -> Activated:
    """Make the version before the current one the one to serve."""
    models = _workspace().models
    previous = read_pointer(models)
    try:
        version = rollback(models, probe_once)
    except ArtefactError as error:
        raise _damaged(error) from error
    return Activated(version=version, previous=previous, request_id=request_id())


_REPORT: Responses = {
    200: {
        "description": "The report of `recsys evaluate`",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@blueprint.get("/v1/evaluation")
@blueprint.doc(responses=_REPORT | problem_responses({404: "Nothing has been evaluated yet"}))
@needs(Scope.READ)
def evaluation() -> dict[str, Any]:
    """Report of the latest `recsys evaluate`, as docs/evaluation.md explains it."""
    file = _workspace().evaluation
    try:
        report: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ProblemError(
            404, "not-evaluated", "there is no evaluation yet: run `recsys evaluate`"
        ) from error
    return report


def _workspace() -> Workspace:
    workspace = services().workspace
    if workspace is None:
        raise NotReadyError("this service has no workspace to keep models in: use `recsys serve`")
    return workspace


def _described(models: Path, version: str, current: str | None) -> ModelOut:
    try:
        manifest = read_manifest(models / version)
    except ArtefactError:
        return ModelOut(version=version, current=version == current, created=None, damaged=True)
    trial = read_trial(models / version)
    return ModelOut(
        version=version,
        current=version == current,
        created=manifest.created,
        tracks=manifest.n_tracks,
        listeners=manifest.n_listeners,
        events=manifest.n_events,
        encoder=manifest.encoder_id,
        ranker=manifest.ranker,
        ndcg=trial.means() if trial else {},
    )


def _damaged(error: ArtefactError) -> ProblemError:
    return ProblemError(409, "damaged", f"the version is not activated: {error}")
