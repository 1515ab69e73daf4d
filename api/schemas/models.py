"""Published model versions."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class ModelOut(BaseModel):
    """One published version."""

    version: str
    current: bool = Field(description="Whether it is the one to serve")
    created: datetime | None = Field(description="When it was trained; null for a damaged one")
    tracks: int | None = None
    listeners: int | None = None
    events: int | None = None
    encoder: str | None = Field(None, description="Encoder of its vectors; null without sound")
    ranker: str | None = None
    ndcg: dict[str, float] = Field(
        default={},
        description="Mean NDCG@20 over all and over cold tracks, in the window of the log that was "
        "held out when it was trained; empty where nothing was held out",
    )
    damaged: bool = Field(False, description="Whether its manifest cannot be read")


class ModelList(BaseModel):
    """Published versions, newest first."""

    items: list[ModelOut]
    serving: str | None = Field(description="Version that this process answers from")
    request_id: str


class Activated(BaseModel):
    """What is current now."""

    version: str
    previous: str | None = Field(description="What was current before")
    request_id: str
