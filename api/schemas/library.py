"""State of the library."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class EncoderOut(BaseModel):
    """The encoder of the next training."""

    encoder_id: str
    recipe: str = Field(description="How it was trained")
    dimension: int = Field(description="Numbers in a vector")


class LiveModel(BaseModel):
    """The model that answers."""

    version: str
    created: datetime
    tracks: int
    listeners: int
    events: int
    ranker: str


class ProblemRow(BaseModel):
    """One file or row that was left out."""

    where: str
    reason: str


class StepProblems(BaseModel):
    """What one step left out."""

    step: str = Field(
        description="The command, such as `library add`, or `the service` for audio that came over "
        "HTTP, whose rows name tracks"
    )
    total: int
    rows: list[ProblemRow] = Field(description="The first 200")


class LibraryOut(BaseModel):
    """What is in the library and what was left out."""

    tracks: int
    with_audio: int = Field(description="Tracks that have a file")
    analysed: int = Field(description="Tracks with a vector of the encoder")
    remaining: int = Field(
        description="Tracks with a file and no vector that no analysis has failed on"
    )
    waiting: int = Field(description="Files from HTTP that have not been analysed yet")
    failed: int = Field(description="Files from HTTP that cannot be analysed")
    encoder: EncoderOut
    model: LiveModel | None
    problems: list[StepProblems]
