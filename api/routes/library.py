"""The library as its operator sees it."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.schemas.library import EncoderOut, LibraryOut, LiveModel, ProblemRow, StepProblems
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import ArtefactError, NotReadyError
from recsys.overview import overview

blueprint = APIBlueprint("library", __name__)


@blueprint.get("/v1/library")
@blueprint.output(LibraryOut)
@needs(Scope.ADMIN)
def library() -> LibraryOut:
    """Tell what was analysed, what imports left out and why, and which encoder and model are used.

    Problems name files of the server's machine.
    """
    here = services()
    found = overview(here.require_workspace(), here.store)
    return LibraryOut(
        tracks=found.tracks,
        with_audio=found.with_audio,
        analysed=found.analysed,
        remaining=found.remaining,
        waiting=found.waiting,
        failed=found.failed,
        encoder=EncoderOut.model_validate(found.encoder, from_attributes=True),
        model=_live_model(),
        problems=[
            StepProblems(
                step=part.step,
                total=part.total,
                rows=[ProblemRow(where=row.where, reason=row.reason) for row in part.rows],
            )
            for part in found.left_out
        ],
    )


def _live_model() -> LiveModel | None:
    try:
        manifest = services().recommender().bundle.manifest
    except (NotReadyError, ArtefactError):
        return None
    return LiveModel(
        version=manifest.version,
        created=manifest.created,
        tracks=manifest.n_tracks,
        listeners=manifest.n_listeners,
        events=manifest.n_events,
        ranker=manifest.ranker,
    )
