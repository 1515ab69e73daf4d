"""The same bad logs as tables, through the commands that somebody would type."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from audio_model.encoder import EncoderCard
from data.errors import RecsysError
from recsys.cli.app import app
from recsys.workspace import Workspace
from tests.recsys.bad_logs import CASES, N_TRACKS, Case, track_id

SETTINGS = "[ranker]\nmin_listeners = 5\nmin_rows_in_leaf = 5\ntrees = 10\nwindows = 1\n"
Run = Callable[..., str]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def run(tmp_path: Path, case: Case) -> Run:
    """Runs a command on a workspace with the case's tracks, sound and log."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "recsys.toml").write_text(SETTINGS, "utf-8")

    def command(*words: str | Path) -> str:
        result = CliRunner().invoke(app, ["--home", str(home), *map(str, words)])
        if result.exception is not None:
            raise result.exception
        return result.stdout

    tracks = [(track_id(n), f"title {n}", f"artist {n // 4}") for n in range(N_TRACKS)]
    header = ("track_id", "title", "artist")
    command("library", "import", table(tmp_path / "tracks.csv", header, tracks))
    if case.sound:
        put_vectors(home)
    if case.rows:
        timed = case.rows[0][-1] is not None
        rows = [
            (user, track_id(track), kind.value, repr(when) if timed else 1)
            for user, track, kind, when in case.rows
        ]
        header = ("user_id", "track_id", "event", "timestamp" if timed else "plays")
        told = command("listens", "import", table(tmp_path / "listens.csv", header, rows))
        assert told == f"{len(rows)} new\n"
    return command


def table(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([header, *rows])
    return path


def put_vectors(home: Path) -> None:
    workspace = Workspace.open(home)
    card = EncoderCard.read(workspace.encoder_dir())
    vectors = np.random.default_rng(0).normal(size=(N_TRACKS, card.dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with workspace.open_store() as store:
        store.put_embeddings(
            card.encoder_id,
            [(track_id(n), vectors[n].astype(np.float32), "") for n in range(N_TRACKS)],
        )


def test_every_command_gives_a_result_or_says_what_is_missing(run: Run, case: Case) -> None:
    if case.untrained is not None:
        with pytest.raises(RecsysError, match=case.untrained):
            run("train")
        return
    listeners = len({user for user, *_ in case.rows})
    assert f"{N_TRACKS} tracks, {listeners} listeners, {len(case.rows)} events" in run("train")
    answer = json.loads(run("recommend", "u00", "-n", "5", "--json"))
    heard = {track_id(track) for whose, track, *_ in case.rows if whose == "u00"}
    listed = [item["track_id"] for item in answer["items"]]
    assert len(set(listed)) == len(listed) > 0
    assert not heard & set(listed)
    assert answer["fallback"] is case.fallback
    if case.unjudged is not None:
        with pytest.raises(RecsysError, match=case.unjudged):
            run("evaluate", "--json")
        return
    report = json.loads(run("evaluate", "--json"))
    everything = report["slices"]["all"]
    assert everything["n_listeners"] > 0
    assert 0 <= everything["methods"]["hybrid"]["ndcg@20"]["mean"] <= 1


def test_where_everything_to_come_is_cold_only_sound_finds_it(run: Run, case: Case) -> None:
    if case not in (CASES["everything to come is cold"], CASES[_SILENT]):
        pytest.skip("another case")
    report = json.loads(run("evaluate", "--json"))
    assert report["slices"]["all"]["n_relevant"] == report["slices"]["cold"]["n_relevant"] > 0
    assert "warm" not in report["slices"]
    found = report["slices"]["all"]["methods"]
    assert found["als"]["recall@20"]["mean"] == 0
    assert (found["hybrid"]["recall@20"]["mean"] > 0) == case.sound


_SILENT = "everything to come is cold, without sound"
