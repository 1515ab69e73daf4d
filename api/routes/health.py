"""Whether the process lives, whether it can serve, and its metrics."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from api.metrics import metrics_response
from api.problems import ProblemError, Responses, problem_responses
from api.schemas.health import Alive, Ready
from api.scopes import needs, open_to_all
from api.services import services
from api.shared import shared
from data.access import Scope

blueprint = APIBlueprint("health", __name__)


@blueprint.get("/health/live")
@blueprint.output(Alive)
@open_to_all
def live() -> Alive:
    """Whether the process answers."""
    return Alive()


@blueprint.get("/health/ready")
@blueprint.output(Ready)
@blueprint.doc(
    responses=problem_responses({503: "No model can be served, or the server is ending"})
)
@open_to_all
def ready() -> Ready:
    """Whether lists can be served, and from which model."""
    if shared().draining:
        raise ProblemError(503, "ending", "this server is ending; ask another")
    return Ready(model_version=services().recommender().version)


_TEXT: Responses = {200: {"description": "Prometheus text format", "content": {"text/plain": {}}}}


@blueprint.get("/metrics")
@blueprint.doc(responses=_TEXT)
@needs(Scope.READ)
def metrics() -> Response:
    """Metrics for Prometheus."""
    return metrics_response(services().metrics)
