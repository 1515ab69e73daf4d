"""Settings of candidate generation and ranking."""

from __future__ import annotations

from pydantic import Field

from data.settings import Settings


class CandidateSettings(Settings):
    """How many candidates each source brings, and from what."""

    per_source: int = Field(200, ge=1, description="candidates that each source brings")
    recent_days: float = Field(28.0, gt=0, description="span of recent popularity, days")
    newcomer_support: int = Field(
        5, ge=1, description="tracks with fewer listeners than this are the bridge's to propose"
    )
    leave_out: tuple[str, ...] = Field((), description="sources that are not asked, by name")


class RankerSettings(Settings):
    """LightGBM LambdaRank."""

    trees: int = Field(400, ge=1, description="upper bound; early stopping ends sooner")
    learning_rate: float = Field(0.05, gt=0, le=1, description="shrinkage of each tree")
    leaves: int = Field(15, ge=2, description="leaves of a tree")
    min_rows_in_leaf: int = Field(50, ge=1, description="candidates in a leaf, at least")
    patience: int = Field(30, ge=1, description="rounds without gain after which training stops")
    min_validation: int = Field(
        40, ge=1, description="held-out listeners that early stopping needs to be worth believing"
    )
    min_listeners: int = Field(
        30,
        ge=2,
        description="listeners with something to learn from, below which reciprocal-rank fusion "
        "orders the candidates",
    )
    max_listeners: int = Field(20_000, ge=2, description="listeners sampled for training at most")
