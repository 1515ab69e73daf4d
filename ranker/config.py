"""Settings of candidate generation and ranking."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, ValidationError, field_validator

from data.errors import ParameterError
from data.settings import Settings

LARGE = 10_000
"""Tracks above which lists to learn from are costly."""


SOURCES = (
    "collaborative",
    "item_item",
    "audio",
    "audio_centres",
    "bridge",
    "carried",
    "artist",
    "label",
    "popular",
    "rising",
)
"""Names of all sources (`ranker.sources`), in their order."""


class CandidateSettings(Settings):
    """How many candidates each source brings, and from what."""

    per_source: int = Field(200, ge=1, description="candidates that each source brings")
    recent_days: float = Field(28.0, gt=0, description="span of recent popularity, days")
    newcomer_support: int = Field(
        5, ge=1, description="tracks with fewer listeners than this are the bridge's to propose"
    )
    taste_centres: int = Field(
        1,
        ge=1,
        le=20,
        description="kinds of sound in a listener's taste that are each asked for, beside their "
        "mean; 1 = the mean alone",
    )
    leave_out: tuple[str, ...] = Field((), description="sources that are not asked, by name")

    @field_validator("leave_out")
    @classmethod
    def _some_of_the_sources(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a name that no source has, and a list of all of them."""
        unknown = [name for name in names if name not in SOURCES]
        if unknown:
            raise ValueError(
                f"expected names of sources ({', '.join(SOURCES)}), got {', '.join(unknown)}; "
                "correct or remove what is not one of them"
            )
        if set(names) == set(SOURCES):
            raise ValueError(
                "expected at least one source to be left, got the names of all; "
                "remove those that are to propose tracks"
            )
        return names


class RankerSettings(Settings):
    """LightGBM LambdaRank."""

    trees: int = Field(400, ge=1, description="upper bound; early stopping ends sooner")
    learning_rate: float = Field(0.1, gt=0, le=1, description="shrinkage of each tree")
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
    max_listeners: int | None = Field(
        None,
        ge=2,
        description="lists that training takes at most, over all windows; unset = 20,000, or "
        "10,000 where the catalogue has more than 10,000 tracks",
    )
    negatives: int = Field(
        100,
        ge=1,
        description="candidates that were not taken to, in each list at least, drawn at random; "
        "all of them where lists are few",
    )
    head_start: float = Field(
        0.6,
        ge=0,
        description="points of score that learning starts from for each standard deviation of what "
        "is carried over to a new track",
    )
    windows: int = Field(
        10, ge=1, description="windows that labels come from, unless fewer hold lists enough"
    )
    cold_share: float = Field(
        0.2, ge=0, lt=1, description="share of the tracks with sound made cold in each window"
    )

    def most_lists(self, n_items: int) -> int:
        """`max_listeners`, or what is worth its time in a catalogue of `n_items` tracks.

        On three splits of a real log of 2.8k artists, 18,600 lists gave recall@20 .3847 and
        NDCG@20 .3544, half of them .3818 and .3517. In a large catalogue a list takes several times
        as long.
        """
        if self.max_listeners is not None:
            return self.max_listeners
        return 20_000 if n_items <= LARGE else 10_000


class RerankSettings(Settings):
    """From the ranker's order to the list that is shown (see `ranker.rerank`)."""

    popularity: float = Field(
        0.0, ge=-1, le=1, description="towards popular tracks (1) or little-known ones (-1)"
    )
    duplicate_cosine: float = Field(
        0.95,
        ge=0,
        le=1,
        description="cosine in sound above which two tracks of one length are the same; 1 = never",
    )
    max_per_artist: int = Field(0, ge=0, description="tracks of one artist in a list; 0 = no cap")
    diversity: float = Field(
        0.0, ge=0, le=1, description="weight of being unlike the tracks above in the list"
    )
    new_tracks: float = Field(
        0.0, ge=0, le=1, description="share of each page kept for tracks nobody has taken to yet"
    )

    def turned(self, given: Mapping[str, float | None]) -> RerankSettings:
        """These settings with those of `given` that are not None.

        Raises
        ------
        ParameterError
            If one is out of its range.
        """
        wanted = {name: value for name, value in given.items() if value is not None}
        if not wanted:
            return self
        try:
            return RerankSettings.model_validate(self.model_dump() | wanted)
        except ValidationError as error:
            first = error.errors()[0]
            raise ParameterError(
                f"{first['loc'][0]}: {first['msg']}, got {first['input']!r}"
            ) from error
