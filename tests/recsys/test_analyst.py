"""The service's own analysis of audio that came over HTTP."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import recsys.analyst
from audio_model.encoder import EncoderCard
from audio_model.shipped import SHIPPED_ENCODER
from data.errors import AudioError
from data.store import AnalysisState, Store
from recsys.analyst import LOCK, Analyst
from recsys.audio import attach_file
from recsys.workspace import Workspace

ENCODER_ID = EncoderCard.read(SHIPPED_ENCODER).encoder_id
DIMENSION = EncoderCard.read(SHIPPED_ENCODER).dimension


@pytest.fixture
def store(three_tones: Store) -> Store:
    return three_tones


class FakePool:
    """Pool that answers at once, refuses what is planted, and counts what runs at a time."""

    refused = ""
    open_pools = 0

    def __init__(self, encoder_dir: Path, workers: int, limits: object) -> None:
        FakePool.open_pools += 1

    def analyse(self, path: Path) -> SimpleNamespace:
        if path.stem == FakePool.refused:
            raise AudioError("no sound: every sample is zero")
        vector = np.full(DIMENSION, 0.5, np.float32)
        return SimpleNamespace(vector=vector, duration=1.5, digest="d")

    def close(self) -> None:
        FakePool.open_pools -= 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recsys.analyst, "AnalysisPool", FakePool)
    monkeypatch.setattr(recsys.analyst, "LOOK_EVERY", 0.02)
    FakePool.refused, FakePool.open_pools = "", 0


@pytest.fixture
def start(workspace: Workspace, store: Store) -> Iterator[Callable[[], Analyst]]:
    started: list[Analyst] = []

    def begin() -> Analyst:
        started.append(Analyst(workspace, store))
        started[-1].start()
        return started[-1]

    yield begin
    for analyst in started:
        analyst.close()


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(store: Store, track_id: str) -> AnalysisState | None:
    status = store.analyses.status(track_id)
    return status.state if status else None


def test_audio_becomes_a_vector_of_the_encoder_in_use(
    workspace: Workspace, store: Store, start: Callable[[], Analyst]
) -> None:
    store.analyses.request("t0")
    before = store.change()
    start()
    until(lambda: state(store, "t0") is AnalysisState.DONE)
    assert store.some_embeddings(ENCODER_ID, ["t0", "t1"]).keys() == {"t0"}
    assert store.track("t0").duration == pytest.approx(1.0)
    assert store.changed_since(before) == ["t0"]


def test_a_file_that_fails_costs_nobody_else(
    quick: None, store: Store, start: Callable[[], Analyst]
) -> None:
    FakePool.refused = "1"
    for track_id in ("t0", "t1", "t2"):
        store.analyses.request(track_id)
    start()
    until(lambda: store.analyses.next() is None)
    assert state(store, "t0") is state(store, "t2") is AnalysisState.DONE
    status = store.analyses.status("t1")
    assert status is not None
    assert (status.state, status.reason) == (
        AnalysisState.FAILED,
        "no sound: every sample is zero",
    )
    assert store.embedded(ENCODER_ID) == {"t0", "t2"}


def test_of_several_analysts_one_works_and_another_follows(
    quick: None, store: Store, start: Callable[[], Analyst]
) -> None:
    def analysed(track_id: str) -> None:
        store.analyses.request(track_id)
        until(lambda: state(store, track_id) is AnalysisState.DONE)

    first = start()
    analysed("t0")
    start()
    analysed("t1")
    assert FakePool.open_pools == 1
    first.close()
    assert FakePool.open_pools == 0
    analysed("t2")
    assert FakePool.open_pools == 1


HOLDING = """
import fcntl, sys, time
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_of_a_process_that_was_killed_is_free(
    quick: None, workspace: Workspace, store: Store, start: Callable[[], Analyst]
) -> None:
    command = [sys.executable, "-c", HOLDING, str(workspace.home / LOCK)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        store.analyses.request("t0")
        start()
        time.sleep(0.2)
        assert state(store, "t0") is AnalysisState.PENDING
        holder.kill()
    until(lambda: state(store, "t0") is AnalysisState.DONE)


def test_a_track_with_audio_stays_in_the_queue_when_the_service_ends(
    quick: None, store: Store, start: Callable[[], Analyst]
) -> None:
    analyst = start()
    analyst.close()
    store.analyses.request("t0")
    time.sleep(0.1)
    assert state(store, "t0") is AnalysisState.PENDING
    start()
    until(lambda: state(store, "t0") is AnalysisState.DONE)


@pytest.mark.parametrize("path", ["1.wav", None])
def test_of_a_file_that_is_replaced_or_taken_away_meanwhile_no_vector_is_kept(
    quick: None,
    workspace: Workspace,
    store: Store,
    tmp_path: Path,
    start: Callable[[], Analyst],
    monkeypatch: pytest.MonkeyPatch,
    path: str | None,
) -> None:
    before = store.track("t0")
    after = replace(before, path=path and str(tmp_path / path))
    analyse, digests = FakePool.analyse, []

    def analysed(self: FakePool, file: Path) -> SimpleNamespace:
        if not digests:
            attach_file(store, workspace.open_library(), before, after)
        digests.append(file.name)
        if len(digests) > 1:
            raise AudioError("no sound: every sample is zero")
        return analyse(self, file)

    monkeypatch.setattr(FakePool, "analyse", analysed)
    store.analyses.request("t0")
    store.analyses.request("t2")  # and that this one was refused tells that the first is through
    start()
    until(lambda: state(store, "t2") is AnalysisState.FAILED)
    until(lambda: store.analyses.next() is None)
    assert digests[0] == "0.wav"
    assert ("1.wav" in digests) == (path is not None)
    assert store.embedded(ENCODER_ID) == set()
    assert store.track("t0").duration is None
