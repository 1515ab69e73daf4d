"""What listeners do, as it happens."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence

from apiflask import APIBlueprint

from api.bodies import json_only
from api.problems import FieldError, ProblemError, problem_responses
from api.requestlog import request_id
from api.schemas.events import EventBatch, EventIn, EventReceipt
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.events import Event
from data.tracks import Track

blueprint = APIBlueprint("events", __name__)


@blueprint.post("/v1/events")
@json_only
@blueprint.input(EventBatch, location="json", arg_name="batch")
@blueprint.output(EventReceipt)
@blueprint.doc(
    responses=problem_responses(
        {
            400: "The body is not JSON",
            413: "The body is too large",
            415: "The body is not declared as application/json",
            422: "An event is malformed or names an unknown track; none of the batch is stored",
        }
    )
)
@needs(Scope.EVENTS)
def post_events(batch: EventBatch) -> EventReceipt:
    """Store up to 10,000 listening events.

    A batch is stored as a whole or not at all: one malformed event or one track that the
    catalogue does not have refuses it, and `errors` lists the positions. An event is
    recognised by its `event_id`, so a batch can be sent again after a failure; the answer comes
    when the events are on disk.
    """
    here = services()
    known = _known({event.track_id for event in batch.events})
    _refuse_unknown(batch.events, known)
    now = time.time()
    counts = here.store.add_events(
        [_event(event, now, known[event.track_id].duration) for event in batch.events]
    )
    here.metrics.events.labels("added").inc(counts.added)
    here.metrics.events.labels("duplicate").inc(counts.duplicates)
    return EventReceipt(
        added=counts.added,
        duplicates=counts.duplicates,
        erased=counts.erased,
        generated_ids=sum(event.event_id is None for event in batch.events),
        request_id=request_id(),
    )


def _event(event: EventIn, now: float, duration: float | None) -> Event:
    ratio = event.play_ratio
    if event.ms_played is not None and duration:
        ratio = event.ms_played / 1000 / duration
    return Event(
        event_id=event.event_id or uuid.uuid4().hex,
        user_id=event.user_id,
        track_id=event.track_id,
        kind=event.kind,
        timestamp=now if event.timestamp is None else event.timestamp,
        play_ratio=ratio,
        request_id=event.request_id,
    )


def _known(track_ids: Collection[str]) -> dict[str, Track]:
    """Tracks that were ever registered; a withdrawn one may still be played to its end."""
    found = services().store.tracks(sorted(track_ids), withdrawn=True)
    return {track.track_id: track for track in found}


def _refuse_unknown(events: Sequence[EventIn], known: Collection[str]) -> None:
    errors = [
        FieldError(location="json", field=f"events.{position}.track_id", message="unknown track")
        for position, event in enumerate(events)
        if event.track_id not in known
    ]
    if errors:
        raise ProblemError(
            422,
            "unknown-track",
            f"{len(errors)} of {len(events)} events name tracks that are not in the catalogue; "
            "leave them out or register the tracks first",
            errors=errors,
        )
