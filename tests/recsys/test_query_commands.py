"""`recsys recommend` and `recsys similar` with what they can be asked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from data.errors import ParameterError, UnknownTrackError
from data.store import Store
from ranker.hybrid import Hybrid
from recsys.cli.app import app
from recsys.workspace import Workspace
from tests.ranker.worlds import track_id
from tests.recsys.conftest import publish_hybrid

Asked = Callable[..., dict]


@pytest.fixture
def asked(workspace: Workspace, hybrid: Hybrid, store: Store) -> Asked:
    publish_hybrid(workspace, hybrid)

    def ask(*words: str) -> dict:
        result = CliRunner().invoke(app, ["--home", str(workspace.home), *words, "--json"])
        if result.exception is not None:
            raise result.exception
        return json.loads(result.stdout)

    return ask


def ids(answer: dict) -> list[str]:
    return [item["track_id"] for item in answer["items"]]


def test_modes_filters_and_dials_reach_the_list(asked: Asked) -> None:
    new = ids(asked("recommend", "u02", "-n", "60"))
    known = ids(asked("recommend", "u02", "-n", "60", "--mode", "relisten"))
    assert len(known) == 15
    assert not set(new) & set(known)
    some = asked("recommend", "u02", "--artist", "ARTIST 5", "--exclude", track_id(52))
    assert set(ids(some)) == {track_id(n) for n in range(50, 60)} - {track_id(52)}
    capped = asked("recommend", "u02", "--max-per-artist", "1", "-n", "60")
    assert len(ids(capped)) == 6
    assert ids(asked("recommend", "u02", "--genre", "polka")) == []
    assert ids(asked("recommend", "u02", "--label", "nobody")) == []


def test_numbers_come_on_request(asked: Asked) -> None:
    for item in asked("recommend", "u02", "-n", "3", "--explain")["items"]:
        told = item["explanation"]
        total = told["base"] + math.fsum(told["contributions"].values())
        assert total == pytest.approx(told["ranker_score"], rel=1e-6)
    assert "explanation" not in asked("recommend", "u02", "-n", "1")["items"][0]


def test_similar_tracks_in_a_space_and_filtered(asked: Asked) -> None:
    by_listeners = asked("similar", track_id(4), "--space", "collaborative", "-n", "5")
    assert {item["sources"][0] for item in by_listeners["items"]} == {"collaborative"}
    only = ids(asked("similar", track_id(4), "--artist", "artist 5", "-n", "60"))
    assert set(only) == {track_id(n) for n in range(50, 60)}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("recommend", "u02", "--mode", "sleep"), "--mode"),
        (("recommend", "u02", "--diversity", "2"), "diversity"),
        (("similar", "t04", "--space", "outer"), "--space"),
    ],
)
def test_impossible_choices_are_refused_by_name(
    asked: Asked, words: tuple[str, ...], named: str
) -> None:
    with pytest.raises(ParameterError, match=named):
        asked(*words)


def test_a_name_too_long_for_a_file_is_an_unknown_track(asked: Asked) -> None:
    with pytest.raises(UnknownTrackError):
        asked("similar", "long" * 75)
