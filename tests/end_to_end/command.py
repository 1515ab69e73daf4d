"""The `recsys` command as a process, and what holds of every run of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 240.0
"""Seconds; many times what the slowest command takes on an idle machine."""
FINE, FAILED, USAGE, INCOMPLETE = 0, 1, 2, 3


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a child: one thread each, and no setting of whoever runs the tests."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("RECSYS_")}
    # Without compiled modules every one of the many children would compile all its libraries anew.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | dict(extra or {})


@dataclass(frozen=True)
class Result:
    """What a run left: exit status, standard output, standard error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The message of a run that failed."""
        last = self.err.splitlines()[-1]
        assert last.startswith("error: "), self.err
        return last


class Recsys:
    """Runs commands on one workspace and checks what they promise whenever they are piped."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(
        self, *arguments: str | bytes | Path, expect: int = FINE, **variables: str
    ) -> Result:
        command = [sys.executable, "-m", "recsys", "--home", self.home, *arguments]
        done = subprocess.run(
            command,
            env=environment(variables),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
        )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        shown = f"{arguments}\n{result.out}\n{result.err}"
        assert result.code == expect, shown
        for text in (result.out, result.err):
            assert "Traceback" not in text, shown
            assert "\x1b" not in text, f"escape codes in a pipe: {shown}"
            assert "\r" not in text, f"a progress bar in a pipe: {shown}"
        if expect == FAILED:
            assert result.err.count("error: ") == 1, shown
            assert result.error
            assert result.out == "", shown
        return result
