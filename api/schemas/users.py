"""Listeners: what the application keeps about them, and what there is."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from api.cursors import MAX_LENGTH
from api.schemas.base import ExternalId, Input, ShortText
from data.events import EventKind
from data.listeners import Listener, Profile

MAX_ATTRIBUTES_BYTES = 16_384
MAX_USERS = 100
_LOCALE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$"


class UserIn(Input):
    """Profile of a listener; a field that is left out is empty afterwards."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"display_name": "Ada", "locale": "en-GB", "attributes": {"plan": "family"}}
            ]
        }
    )

    display_name: ShortText | None = Field(None, description="Name to show")
    locale: str | None = Field(None, pattern=_LOCALE, description="Language tag (BCP 47)")
    attributes: dict[str, JsonValue] = Field(
        {},
        description="Whatever your application likes to keep, as JSON of at most "
        f"{MAX_ATTRIBUTES_BYTES:,} bytes; no model learns from it",
    )

    @field_validator("attributes")
    @classmethod
    def _small(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        # Python's JSON takes NaN, which no other reader does.
        size = len(json.dumps(value, allow_nan=False))
        if size > MAX_ATTRIBUTES_BYTES:
            raise ValueError(f"has {size:,} bytes as JSON, at most {MAX_ATTRIBUTES_BYTES:,} fit")
        return value

    def profile(self) -> Profile:
        """The profile to store."""
        return Profile(self.display_name, self.locale, self.attributes)


class UserOut(BaseModel):
    """A listener: the profile, and how much there is of them."""

    user_id: str
    display_name: str | None
    locale: str | None
    attributes: dict[str, Any]
    created_at: float = Field(description="When they were first seen, UNIX seconds")
    updated_at: float | None = Field(description="When the profile was written last, UNIX seconds")
    n_events: dict[EventKind, int] = Field(description="Stored events of each kind")
    n_tracks: int = Field(description="Tracks that these events are about")
    first_event_at: float | None = Field(description="Time of the earliest event, UNIX seconds")
    last_event_at: float | None = Field(description="Time of the latest event, UNIX seconds")

    @classmethod
    def of(cls, listener: Listener) -> UserOut:
        """The shape of `listener`."""
        profile = listener.profile
        return cls(
            user_id=listener.user_id,
            display_name=profile.display_name,
            locale=profile.locale,
            attributes=dict(profile.attributes),
            created_at=listener.created_at,
            updated_at=listener.updated_at,
            n_events=dict(listener.n_events),
            n_tracks=listener.n_tracks,
            first_event_at=listener.first_event_at,
            last_event_at=listener.last_event_at,
        )


class UserQuery(Input):
    """Query of the listeners."""

    query: ExternalId | None = Field(
        None, description="How the id or the display name begins; case does not matter"
    )
    limit: int = Field(20, ge=1, le=MAX_USERS, description="Listeners on a page")
    cursor: str | None = Field(None, max_length=MAX_LENGTH, description="`next` of the page before")


class UserEntry(BaseModel):
    """A listener in a list of them."""

    user_id: str
    display_name: str | None
    plays: int = Field(description="Plays, however much of each track was heard")
    last_event_at: float | None = Field(description="Time of the latest event, UNIX seconds")


class UserPage(BaseModel):
    """Listeners in the order of their ids."""

    items: list[UserEntry]
    next: str | None = Field(description="Hand it back as `cursor`; null on the last page")
    request_id: str


class UserErased(BaseModel):
    """What an erasure deleted."""

    erased_events: int
    request_id: str
