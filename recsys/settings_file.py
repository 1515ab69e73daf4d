"""Changing keys of ``recsys.toml`` without touching the rest of what its owner wrote."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from data.errors import ParameterError
from recsys.config import Config
from recsys.files import write_atomically


def as_toml(settings: Mapping[str, int | float]) -> str:
    """`settings`, named ``section.key``, as lines of a settings file."""
    return _changed("", settings)


def write_settings(file: Path, settings: Mapping[str, int | float]) -> None:
    """Set keys in `file`; comments, order and everything else stay as they are.

    Raises
    ------
    ParameterError
        If the file is not TOML, or would not be valid afterwards; it is not changed then.
    """
    try:
        before = file.read_text("utf-8") if file.exists() else ""
        after = _changed(before, settings)
        Config.model_validate(tomllib.loads(after))
    except (TOMLKitError, UnicodeDecodeError, ValidationError) as error:
        raise ParameterError(
            f"{file} cannot be changed ({error}): correct it, or set {', '.join(settings)} by hand"
        ) from error
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, after)


def _changed(text: str, settings: Mapping[str, int | float]) -> str:
    document = tomlkit.parse(text)
    for name, value in settings.items():
        section, key = name.split(".")
        if section not in document:
            document[section] = tomlkit.table()
        table = document[section]
        table[key] = value
    return tomlkit.dumps(document)
