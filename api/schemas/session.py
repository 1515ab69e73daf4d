"""The session of a page."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from data.access import Scope


class Session(BaseModel):
    """Who asks, and what they may."""

    access: Literal["open", "key", "session", "none"] = Field(
        description="open: the service asks for no key; key, session: what the request showed; "
        "none: it showed nothing, and the service asks for a key"
    )
    scopes: list[Scope] = Field(description="What the request may do; all of it where it is open")
