"""Whether the process lives, whether it can serve, and its metrics."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from api.metrics import metrics_response
from api.problems import Responses, problem_responses
from api.schemas.health import Alive, Ready
from api.services import services

blueprint = APIBlueprint("health", __name__)


@blueprint.get("/health/live")
@blueprint.output(Alive)
def live() -> Alive:
    """Whether the process answers."""
    return Alive()


@blueprint.get("/health/ready")
@blueprint.output(Ready)
@blueprint.doc(responses=problem_responses({503: "No model has been published; says why"}))
def ready() -> Ready:
    """Whether lists can be served, and from which model."""
    return Ready(model_version=services().recommender().version)


_TEXT: Responses = {200: {"description": "Prometheus text format", "content": {"text/plain": {}}}}


@blueprint.get("/metrics")
@blueprint.doc(responses=_TEXT)
def metrics() -> Response:
    """Metrics for Prometheus."""
    return metrics_response(services().metrics)
