"""Base of the typed settings that each part keeps beside its code."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen settings of one part; a key that does not exist is an error, not a silent no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid")
