"""State of the service."""

from __future__ import annotations

from pydantic import BaseModel


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Ready(BaseModel):
    """Lists can be served."""

    status: str = "ready"
    model_version: str
