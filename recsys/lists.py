"""What an answer is: tracks in their order, with the reasons for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import Field

from data.settings import Settings
from data.tracks import Track


class Mode(StrEnum):
    """Which tracks a list is made of."""

    DISCOVER = "discover"
    RELISTEN = "relisten"
    MIX = "mix"


class ListSettings(Settings):
    """Lists that a request says nothing else of."""

    mode: Mode = Field(
        Mode.DISCOVER,
        description="`discover` lists what a listener never heard, `relisten` what they have, "
        "`mix` both in turns",
    )


@dataclass(frozen=True)
class SourceScore:
    """What one source says of a track.

    Parameters
    ----------
    name : str
        The source.
    score : float or None
        On the source's own scale; None where it cannot score the track.
    rank : int or None
        Place in the source's list, from 1; None where it did not propose the track.
    """

    name: str
    score: float | None
    rank: int | None


@dataclass(frozen=True)
class Explanation:
    """How a track came by its place.

    Parameters
    ----------
    ranker_score : float
        The ranker's score, before dials, seeds and modes change the order.
    base : float
        The score where no feature says anything.
    contributions : mapping of str to float
        Share of each feature; `base` and these add up to `ranker_score`.
    sources : tuple of SourceScore
        Every source of the model.
    """

    ranker_score: float
    base: float
    contributions: Mapping[str, float]
    sources: tuple[SourceScore, ...]


@dataclass(frozen=True)
class Recommendation:
    """One entry of a list.

    Parameters
    ----------
    track_id : str
        External id.
    score : float
        For listeners the ranker's score, for tracks a cosine; comparable within one list.
    sources : tuple of str
        Candidate sources that proposed the track, best rank first; none for what nobody's
        listening speaks for, and for what the listener knows.
    reason : str
        Why it is here, in words.
    explanation : Explanation or None
        The numbers behind it, where they were asked for and the ranker gave them.
    """

    track_id: str
    score: float
    sources: tuple[str, ...]
    reason: str
    explanation: Explanation | None = None


@dataclass(frozen=True)
class RecommendationList:
    """A list, best first.

    Parameters
    ----------
    items : tuple of Recommendation
        Each track once; fewer than asked for when no more exist.
    model_version : str
        Bundle that made it.
    fallback : bool
        True when nothing that is known of the listener leads to a track: the list is not personal.
    next_cursor : str or None
        What to ask with for the tracks after these; None where there are none, or no pages.
    n_cold : int
        Tracks among `items` that nobody had taken to when the model was trained.
    tracks : mapping of str to Track or None
        Tags of `items` by id, withdrawn tracks left out; None where they were not read.
    """

    items: tuple[Recommendation, ...]
    model_version: str
    fallback: bool = False
    next_cursor: str | None = None
    n_cold: int = 0
    tracks: Mapping[str, Track] | None = field(default=None, repr=False, compare=False)
