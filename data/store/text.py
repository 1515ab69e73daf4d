"""Text that a database can hold."""

from __future__ import annotations

import os
from urllib.parse import unquote_to_bytes

from data.errors import DataError


def storable(text: str) -> bool:
    """Whether `text` is an id that the databases can hold: not empty, valid UTF-8, no NUL."""
    if not text or "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def require_storable(text: str, what: str) -> None:
    """Refuse an id that cannot be stored.

    Raises
    ------
    DataError
        If `text` is empty, or holds NUL or half a surrogate pair.
    """
    if not storable(text):
        raise DataError(f"expected a {what} of valid, non-empty text, got {text!r}")


def encode_path(path: str) -> str:
    """Path as the store keeps it.

    File names are bytes; where they are not UTF-8, Python carries the odd bytes as lone surrogates
    (PEP 383), which no database takes. They are written ``%XX`` here, and ``%`` itself ``%25``, so
    that every path comes back as it was.
    """
    escaped = path.replace("%", "%25")
    if escaped.isascii():
        return escaped
    return "".join(
        f"%{ord(character) - 0xDC00:02X}" if "\udc80" <= character <= "\udcff" else character
        for character in escaped
    )


def decode_path(stored: str) -> str:
    """Undo `encode_path`."""
    return os.fsdecode(unquote_to_bytes(stored)) if "%" in stored else stored
