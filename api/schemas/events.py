"""What listeners did."""

from __future__ import annotations

import time
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from api.cursors import MAX_LENGTH
from api.schemas.base import ExternalId, Input
from data.events import EventKind

MAX_EVENTS = 10_000
MAX_MS_PLAYED = 7 * 86_400_000
CLOCK_SKEW_S = 86_400.0
"""How far ahead of this machine's clock a client's may be; later times would distort recency."""


def _not_in_future(value: float) -> float:
    if value > time.time() + CLOCK_SKEW_S:
        raise ValueError("lies more than a day in the future; timestamps are UNIX seconds")
    return value


class EventIn(Input):
    """One thing a listener did."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "c1f0",
                    "user_id": "ada",
                    "track_id": "aeebd808f333d6d0",
                    "kind": "play",
                    "timestamp": 1767052800,
                    "ms_played": 171000,
                },
                {"user_id": "ada", "track_id": "706aca7c5dc3784c", "kind": "like"},
            ]
        }
    )

    event_id: ExternalId | None = Field(
        None,
        description="Your id of the event: the same id is stored once, however often it is sent. "
        "Without one an id is generated, and sending the event again stores it again.",
    )
    user_id: ExternalId
    track_id: ExternalId
    kind: EventKind
    timestamp: (
        Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_not_in_future)] | None
    ) = Field(None, description="UNIX seconds; now when absent")
    play_ratio: float | None = Field(
        None,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Share of the track that was heard; plays only",
    )
    ms_played: int | None = Field(
        None,
        ge=0,
        le=MAX_MS_PLAYED,
        description="Instead of play_ratio: milliseconds heard, divided by the track's duration",
    )
    request_id: ExternalId | None = Field(
        None, description="Answer whose list showed the track; impressions need it"
    )

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> Self:
        heard = {"play_ratio": self.play_ratio, "ms_played": self.ms_played}
        given = [name for name, value in heard.items() if value is not None]
        if given and self.kind is not EventKind.PLAY:
            raise ValueError(
                f"{given[0]} belongs to a play, this is a {self.kind}: leave it out, or send a "
                "play with the share that was heard"
            )
        if len(given) > 1:
            raise ValueError("play_ratio and ms_played say the same: send one of them")
        if self.kind is EventKind.IMPRESSION and self.request_id is None:
            raise ValueError("an impression needs the request_id of the answer that it is of")
        return self


class EventBatch(Input):
    """Events to store."""

    events: list[EventIn] = Field(min_length=1, max_length=MAX_EVENTS)


class EventReceipt(BaseModel):
    """What became of a batch; every event of it is stored durably."""

    added: int = Field(description="Events stored now")
    duplicates: int = Field(description="Events whose event_id had been stored before")
    erased: int = Field(
        description="Events of listeners who were erased; they are not stored, nor should be resent"
    )
    generated_ids: int = Field(description="Events that came without event_id and were given one")
    request_id: str


_ANY_KIND = "|".join(EventKind)


class EventQuery(Input):
    """Query of a listener's events."""

    limit: int = Field(100, ge=1, le=1000, description="Events on a page")
    kinds: str | None = Field(
        None,
        description="Only these kinds, separated by commas",
        examples=["like,dislike"],
        json_schema_extra={"pattern": rf"^(({_ANY_KIND})(,({_ANY_KIND}))*)?$"},
    )
    cursor: str | None = Field(None, max_length=MAX_LENGTH, description="`next` of the page before")

    @field_validator("kinds")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        unknown = [word for word in (value or "play").split(",") if word not in set(EventKind)]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(EventKind)}")
        return value

    def wanted(self) -> list[EventKind]:
        """The kinds that are asked for; none for all."""
        return [EventKind(word) for word in self.kinds.split(",")] if self.kinds else []


class EventOut(BaseModel):
    """An event as it is stored."""

    event_id: str
    track_id: str
    kind: EventKind
    timestamp: float | None = Field(description="UNIX seconds; null in logs that keep counts")
    play_ratio: float | None = Field(description="Share heard; null where it is not known")
    plays: int = Field(description="How often, in logs that keep counts; else 1")
    request_id: str | None = Field(description="Answer whose list showed the track")


class EventPageOut(BaseModel):
    """Events of a listener, the newest first."""

    items: list[EventOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")
    request_id: str


class EventDeletion(Input):
    """Which events of a listener to delete."""

    event_id: ExternalId | None = Field(None, description="This one; all when absent")


class EventsDeleted(BaseModel):
    """How many events were deleted."""

    deleted: int
    request_id: str
