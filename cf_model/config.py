"""Settings of the collaborative model and of the bridge."""

from __future__ import annotations

from pydantic import Field

from data.settings import Settings


class ConfidenceSettings(Settings):
    """How events become confidence (see `cf_model.confidence`)."""

    alpha: float = Field(1.0, gt=0, description="weight of the evidence beside the constant 1")
    like_plays: float = Field(5.0, ge=0, description="plays that one like counts for")
    dislike_skips: float = Field(5.0, ge=0, description="skips that one dislike or hide counts for")


class ALSSettings(Settings):
    """Alternating least squares."""

    factors: int = Field(32, ge=1, le=1024, description="length of a factor")
    regularization: float | None = Field(
        None,
        gt=0,
        description="λ of the objective; unset = a third of the mean number of tracks a listener "
        "is positive about, between 0.1 and 10",
    )
    iterations: int = Field(20, ge=1, description="alternations")


class BridgeSettings(Settings):
    """Ridge regression from audio vectors to item factors."""

    min_tracks: int = Field(
        20, ge=2, description="tracks with both sound and listens below which no bridge is fitted"
    )
    folds: int = Field(5, ge=2, description="folds that choose the ridge penalty")
    penalties: tuple[float, ...] = Field(
        (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0), min_length=1, description="ridge penalties tried"
    )
