from collections.abc import Sequence
from pathlib import Path

import pytest

from data.errors import ParameterError
from ranker.config import SOURCES
from recsys.config import Config, load_config


def test_file_and_environment_set_the_same_keys_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("seed = 3\n[als]\nfactors = 8\niterations = 5\n")
    monkeypatch.setenv("RECSYS_ALS__FACTORS", "16")
    config = load_config(file)
    assert (config.seed, config.als.factors, config.als.iterations) == (3, 16, 5)


@pytest.mark.parametrize(
    "text", ["sede = 3", "[als]\nfactor = 3", "[als]\nfactors = 0", "[als]\nfactors = 'many'"]
)
def test_unknown_keys_and_bad_values_are_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=r"sede|factor"):
        load_config(file)


@pytest.mark.parametrize("name", ["RECSYS_ALZ__FACTORS", "RECSYS_ALS__FACTOR"])
def test_unknown_variables_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "16")
    with pytest.raises(ParameterError, match=r"(?i)al[sz]"):
        load_config()


def test_a_file_that_is_not_toml_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("seed 3")
    with pytest.raises(ParameterError, match=r"recsys\.toml is not a TOML file"):
        load_config(file)


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["audio", "itemitem"], r"candidates\.leave_out.*item_item.*got itemitem; correct"),
        (SOURCES, r"candidates\.leave_out.*at least one source.*got the names of all; remove"),
    ],
)
def test_sources_that_do_not_exist_or_are_all_there_are_cannot_be_left_out(
    tmp_path: Path, names: Sequence[str], said: str
) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text(f"[candidates]\nleave_out = {list(names)}")
    with pytest.raises(ParameterError, match=said):
        load_config(file)
    file.write_text(f"[candidates]\nleave_out = {list(SOURCES[1:])}")
    assert load_config(file).candidates.leave_out == SOURCES[1:]
