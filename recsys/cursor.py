"""Where a listener stands in a list that goes on: the tracks that they were shown.

A cursor holds a fingerprint of 24 bits for each track of the pages before. So a page never repeats
one, whatever the listener did and whichever model came in between, and no process has to remember
anything. That two tracks share a fingerprint, so that one is left out in vain, happens once in
16 million pairs.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from data.errors import ParameterError

MAX_SHOWN = 600
"""Tracks that a cursor remembers: 2,400 characters, which every server takes in an address."""
MAX_LENGTH = 2500
"""Characters of the longest cursor."""

Fingerprints = NDArray[np.uint32]


def fingerprints(track_ids: Iterable[str]) -> Fingerprints:
    """Fingerprint of each id."""
    return np.array(
        [zlib.crc32(track_id.encode("utf-8", "surrogatepass")) for track_id in track_ids],
        np.uint32,
    ) & np.uint32(0xFFFFFF)


def encode(kind: str, shown: Fingerprints) -> str:
    """Cursor of a list of this `kind` whose tracks so far are `shown`, the last `MAX_SHOWN`."""
    content = shown[-MAX_SHOWN:].astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    check = zlib.crc32(kind.encode() + content) & 0xFFFF
    return base64.urlsafe_b64encode(check.to_bytes(2, "little") + content).rstrip(b"=").decode()


def decode(kind: str, cursor: str) -> Fingerprints:
    """Fingerprints that `encode` was given.

    Raises
    ------
    ParameterError
        If `cursor` was not made by a list of this kind.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_ours(kind) from error
    check, content = raw[:2], raw[2:]
    expected = (zlib.crc32(kind.encode() + content) & 0xFFFF).to_bytes(2, "little")
    if len(cursor) > MAX_LENGTH or len(content) % 3 or check != expected:
        raise _not_ours(kind)
    wide = np.zeros((len(content) // 3, 4), np.uint8)
    wide[:, :3] = np.frombuffer(content, np.uint8).reshape(-1, 3)
    return wide.view("<u4").ravel().astype(np.uint32)


def _not_ours(kind: str) -> ParameterError:
    return ParameterError(
        f"the cursor is not one that a {kind} gave: send it back as it came, or leave it out to "
        "begin at the first page"
    )
