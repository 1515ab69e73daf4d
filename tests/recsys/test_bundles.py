"""Bundles: what is written is what is read; what is damaged is refused; the process survives."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from audio_model.index import build_index
from data.errors import ArtefactError, NotFoundError, NotReadyError, ParameterError
from data.store import Store
from ranker.hybrid import Hybrid, discovering_listener
from recsys.bundle import open_bundle, probe_bundle
from recsys.live import LiveRecommender
from recsys.manifest import FORMAT, read_manifest, sealed, verify_bundle
from recsys.versions import activate, current_version, prune, publish, rollback, versions
from recsys.workspace import Workspace
from tests.recsys.conftest import publish_hybrid


@pytest.fixture
def folder(workspace: Workspace, hybrid: Hybrid) -> Path:
    return workspace.models / publish_hybrid(workspace, hybrid)


def test_an_opened_bundle_ranks_as_the_hybrid_it_was_written_from(
    folder: Path, hybrid: Hybrid, store: Store
) -> None:
    from data.interactions import Interactions

    opened = open_bundle(folder).hybrid
    log = store.event_log(hybrid.models.catalogue.items)
    histories = Interactions.from_log(log)
    for user in range(4):
        history = histories.history(user)
        expected = hybrid.rank(discovering_listener(hybrid.models, history))
        got = opened.rank(discovering_listener(opened.models, history))
        np.testing.assert_array_equal(got.item_index, expected.item_index)
        np.testing.assert_allclose(got.score, expected.score, rtol=1e-5)


@pytest.mark.parametrize("kind", ["exact", "annoy"])
def test_a_bundle_holds_the_index_that_it_was_written_with(
    workspace: Workspace, hybrid: Hybrid, kind: Literal["exact", "annoy"]
) -> None:
    embeddings = np.asarray(hybrid.models.embeddings)
    index = build_index(embeddings, kind)
    models = replace(hybrid.models, index=index)
    folder = workspace.models / publish_hybrid(workspace, Hybrid(models, hybrid.ranker))
    opened = open_bundle(folder).hybrid.models.index
    assert type(opened) is type(index)
    before, after = (each.search(embeddings[:3], 10)[0] for each in (index, opened))
    np.testing.assert_array_equal(before, after)


def test_nothing_in_a_bundle_is_a_pickle(folder: Path) -> None:
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".npy", ".txt", ".ann", ".tflite"}
    for path in folder.rglob("*.npy"):
        np.load(path, allow_pickle=False)


def test_every_damaged_file_is_refused_by_name(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], _flip(content)):
            path.write_bytes(damaged)
            with pytest.raises(ArtefactError, match=path.name.replace(".", r"\.")):
                verify_bundle(folder)
        path.write_bytes(content)
    verify_bundle(folder)


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "item_factors.npy").unlink()
    with pytest.raises(ArtefactError, match=r"lacks its file item_factors\.npy"):
        open_bundle(folder)


def test_a_changed_value_of_the_manifest_is_refused_though_it_can_be_read(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = json.loads(path.read_text())
    changes = {"n_tracks": 61, "regularization": 2.5, "ranker": "fusion", "version": "another"}
    for name, value in changes.items():
        path.write_text(json.dumps(whole | {name: value}))
        with pytest.raises(ArtefactError, match=r"manifest\.json is damaged: its content differs"):
            verify_bundle(folder)
    path.write_text(json.dumps(whole | {"confidence": whole["confidence"] | {"alpha": 1.5}}))
    with pytest.raises(ArtefactError, match="its content differs"):
        verify_bundle(folder)


def test_the_digest_is_of_what_the_manifest_says_not_of_how_it_is_laid_out(folder: Path) -> None:
    path = folder / "manifest.json"
    before = read_manifest(folder)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items()))))
    assert read_manifest(folder) == before
    del content["digest"]
    path.write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match="differs from its digest"):
        read_manifest(folder)


def test_a_bit_that_flips_anywhere_in_the_manifest_is_noticed(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ArtefactError):
            read_manifest(folder)


def test_another_format_is_refused_with_the_remedy(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["format"] = 99
    (folder / "manifest.json").write_text(json.dumps(manifest))
    said = f"format 99, this version reads {FORMAT}: run `recsys train`"
    with pytest.raises(ArtefactError, match=said):
        open_bundle(folder)


def test_a_ranker_that_kills_the_process_costs_the_child_only(folder: Path) -> None:
    # A digest that fits: what somebody who damages a bundle on purpose would write.
    import hashlib

    ranker = folder / "ranker.txt"
    ranker.write_text(ranker.read_text().replace("num_leaves=", "num_leaves=9", 1)[:4000])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["ranker.txt"] = hashlib.sha256(ranker.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(sealed(manifest)))
    verify_bundle(folder)
    with pytest.raises(ArtefactError, match="is refused"):
        probe_bundle(folder)


def test_a_probe_that_dies_printing_bytes_that_are_no_text_is_a_refusal(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\nprintf 'model \\201\\377' >&2\nkill -ABRT $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(dying))
    with pytest.raises(ArtefactError, match="ended with -6; run `recsys train`"):
        probe_bundle(folder)


def test_publishing_that_fails_leaves_the_old_version_and_no_debris(
    workspace: Workspace, folder: Path
) -> None:
    def fail(target: Path, _: str) -> None:
        target.mkdir()
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        publish(workspace.models, fail)
    assert current_version(workspace.models) == folder.name
    assert (
        sorted(path.name for path in workspace.models.iterdir())
        == ["CURRENT", folder.name][:: 1 if folder.name > "CURRENT" else -1]
    )


def test_rollback_goes_to_the_version_before_and_then_no_further(
    workspace: Workspace, hybrid: Hybrid
) -> None:
    first, second = (publish_hybrid(workspace, hybrid) for _ in range(2))
    assert versions(workspace.models) == [first, second]
    assert current_version(workspace.models) == second
    assert rollback(workspace.models) == first
    assert current_version(workspace.models) == first
    with pytest.raises(NotFoundError, match="no version before"):
        rollback(workspace.models)
    with pytest.raises(NotFoundError, match="no model version 'x'"):
        activate(workspace.models, "x")


def test_pruning_keeps_the_newest_versions_and_the_current_one(
    workspace: Workspace, hybrid: Hybrid
) -> None:
    assert prune(workspace.models, 1) == []
    first, second, third, fourth = (publish_hybrid(workspace, hybrid) for _ in range(4))
    activate(workspace.models, second)
    assert prune(workspace.models, 3) == [first]
    assert versions(workspace.models) == [second, third, fourth]
    assert prune(workspace.models, 1) == [third, fourth]
    assert current_version(workspace.models) == second
    assert sorted(path.name for path in workspace.models.iterdir()) == sorted(["CURRENT", second])
    with pytest.raises(ParameterError, match="at least 1"):
        prune(workspace.models, 0)


def test_a_workspace_without_models_says_what_to_run(workspace: Workspace) -> None:
    with pytest.raises(NotReadyError, match="recsys train"):
        current_version(workspace.models)


class TestLive:
    """The bundle of a running service."""

    @pytest.fixture(autouse=True)
    def look_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("recsys.live.CHECK_EVERY", 0.0)

    def test_a_new_version_is_served_without_restart(
        self, workspace: Workspace, hybrid: Hybrid, store: Store
    ) -> None:
        live = LiveRecommender(workspace, store)
        with pytest.raises(NotReadyError):
            live.current()
        first = publish_hybrid(workspace, hybrid)
        assert live.current().version == first
        second = publish_hybrid(workspace, hybrid)
        assert live.current().version == second
        rollback(workspace.models)
        assert live.current().version == first

    def test_a_damaged_new_version_leaves_the_last_good_one_serving(
        self, workspace: Workspace, hybrid: Hybrid, store: Store
    ) -> None:
        live = LiveRecommender(workspace, store)
        first = publish_hybrid(workspace, hybrid)
        live.current()
        second = publish_hybrid(workspace, hybrid)
        (workspace.models / second / "ranker.txt").write_text("tree")
        assert live.current().version == first
        assert live.current().version == first

    def test_a_start_with_a_damaged_version_serves_the_newest_good_one(
        self, workspace: Workspace, hybrid: Hybrid, store: Store
    ) -> None:
        first = publish_hybrid(workspace, hybrid)
        second = publish_hybrid(workspace, hybrid)
        (workspace.models / second / "embeddings.npy").write_bytes(b"")
        assert LiveRecommender(workspace, store).current().version == first

    def test_only_damaged_versions_are_an_error(
        self, workspace: Workspace, hybrid: Hybrid, store: Store
    ) -> None:
        only = publish_hybrid(workspace, hybrid)
        shutil.rmtree(workspace.models / only / "index")
        with pytest.raises(ArtefactError, match="index"):
            LiveRecommender(workspace, store).current()
