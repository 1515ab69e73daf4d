"""The OpenAPI document as generators of clients like it."""

from __future__ import annotations

import json
import re
from typing import Any

_PREFIX = "#/components/schemas/"


def plain_names(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec` with each schema once, under its own name.

    apiflask keeps what a model is made of once for each model that uses it, as ``Outer.Inner``.
    Generators make classes of the last part, and give up on the second of a name. Schemas of one
    name that differ keep theirs.
    """
    schemas = spec["components"]["schemas"]
    plain: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for name, schema in sorted(schemas.items()):
        short = name.rpartition(".")[2]
        content = _unprefixed(json.dumps(schema, sort_keys=True))
        same = kept.setdefault(short, content) == content
        plain[name] = short if same else name
    text = re.sub(
        rf'"{re.escape(_PREFIX)}([^"]+)"',
        lambda found: json.dumps(_PREFIX + str(plain.get(found[1], found[1]))),
        json.dumps(spec),
    )
    renamed: dict[str, Any] = json.loads(text)
    found = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {plain[name]: found[name] for name in found}
    return renamed


def _unprefixed(text: str) -> str:
    return re.sub(rf'"{re.escape(_PREFIX)}(?:[^".]+\.)?([^"]+)"', r'"\1"', text)
