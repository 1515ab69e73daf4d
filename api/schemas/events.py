"""What listeners did."""

from __future__ import annotations

import time
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from api.schemas.base import ExternalId, Input
from data.events import EventKind

MAX_EVENTS = 10_000
CLOCK_SKEW_S = 86_400.0
"""How far ahead of this machine's clock a client's may be; later times would distort recency."""


def _not_in_future(value: float) -> float:
    if value > time.time() + CLOCK_SKEW_S:
        raise ValueError("lies more than a day in the future; timestamps are UNIX seconds")
    return value


class EventIn(Input):
    """One thing a listener did."""

    event_id: ExternalId | None = Field(
        None,
        description="Your id of the event: the same id is stored once, however often it is sent. "
        "Without one an id is generated, and sending the event again stores it again.",
    )
    user_id: ExternalId
    track_id: ExternalId
    kind: EventKind
    timestamp: Annotated[float, AfterValidator(_not_in_future)] | None = Field(
        None, ge=0, allow_inf_nan=False, description="UNIX seconds; now when absent"
    )
    play_ratio: float | None = Field(
        None,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Share of the track that was heard; plays only",
    )

    @model_validator(mode="after")
    def _ratio_belongs_to_plays(self) -> Self:
        if self.play_ratio is not None and self.kind is not EventKind.PLAY:
            raise ValueError(
                f"play_ratio belongs to a play, this is a {self.kind}: leave it out, or send a "
                "play with the share that was heard"
            )
        return self


class EventBatch(Input):
    """Events to store."""

    events: list[EventIn] = Field(min_length=1, max_length=MAX_EVENTS)


class EventReceipt(BaseModel):
    """What became of a batch; every event of it is stored durably."""

    added: int = Field(description="Events stored now")
    duplicates: int = Field(description="Events whose event_id had been stored before")
    generated_ids: int = Field(description="Events that came without event_id and were given one")
    request_id: str
