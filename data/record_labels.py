"""Names of record labels, as tags and tables write them."""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = "; "
"""Between several labels of one release."""

_NO_LABEL = frozenset({
    "[no label]", "no label", "not on label", "[none]", "none", "n/a", "[unknown]", "unknown",
    "unknown label", "self-released", "self released", "self-release", "self release",
    "selfreleased", "independent",
})  # fmt: skip
"""What is written, in any case, where no label released a track: MusicBrainz's ``[no label]``,
Discogs' ``Not On Label``, and what people put there."""
_NO_LABEL_BUT = "not on label ("
"""Discogs goes on with whose own release it is: ``Not On Label (Somebody Self-released)``."""


def first_label(values: Iterable[str]) -> str | None:
    """The first label that `values` name; None where they name none.

    A release of several labels counts for the first, as a track of several genres does: a name
    that is made of two would be a label of its own. Names are taken apart at ``; `` only, as
    slashes and commas stand in the names of labels.
    """
    for value in values:
        for part in value.split(SEPARATOR):
            name = part.strip()
            folded = name.casefold()
            if name and folded not in _NO_LABEL and not folded.startswith(_NO_LABEL_BUT):
                return name
    return None
