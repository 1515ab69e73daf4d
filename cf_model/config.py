"""Settings of the collaborative model and of the bridge."""

from __future__ import annotations

from pydantic import Field

from data.settings import Settings


class ConfidenceSettings(Settings):
    """How events become confidence (see `cf_model.confidence`)."""

    alpha: float = Field(2.0, gt=0, description="weight of the evidence beside the constant 1")
    like_plays: float = Field(5.0, ge=0, description="plays that one like counts for")
    dislike_skips: float = Field(5.0, ge=0, description="skips that one dislike or hide counts for")
    half_life_days: float | None = Field(
        None,
        gt=0,
        description="days before a listener's latest event after which evidence is worth half; "
        "unset = it does not age",
    )


class ALSSettings(Settings):
    """Alternating least squares."""

    factors: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="length of a factor; unset = 32, 128 where more than 1,000 tracks have "
        "listeners, 64 where more than 10,000 have",
    )
    regularization: float | None = Field(
        None,
        gt=0,
        description="λ of the objective; unset = 1.5 times the mean number of tracks a listener is "
        "positive about (half of it where up to 1,000 tracks have listeners), between 0.1 and 100",
    )
    iterations: int = Field(20, ge=1, description="alternations")


class ItemItemSettings(Settings):
    """Item–item weights (see `cf_model.item_item`)."""

    dense_up_to: int = Field(
        4000, ge=0, description="tracks up to which EASE is used; neighbours beyond"
    )
    regularization: float = Field(40.0, gt=0, description="λ of EASE")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="share of a history that EASE learns to do without"
    )
    neighbours: int = Field(100, ge=1, description="neighbours kept of each track beyond that size")
    shrinkage: float = Field(
        10.0, ge=0, description="listeners added to a track's own where cosines are formed"
    )


class CarrySettings(Settings):
    """Scores carried over to newcomers by sound (see `cf_model.carry`)."""

    landmarks: int = Field(
        1024, ge=1, description="established tracks that sound is compared with at most"
    )
    width: float = Field(
        1.0, gt=0, description="γ of the kernel: how quickly likeness in sound ends"
    )
    penalty: float = Field(5.0, gt=0, description="μ: how far scores are evened out over sound")
    neighbours: int = Field(
        100, ge=1, description="neighbours kept of each track where scores to carry are formed"
    )


class BridgeSettings(Settings):
    """Ridge regression from audio vectors to item factors."""

    min_tracks: int = Field(
        20, ge=2, description="tracks with both sound and listens below which no bridge is fitted"
    )
    folds: int = Field(5, ge=2, description="folds that choose the ridge penalty")
    penalties: tuple[float, ...] = Field(
        (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0), min_length=1, description="ridge penalties tried"
    )
    prior: float = Field(
        100.0,
        gt=0,
        description="listeners of a newcomer at which those who passed it over count half",
    )
