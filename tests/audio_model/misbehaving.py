"""Workers for child processes that crash, hang or grow; imports little, as every child does it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from data.errors import ArtefactError, AudioError


def misbehave(path: Path) -> str:
    """A worker that does what the name of its file says."""
    if path.name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.name == "exit":
        os._exit(3)
    if path.name == "hang":
        time.sleep(60)
    if path.name == "spin":
        while True:
            pass
    if path.name == "grow":
        return str(np.ones(2**40, np.uint8).sum())
    if path.name == "refuse":
        raise AudioError("no sound")
    if path.name == "open":
        return str(len([open("/dev/null") for _ in range(1000)]))  # noqa: PTH123
    return f"{path.name} by {os.getpid()}"


def misbehaving():
    return misbehave


def broken():
    raise ArtefactError("the encoder is damaged")
