"""What every input and output model is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_ID_LENGTH = 512
MAX_ITEMS = 200


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("text must not contain NUL")
    return value


WITHOUT_NUL = {"pattern": r"^[^\u0000]*$"}
"""What the document says of text; the validator below says it better to people."""

ExternalId = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ID_LENGTH, json_schema_extra=WITHOUT_NUL),
    AfterValidator(_without_nul),
]
ShortText = Annotated[
    str,
    Field(min_length=1, max_length=500, json_schema_extra=WITHOUT_NUL),
    AfterValidator(_without_nul),
]
"""Text for people: a tag, a name."""
Count = Annotated[
    int, Field(ge=1, le=MAX_ITEMS, description="How many tracks to list; fewer come if fewer exist")
]


class Input(BaseModel):
    """Input model; a misspelt field is an error, not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
