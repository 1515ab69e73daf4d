"""What the store tells of one listener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.events import Event, EventKind


@dataclass(frozen=True, slots=True)
class Profile:
    """What the application keeps about a listener; nothing of it enters a model.

    Parameters
    ----------
    display_name : str or None
        Name to show.
    locale : str or None
        Language tag, such as ``pt-BR``.
    attributes : dict
        Whatever the application likes, as JSON.
    """

    display_name: str | None = None
    locale: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener and what there is of them.

    Parameters
    ----------
    user_id : str
        External id.
    profile : Profile
        What the application wrote.
    created_at, updated_at : float or None
        When they were first seen, and when the profile was written last; UNIX seconds.
    n_events : dict of EventKind to int
        Stored events of each kind that has any.
    n_tracks : int
        Tracks that these events are about.
    first_event_at, last_event_at : float or None
        Times of the earliest and the latest event, UNIX seconds.
    """

    user_id: str
    profile: Profile
    created_at: float
    updated_at: float | None
    n_events: Mapping[EventKind, int]
    n_tracks: int
    first_event_at: float | None
    last_event_at: float | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events of a listener, the newest first.

    Parameters
    ----------
    events : tuple of Event
        Those without a time come last.
    next : tuple of (float or None, int), or None
        Where the next page begins; None when this is the last one.
    """

    events: tuple[Event, ...]
    next: tuple[float | None, int] | None


@dataclass(frozen=True, slots=True)
class ListenerEntry:
    """A listener as a list of them shows them.

    Parameters
    ----------
    user_id : str
        External id.
    display_name : str or None
        Name to show.
    plays : int
        Plays, however much of each track was heard.
    last_event_at : float or None
        Time of the latest event, UNIX seconds.
    """

    user_id: str
    display_name: str | None
    plays: int
    last_event_at: float | None


@dataclass(frozen=True, slots=True)
class ListenerPage:
    """Listeners in the order of their ids.

    Parameters
    ----------
    listeners : tuple of ListenerEntry
        Those of this page.
    next : str or None
        Id after which the next page begins; None when this is the last one.
    """

    listeners: tuple[ListenerEntry, ...]
    next: str | None
