"""Requests a minute for each key, counted over all processes of the server.

The generic cell rate algorithm (ITU-T I.371): one number a key, the time at which its allowance
will be whole again. There is no window at whose edge twice the allowance could pass.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import Final

from api.shared import BUCKETS, BUCKETS_BYTES, Region, Shared

_ENTRY: Final = struct.Struct("Qd")
_WAYS: Final = 32
_BUCKET: Final = struct.Struct("Qd" * _WAYS)
_N_BUCKETS: Final = BUCKETS_BYTES // _BUCKET.size


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a request found.

    Parameters
    ----------
    allowed : bool
        Whether it may pass.
    limit : int
        Requests a minute.
    remaining : int
        Requests that may follow at once.
    wait : float
        Seconds until the next may pass; 0 where one may.
    """

    allowed: bool
    limit: int
    remaining: int
    wait: float


class RateLimits:
    """Allowances by key.

    Up to 32 × 128 keys at a time have a place; beyond, those that were used least lately start
    with a whole allowance again.

    Parameters
    ----------
    memory : Shared
        Memory of the server.
    """

    def __init__(self, memory: Shared) -> None:
        self._shared = memory

    def take(self, key_id: str, limit: int, now: float | None = None) -> Allowance:
        """Spend one request of `key_id` (hexadecimal) where `limit` a minute are allowed."""
        # The monotonic clock is one for all processes of a Linux machine.
        now = time.monotonic() if now is None else now
        number = int(key_id, 16)
        step = 60.0 / limit
        with self._shared.locked(Region.RATES):
            place, whole_at = self._find(number)
            after = max(whole_at, now) + step
            excess = after - now - 60.0
            # What rounding leaves of 60 seconds must not cost the last request of an allowance.
            allowed = excess <= step / 1000
            if allowed:
                _ENTRY.pack_into(self._shared.memory, place, number, after)
                whole_at = after
        spent = max(whole_at - now, 0.0)
        remaining = max(int((60.0 - spent) / step + 0.001), 0)
        return Allowance(allowed, limit, remaining, 0.0 if allowed else excess)

    def _find(self, number: int) -> tuple[int, float]:
        """Place of a key and when its allowance is whole; a new key takes the oldest place."""
        start = BUCKETS + (number % _N_BUCKETS) * _BUCKET.size
        values = _BUCKET.unpack_from(self._shared.memory, start)
        owners, times = values[::2], values[1::2]
        if number in owners:
            way = owners.index(number)
            return start + way * _ENTRY.size, times[way]
        way = min(range(_WAYS), key=times.__getitem__)
        return start + way * _ENTRY.size, 0.0
