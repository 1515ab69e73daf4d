"""Other libraries are asked again only when there is something else to learn from."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.quality import outside

LIBRARY = """
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
asked = folder / "asked"
asked.write_text(asked.read_text() + "x" if asked.exists() else "x")
(folder / "other.json").write_text(json.dumps({"versions": {"other": "1"}, "seconds": {}}))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "other.py"
    script.write_text(LIBRARY, "utf-8")
    monkeypatch.setattr(outside, "OTHERS", {"other": script})
    write(tmp_path, 1)
    return tmp_path


def write(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    np.savez(folder / outside.TASK[0], user=rng.permutation(9))
    folder.joinpath(outside.TASK[1]).write_text('{"factors": 8}', "utf-8")


def ask(folder: Path) -> int:
    """How often the library was asked so far."""
    about = outside.ask("other", Path(sys.executable), folder)
    assert about["versions"] == {"other": "1"}
    return len(folder.joinpath("asked").read_text("utf-8"))


def test_the_same_task_is_asked_once(folder: Path) -> None:
    assert ask(folder) == 1
    write(folder, 1)
    assert ask(folder) == 1


def test_another_split_is_asked_anew(folder: Path) -> None:
    assert ask(folder) == 1
    write(folder, 2)
    assert ask(folder) == 2


def test_other_settings_are_asked_anew(folder: Path) -> None:
    assert ask(folder) == 1
    folder.joinpath(outside.TASK[1]).write_text('{"factors": 16}', "utf-8")
    assert ask(folder) == 2
