"""Every command of the path, as somebody meets it who pipes its output."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict

import pytest
import typer
from typer.testing import CliRunner

from recsys.cli.app import app
from tests.end_to_end.command import FAILED, TIMEOUT, USAGE, Recsys, environment


@pytest.fixture(scope="module")
def recsys(demo_home):
    """The demo workspace itself, for commands that change nothing in it."""
    return Recsys(demo_home.home)


@pytest.fixture(scope="module")
def tracks(recsys, demo_home):
    """File in the world → track id, from the listens that name both a file and a listener."""
    found = recsys("similar", demo_home.song("mp3"), "-n", "100", "--json").json()["items"]
    assert len(found) == 24
    return {item["title"]: item["track_id"] for item in found}


@pytest.fixture(scope="module")
def heard(demo_home, tracks):
    """Listener → ids of the tracks that they had anything to do with."""
    heard = defaultdict(set)
    with demo_home.listens.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            title = row["path"].rpartition("/")[2].rpartition(".")[0].partition(" ")[2]
            heard[row["user_id"]].add(tracks[title])
    return heard


@pytest.fixture(scope="module")
def newcomer(heard):
    """The listener who has the most left to discover."""
    return min(sorted(heard), key=lambda user: len(heard[user]))


def verbs(group, path=()):
    """Every command and group of commands below `group`, as words."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from verbs(command, (*path, name))


VERBS = sorted(verbs(typer.main.get_command(app)))


def test_every_step_says_what_it_did_and_nothing_else(demo_home):
    printed = demo_home.printed
    assert printed["library add"].out == "24 new\n"
    assert printed["listens import"].out == "1600 new\n"
    assert "is trained and current; next: recsys embed" in printed["encoder train"].out
    assert printed["embed"].out.startswith("24 analysed")
    assert "24 tracks, 80 listeners, 1600 events, encoder default-" in printed["train"].out
    assert "LambdaRank" in printed["train"].out
    assert {name: result.err for name, result in printed.items() if result.err} == {}


def test_an_encoder_that_cannot_be_judged_is_not_used(demo_home, copied):
    recsys = copied()
    shutil.rmtree(recsys.home / "encoders")  # back to the encoder of the package
    said = recsys("encoder", "train", "--recipe", "article", "--steps", "1").out
    assert re.search(r"article-\w+ was trained from scratch; the library is too small", said)
    assert re.search(r"encoder default-\w+ stays current.*--force", said)
    assert not (recsys.home / "encoders" / "CURRENT").exists()
    assert recsys("embed", "--json").json()["encoder_id"].startswith("default-")


def test_evaluate_compares_methods_on_every_slice_and_keeps_the_report(demo_home):
    report = demo_home.printed["evaluate"].json()
    assert report == json.loads((demo_home.home / "evaluation.json").read_text("utf-8"))
    assert report["protocol"] == "temporal"
    assert set(report["slices"]) >= {"all", "warm", "cold", "relisten", "niche", "mainstream"}
    assert "<svg" in (demo_home.home / "evaluation.html").read_text("utf-8")
    methods = report["slices"]["all"]["methods"]
    assert {"hybrid", "popular", "random"} <= set(methods)
    estimate = methods["hybrid"]["ndcg@10"]
    assert 0 <= estimate["low"] <= estimate["mean"] <= estimate["high"] <= 1


def test_evaluate_for_people_is_a_table_a_slice(recsys):
    printed = recsys("evaluate").out
    assert "global temporal split" in printed
    assert [line for line in printed.splitlines() if "hybrid" in line]
    assert "cold:" in printed


def test_a_step_that_runs_again_changes_nothing_and_says_so(recsys, demo_home):
    assert recsys("library", "add", demo_home.music).out == "24 unchanged\n"
    assert recsys("listens", "import", demo_home.listens).out == "1600 duplicates\n"
    report = recsys("embed", "--json").json()
    assert (report["analysed"], report["unchanged"], report["failed"]) == (0, 24, [])


@pytest.fixture(scope="module")
def answer(recsys, newcomer):
    """List of five for the newcomer."""
    return recsys("recommend", newcomer, "-n", "5", "--json").json()


def test_recommend_lists_what_a_listener_has_not_heard_best_first(recsys, answer, heard, newcomer):
    items = answer["items"]
    assert 0 < len(items) <= 5
    assert answer["fallback"] is False
    assert not {item["track_id"] for item in items} & heard[newcomer]
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)
    assert all(item["reason"] and item["sources"] and item["artist"] for item in items)
    assert (recsys.home / "models" / answer["model_version"]).is_dir()


def test_recommend_for_people_shows_whole_ids_in_a_pipe(recsys, answer, newcomer):
    printed = recsys("recommend", newcomer, "-n", "5").out
    for item in answer["items"]:
        assert item["track_id"] in printed
        assert item["title"] in printed
    assert "…" not in printed


def test_a_listener_nobody_knows_gets_what_most_play_and_is_told_so(recsys):
    result = recsys("recommend", "a stranger", "--json")
    answer = result.json()
    assert answer["fallback"] is True
    assert len(answer["items"]) == 20
    assert "nothing known about listener 'a stranger' leads to a track" in result.err


def test_a_listener_id_that_is_not_text_is_nobody(recsys):
    assert recsys("recommend", b"caf\xe9", "-n", "2", "--json").json()["fallback"] is True


def test_similar_to_a_track_leaves_that_track_out(recsys, tracks):
    seed = next(iter(tracks.values()))
    items = recsys("similar", seed, "--json").json()["items"]
    assert len(items) == 20
    assert seed not in {item["track_id"] for item in items}
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", [b"outside.ogg", b"caf\xe9.ogg"])
def test_similar_to_a_file_outside_the_library_finds_the_same_sound(
    recsys, demo_home, tmp_path, name
):
    song = demo_home.song("ogg")
    path = tmp_path / os.fsdecode(name)
    shutil.copy(song, path)
    result = recsys("similar", path, "-n", "3", "--json")
    first = result.json()["items"][0]
    assert first["title"] == song.stem.partition(" ")[2]
    assert first["score"] == pytest.approx(1, abs=1e-4)
    assert result.err == ""


def test_similar_to_an_unknown_id_fails_with_what_to_do(recsys):
    assert "unknown track 'ghost'" in recsys("similar", "ghost", expect=FAILED).error


def test_similar_to_a_text_file_named_mp3_fails_with_the_reason(recsys, tmp_path):
    (tmp_path / "text.mp3").write_text("words, no sound\n" * 100)
    error = recsys("similar", tmp_path / "text.mp3", expect=FAILED).error
    assert "not an audio file that can be read" in error


def test_versions_are_listed_and_rolled_back(copied):
    recsys = copied()
    first = recsys("models", "list", "--json").json()[0]["version"]
    trained = recsys("train").out
    rows = recsys("models", "list", "--json").json()
    assert [row["current"] for row in rows] == [True, False]
    assert rows[1]["version"] == first
    assert rows[0]["version"] in trained
    assert rows[0]["tracks"] == 24
    assert recsys("models", "rollback").out == f"model {first} is current\n"
    marked = [line for line in recsys("models", "list").out.splitlines() if "→" in line]
    assert len(marked) == 1
    assert first in marked[0]
    assert "no version before" in recsys("models", "rollback", expect=FAILED).error
    assert recsys("models", "prune", "--keep", "2").out == "0 deleted\n"
    second = rows[0]["version"]
    assert recsys("models", "prune", "--keep", "1").out == f"deleted {second}\n1 deleted\n"
    assert [row["version"] for row in recsys("models", "list", "--json").json()] == [first]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_has_help(words):
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage: ")
    assert len(shown.output.splitlines()) > 4


def test_the_command_itself_has_help():
    done = subprocess.run(
        [sys.executable, "-m", "recsys", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    for words in VERBS[1:]:
        assert words[0] in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ["library", "add"],
        ["library", "import"],
        ["listens", "import"],
        ["recommend"],
        ["similar"],
        ["recommend", "somebody", "-n", "0"],
        ["encoder", "train", "--steps", "0"],
        ["serve", "--port", "70000"],
        ["trian"],
        ["embed", "--fast"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_exits_with_status_2(words, tmp_path):
    shown = CliRunner().invoke(app, ["--home", str(tmp_path), *words])
    assert shown.exit_code == USAGE
    assert "Usage: " in shown.stderr
    assert shown.stdout == ""


def test_a_pipe_that_closes_early_is_no_traceback(recsys):
    command = [sys.executable, "-m", "recsys", "--home", recsys.home, "recommend", "nobody"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        said = process.stderr.read().decode()
        process.wait(TIMEOUT)
    assert "Traceback" not in said
    assert "Exception" not in said
