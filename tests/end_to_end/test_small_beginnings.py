"""A workspace before there is anything in it, with hardly any listeners, and with damage."""

from __future__ import annotations

import shutil

import pytest

from tests.end_to_end.command import FAILED, Recsys
from tests.end_to_end.service import served

DAY = 86_400
START = 1_767_268_800


@pytest.fixture(scope="module")
def unheard(demo_home, copied):
    """The demo's library, analysed, and nobody who listens."""
    recsys = copied("encoders")
    recsys("library", "add", demo_home.music)
    assert recsys("embed", "--json").json()["analysed"] == 24
    return recsys


def test_with_sound_alone_the_list_is_what_is_typical_and_says_so(unheard):
    assert "0 listeners, 0 events, encoder default-" in unheard("train").out
    answer = unheard("recommend", "anybody")
    assert "nobody else has played anything either" in answer.err
    assert "typical of how this library sounds" in answer.out
    assert "nothing to evaluate" in unheard("evaluate", expect=FAILED).error


@pytest.mark.parametrize("n_listeners", [1, 3])
def test_a_handful_of_listeners_is_enough_for_lists(unheard, demo_home, tmp_path, n_listeners):
    recsys = Recsys(tmp_path / "home")
    shutil.copytree(unheard.home, recsys.home)
    paths = sorted(path for path in demo_home.music.rglob("*") if path.is_file())
    rows = [
        f"user{user},{path},{START + DAY * number + user}\n"
        for user in range(n_listeners)
        for number, path in enumerate(paths[user : user + 6])
    ]
    table = tmp_path / "listens.csv"
    table.write_text("user_id,path,timestamp\n" + "".join(rows), "utf-8")
    assert recsys("listens", "import", table).out == f"{len(rows)} new\n"
    assert f"{n_listeners} listeners" in recsys("train").out
    known = recsys("recommend", "user0", "--json").json()
    assert known["fallback"] is False
    assert len(known["items"]) > 5
    stranger = recsys("recommend", "stranger", "-n", "3", "--json").json()
    assert stranger["fallback"] is True
    assert len(stranger["items"]) == 3
    seed = known["items"][0]["track_id"]
    assert len(recsys("similar", seed, "-n", "5", "--json").json()["items"]) == 5


def test_every_step_that_comes_too_early_names_the_one_before(tmp_path):
    recsys = Recsys(tmp_path / "home")
    assert "recsys library add" in recsys("encoder", "train", expect=FAILED).error
    assert recsys("embed").out.startswith("0 analysed")
    assert "recsys library add" in recsys("train", expect=FAILED).error
    assert "recsys train" in recsys("recommend", "ada", expect=FAILED).error
    assert "recsys train" in recsys("similar", "t1", "--json", expect=FAILED).error
    assert recsys("models", "list").out == "no model yet: run `recsys train`\n"
    assert recsys("models", "list", "--json").json() == []
    assert "recsys train" in recsys("models", "rollback", expect=FAILED).error


def test_the_service_starts_before_there_is_a_model_and_says_what_to_do(tmp_path):
    with served(tmp_path / "home", tmp_path / "scratch") as service:
        reply = service.get("/health/ready")
        assert reply.status == 503
        assert reply.kind == "application/problem+json"
        assert "recsys train" in reply.json()["detail"]
        assert service.get("/v1/users/ada/recommendations").status == 503
        page = service.get("/")
        assert page.status == 200
        assert "recsys train" in page.body.decode()
        assert service.stop() == 0


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("[serve]\nprot = 80\n", "serve.prot"),
        ("[sevre]\nport = 80\n", "sevre"),
        ("[serve]\nport = 'http'\n", "serve.port"),
        ("[serve\n", "is not a TOML file"),
    ],
)
def test_settings_that_do_not_exist_are_refused_by_name(tmp_path, settings, reason):
    (tmp_path / "recsys.toml").write_text(settings, "utf-8")
    assert reason in Recsys(tmp_path)("models", "list", expect=FAILED).error


def test_a_misspelt_variable_is_refused_by_name(tmp_path):
    result = Recsys(tmp_path)("models", "list", expect=FAILED, RECSYS_SEVRE__PORT="80")
    assert "RECSYS_SEVRE__PORT" in result.error


def test_a_workspace_that_is_a_file_or_holds_a_damaged_store_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert "is a file" in Recsys(file)("models", "list", expect=FAILED).error
    home = tmp_path / "home"
    home.mkdir()
    (home / "recsys.db").write_text("this is not a database, though it has the name of one")
    assert "no database" in Recsys(home)("train", expect=FAILED).error


def test_of_two_damaged_models_none_is_opened_and_of_one_the_other_answers(demo_home, copied):
    recsys = copied("models")
    shutil.copy(demo_home.home / "recsys.db", recsys.home)
    models = recsys.home / "models"
    good = (models / "CURRENT").read_text("utf-8").strip()
    newest = "99990101T000000000000-copy"
    shutil.copytree(models / good, models / newest)
    (models / newest / "popularity.npy").unlink()
    (models / "CURRENT").write_text(f"{newest}\n", "utf-8")
    result = recsys("recommend", "stranger", "-n", "2", "--json")
    assert result.json()["model_version"] == good
    assert "bundle refused" in result.err
    assert "lacks its file popularity.npy" in result.err
    with (models / good / "categories.npy").open("ab") as file:  # a version of any kind has it
        file.write(b"0")
    error = recsys("recommend", "stranger", expect=FAILED).error
    assert newest in error
    assert "run `recsys train`" in error
