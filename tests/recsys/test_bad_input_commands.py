"""The same bad logs as tables, through the commands that somebody would type."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from audio_model.encoder import EncoderCard
from data.errors import RecsysError
from recsys.cli.app import app
from recsys.workspace import Workspace
from tests.recsys.bad_logs import CASES, DAY, N_TRACKS, START, Case, Rows, track_id

SETTINGS = "[ranker]\nmin_listeners = 5\nmin_rows_in_leaf = 5\ntrees = 10\nwindows = 1\n"
Run = Callable[..., str]
IMPOSSIBLE = ("all at time 0", "all in the future", "one listen in the far future")
"""Times that importing refuses; models meet them only in stores that something else wrote."""
_SILENT = "everything to come is cold, without sound"


@pytest.fixture(params=[name for name in CASES if name not in IMPOSSIBLE], ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def run(tmp_path: Path, case: Case) -> Run:
    """Runs a command on a workspace with the case's tracks, sound and log."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "recsys.toml").write_text(SETTINGS, "utf-8")
    invoke(home, "library", "import", tracks_table(tmp_path))
    if case.sound:
        put_vectors(home)
    if case.rows:
        told = invoke(home, "listens", "import", listens_table(tmp_path, case.rows))
        assert told == f"{len(case.rows)} new\n"
    return partial(invoke, home)


def invoke(home: Path, *words: str | Path, status: int = 0) -> str:
    """Standard output of a command; its error is raised."""
    result = CliRunner().invoke(app, ["--home", str(home), *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status
    return result.stdout


def tracks_table(folder: Path) -> Path:
    tracks = [(track_id(n), f"title {n}", f"artist {n // 4}") for n in range(N_TRACKS)]
    return table(folder / "tracks.csv", ("track_id", "title", "artist"), tracks)


def listens_table(folder: Path, rows: Rows) -> Path:
    timed = rows[0][-1] is not None
    cells = [
        (user, track_id(track), kind.value, repr(when) if timed else 1)
        for user, track, kind, when in rows
    ]
    header = ("user_id", "track_id", "event", "timestamp" if timed else "plays")
    return table(folder / "listens.csv", header, cells)


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


@pytest.mark.parametrize("case", [CASES["everything to come is cold"], CASES[_SILENT]], ids=str)
def test_where_everything_to_come_is_cold_only_sound_finds_it(run: Run, case: Case) -> None:
    report = json.loads(run("evaluate", "--json"))
    assert report["slices"]["all"]["n_relevant"] == report["slices"]["cold"]["n_relevant"] > 0
    assert "warm" not in report["slices"]
    found = report["slices"]["all"]["methods"]
    assert found["als"]["recall@20"]["mean"] == 0
    assert (found["hybrid"]["recall@20"]["mean"] > 0) == case.sound


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_times_are_left_out_and_the_rest_is_learned_from(
    tmp_path: Path, name: str
) -> None:
    rows = CASES[name].rows
    possible = sum(1 for *_, when in rows if 0 < (when or 0) < START + 200 * DAY)
    home = tmp_path / "home"
    home.mkdir()
    (home / "recsys.toml").write_text(SETTINGS, "utf-8")
    invoke(home, "library", "import", tracks_table(tmp_path))
    put_vectors(home)
    told = invoke(home, "listens", "import", listens_table(tmp_path, rows), status=3)
    assert f"{len(rows) - possible} skipped" in told
    assert (f"{possible} new" in told) == (possible > 0)
    assert f" {possible} events" in invoke(home, "train")
