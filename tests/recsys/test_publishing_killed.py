"""Whatever dies while it publishes leaves a whole version current."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ranker.hybrid import Hybrid
from recsys import files, versions
from recsys.bundle import write_bundle
from recsys.manifest import verify_bundle
from recsys.training import load_training_data
from recsys.workspace import Workspace
from tests.recsys.conftest import ENCODER, FACTS, fill_planted, fit_planted, publish_hybrid

STEPS = [
    (versions, "probe_bundle"),
    (Path, "rename"),
    (versions, "sync_folder"),
    (versions, "write_pointer"),
    (files.os, "fdopen"),
    (files.os, "fsync"),
    (Path, "chmod"),
    (Path, "replace"),
    (files, "sync_folder"),
]


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> Hybrid:
    with Workspace.open(tmp_path_factory.mktemp("planted") / "home").open_store() as store:
        fill_planted(store)
        return fit_planted(load_training_data(store, ENCODER, 4))


def die_at(owner: object, name: str, when: str) -> None:
    real = getattr(owner, name)

    def deadly(*args, **kwargs):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, name, deadly)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_killed_at_a_step_of_publishing_the_next_start_finds_a_whole_version(
    workspace: Workspace, hybrid: Hybrid, monkeypatch, owner: object, name: str, when: str
) -> None:
    monkeypatch.setattr("recsys.versions.probe_bundle", lambda _: None)
    old = publish_hybrid(workspace, hybrid)
    child = os.fork()
    if child == 0:  # nothing of pytest may run here, come what may
        try:
            die_at(owner, name, when)
            versions.publish(
                workspace.models, lambda folder, new: write_bundle(folder, new, hybrid, FACTS)
            )
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    found = versions.versions(workspace.models)
    current = versions.current_version(workspace.models)
    assert old in found
    assert current in found
    for version in found:
        verify_bundle(workspace.models / version)
    newer = publish_hybrid(workspace, hybrid)
    assert versions.current_version(workspace.models) == newer
