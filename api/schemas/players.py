"""Who plays a track or an artist."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.schemas.base import Input
from api.schemas.users import MAX_USERS


class PlayersQuery(Input):
    """Query of those who play something."""

    limit: int = Field(10, ge=1, le=MAX_USERS, description="Listeners at most")


class Player(BaseModel):
    """A listener, and how often they played what was asked about."""

    user_id: str
    display_name: str | None
    plays: int = Field(description="Plays of it, however much was heard")
    last_played_at: float | None = Field(description="UNIX seconds")


class Players(BaseModel):
    """Listeners who played something most, first those who did so most often."""

    items: list[Player]
    request_id: str
