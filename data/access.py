"""What keys of the service are, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    EVENTS = "events"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; the key itself is not.

    Parameters
    ----------
    key_id : str
        Names the key in lists and logs; opens nothing.
    name : str
        Who or what it was made for.
    scopes : frozenset of Scope
        ``admin`` includes the others.
    requests_a_minute : int or None
        Limit of its own, None for that of the service.
    created_at : float
        UNIX seconds.
    revoked_at : float or None
        UNIX seconds, None while the key is good.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    requests_a_minute: int | None
    created_at: float
    revoked_at: float | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key may do what needs `scope`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes
