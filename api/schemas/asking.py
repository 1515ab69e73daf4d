"""What may be asked of a list: filters, dials, modes, seeds."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from api.schemas.base import Count, ExternalId, Input, ShortText
from ranker.config import RerankSettings
from recsys.cursor import MAX_LENGTH
from recsys.filters import Filters
from recsys.lists import Mode
from recsys.paths import MAX_LENGTH as LONGEST_PATH
from recsys.similar import Space

MAX_OFFSET = 1000
MAX_NAMES = 100
MAX_EXCLUDED = 10_000
MAX_SEEDS = 100
MAX_USERS = 100
MAX_WEIGHT = 10.0
MAX_DIMENSION = 4096


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _not_zero(value: float) -> float:
    if value == 0:
        raise ValueError("a weight of 0 says nothing; leave the seed out")
    return value


Names = Annotated[list[ShortText], BeforeValidator(_as_list), Field(max_length=MAX_NAMES)]
Ids = Annotated[list[ExternalId], BeforeValidator(_as_list), Field(max_length=MAX_EXCLUDED)]
Cursor = Annotated[
    str, Field(min_length=1, max_length=MAX_LENGTH, description="`next` of the page before")
]


class ListQuery(Input):
    """Length of a list, and what may be in it."""

    n: Count = 20
    genre: Names = Field([], description="Only these genres, whatever the case; may be repeated")
    artist: Names = Field([], description="Only these artists, whatever the case; may be repeated")
    label: Names = Field(
        [], description="Only these record labels, whatever the case; may be repeated"
    )
    year_from: int | None = Field(None, ge=0, le=9999, description="Released this year or later")
    year_to: int | None = Field(None, ge=0, le=9999, description="Released this year or earlier")
    exclude_ids: Ids = Field([], description="Tracks that are not wanted; may be repeated")

    @property
    def filters(self) -> Filters:
        """The filters that the query sets."""
        return Filters(
            genres=tuple(self.genre),
            artists=tuple(self.artist),
            labels=tuple(self.label),
            year_from=self.year_from,
            year_to=self.year_to,
            exclude_ids=frozenset(self.exclude_ids),
        )


class SimilarQuery(ListQuery):
    """Query of tracks like a track."""

    space: Space | None = Field(
        None,
        description="In what tracks are alike: sound, listeners, or both; sound when absent, and "
        "listeners for a track without sound",
    )


class DialledQuery(ListQuery):
    """Query of a list that is re-ranked."""

    popularity: float | None = Field(
        None, ge=-1, le=1, description="Towards popular tracks (1) or little-known ones (-1)"
    )
    diversity: float | None = Field(
        None, ge=0, le=1, description="How much tracks should differ from those above them"
    )
    max_per_artist: int | None = Field(
        None, ge=0, description="Tracks of one artist in the whole list; 0 for any number"
    )
    new_tracks: float | None = Field(
        None, ge=0, le=1, description="Share of each page kept for tracks nobody has taken to yet"
    )

    def dials(self, otherwise: RerankSettings) -> RerankSettings:
        """The dials that the query sets, and `otherwise` for the rest."""
        names = ("popularity", "diversity", "max_per_artist", "new_tracks")
        return otherwise.turned({name: getattr(self, name) for name in names})


class RecommendationQuery(DialledQuery):
    """Query of a listener's list."""

    offset: int = Field(
        0, ge=0, le=MAX_OFFSET, description="Leave out so many tracks at the beginning of the list"
    )
    cursor: Cursor | None = None
    mode: Mode | None = Field(
        None,
        description="New tracks (`discover`), known ones (`relisten`), or both in turns (`mix`); "
        "as set by default, which is `discover` unless the service was told otherwise",
    )
    exclude_listened: bool | None = Field(
        None, description="true is `mode=discover`, false `mode=mix`"
    )
    explain: bool = Field(False, description="Give the numbers behind each entry")


class RadioQuery(DialledQuery):
    """Query of a radio."""

    cursor: Cursor | None = None
    mode: Mode = Field(
        Mode.MIX, description="New tracks (`discover`), known ones (`relisten`), or both (`mix`)"
    )
    track_id: ExternalId | None = Field(None, description="A track to begin from")


class PathQuery(Input):
    """Query of a path."""

    start: ExternalId = Field(alias="from", description="Track where the path begins")
    end: ExternalId = Field(alias="to", description="Track where it ends")
    n: int = Field(10, ge=2, le=LONGEST_PATH, description="Tracks of the path, both ends included")


class SeedIn(Input):
    """A track or a sound that the list should be nearer to, or farther from."""

    track_id: ExternalId | None = Field(None, description="A track of the catalogue")
    query_id: str | None = Field(
        None, min_length=1, max_length=64, description="`query_id` of an upload"
    )
    vector: list[Annotated[float, Field(allow_inf_nan=False)]] | None = Field(
        None,
        min_length=1,
        max_length=MAX_DIMENSION,
        description="A vector of the current model's encoder",
    )
    weight: Annotated[float, AfterValidator(_not_zero)] = Field(
        1.0,
        ge=-MAX_WEIGHT,
        le=MAX_WEIGHT,
        allow_inf_nan=False,
        description="Above 0 for more of it, below 0 for less",
    )

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if sum(given is not None for given in (self.track_id, self.query_id, self.vector)) != 1:
            raise ValueError("expected exactly one of track_id, query_id and vector")
        return self


class RecommendationBody(RecommendationQuery):
    """Whose lists, nearer to what, and everything that a query of a listener's list may say."""

    user_id: ExternalId | None = Field(None, description="A listener")
    users: list[ExternalId] = Field(
        [], max_length=MAX_USERS, description="Several listeners, a list each in their order"
    )
    seeds: list[SeedIn] = Field([], max_length=MAX_SEEDS)

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        if self.user_id is not None and self.users:
            raise ValueError("expected user_id or users, got both")
        if self.user_id is None and not self.users and not self.seeds:
            raise ValueError("expected user_id, users or seeds: there is nothing to go by")
        if self.users and self.cursor is not None:
            raise ValueError("a cursor belongs to one list: leave it out, or ask for one listener")
        return self
