"""Where a page ends, as text that clients hand back and need not understand."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from data.errors import ParameterError

MAX_LENGTH = 4096
"""Characters of the longest cursor: the id of a track, twice encoded."""


def encode(kind: str, *place: object) -> str:
    """Cursor of a list of this `kind` that goes on at `place`, made of what JSON can hold."""
    content = json.dumps([kind, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode("ascii")


def decode(kind: str, cursor: str, *types: type | tuple[type, ...]) -> tuple[Any, ...]:
    """The place that `encode` was given, whose parts are of `types`.

    Raises
    ------
    ParameterError
        If `cursor` was not made by a list of this kind.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or found[:1] != [kind]
        or len(found) != len(types) + 1
        or not all(isinstance(part, kinds) for part, kinds in zip(found[1:], types, strict=True))
        or any(part is True or part is False for part in found)
    ):
        raise ParameterError(
            f"cursor: expected one that a list of {kind} gave as `next`, got {cursor[:40]!r}; "
            "leave it out to begin at the first page"
        )
    return tuple(found[1:])
