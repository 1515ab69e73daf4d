"""The search stays inside its window, its budget and its own keys."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import recsys.tuning.collaborative
from cf_model.config import ALSSettings, ConfidenceSettings
from data.errors import DataError, ParameterError
from recsys.cli.tune import describe
from recsys.config import Config, load_config
from recsys.evaluation.judging import find_cases
from recsys.holdout import hold_out
from recsys.labelling import discoveries
from recsys.settings_file import as_toml, write_settings
from recsys.training import TrainingData
from recsys.tuning import search
from recsys.tuning.collaborative import SPACE, collaborative_task
from recsys.tuning.search import TuningResult, validation_window, with_settings
from tests.ranker.worlds import N_TRACKS, planted_catalogue, planted_log

POOR = Config(als=ALSSettings(factors=200, iterations=5, regularization=150))


@pytest.fixture
def data() -> TrainingData:
    return TrainingData(planted_catalogue(), planted_log(), None)


def tune(data: TrainingData, config: Config, file: Path, **how) -> TuningResult:
    return search.tune(data, config, file, part=collaborative_task, **how)


def without_times(data: TrainingData) -> TrainingData:
    return replace(data, log=replace(data.log, timestamp=np.full(len(data.log), np.nan)))


def test_the_search_finds_better_settings_than_poor_ones(
    data: TrainingData, tmp_path: Path
) -> None:
    result = tune(data, POOR, tmp_path / "t.db", trials=8)
    assert result.better
    assert result.best > result.present + 0.02
    assert result.trials == 9  # the present settings are the first
    assert set(result.settings) == set(SPACE)
    assert not result.interrupted


@pytest.mark.parametrize("timed", [True, False])
def test_what_evaluation_holds_out_is_never_looked_at(
    data: TrainingData, tmp_path: Path, timed: bool
) -> None:
    data = data if timed else without_times(data)
    outer = hold_out(data.log, seed=0)
    window = validation_window(data, Config())
    assert len(window.past) + len(window.later) == len(outer.past)
    if timed:
        assert window.later.timestamp.max() < outer.cut
        tampered = data.log.item_index.copy()
        rows = data.log.timestamp >= outer.cut
        tampered[rows] = np.random.default_rng(1).integers(0, N_TRACKS, int(rows.sum()))
        other = replace(data, log=replace(data.log, item_index=tampered))
        results = [
            tune(each, Config(), tmp_path / f"{number}.db", trials=2)
            for number, each in enumerate((data, other))
        ]
        assert results[0] == results[1]
    else:
        held = set(zip(outer.later.user_index, outer.later.item_index, strict=True))
        for part in (window.past, window.later):
            assert not held & set(zip(part.user_index, part.item_index, strict=True))


def test_a_second_run_goes_on_and_tries_other_settings(data: TrainingData, tmp_path: Path) -> None:
    first = tune(data, Config(), tmp_path / "t.db", trials=2)
    tried: list[Config] = []
    kept = recsys.tuning.collaborative.als_ndcg

    def watched(cases, config):
        tried.append(config)
        return kept(cases, config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recsys.tuning.collaborative, "als_ndcg", watched)
        second = tune(data, Config(), tmp_path / "t.db", trials=2)
        again = tune(data, Config(), tmp_path / "u.db", trials=2)
    assert (first.trials, second.trials, again.trials) == (3, 5, 3)
    assert second.best >= first.best
    assert (again.best, again.settings) == (first.best, first.settings)
    later, anew = tried[1:3], tried[4:6]
    assert not any(config.als == other.als for config in later for other in anew)


def test_another_log_or_seed_has_a_study_of_its_own(data: TrainingData, tmp_path: Path) -> None:
    tune(data, Config(), tmp_path / "t.db", trials=1)
    shorter = replace(data, log=data.log.take(np.arange(len(data.log)) % 7 > 0))
    assert tune(shorter, Config(), tmp_path / "t.db", trials=1).trials == 2
    assert tune(data, Config(seed=3), tmp_path / "t.db", trials=1).trials == 2


def test_scores_under_other_fixed_settings_are_no_part_of_a_search(
    data: TrainingData, tmp_path: Path
) -> None:
    tune(data, Config(), tmp_path / "t.db", trials=1)
    other = Config(confidence=ConfidenceSettings(half_life_days=0.01, like_plays=0))
    found = tune(data, other, tmp_path / "t.db", trials=1)
    assert found.trials == 2
    searched = Config(confidence=ConfidenceSettings(alpha=3.0))
    assert tune(data, searched, tmp_path / "t.db", trials=1).trials == 3


def test_listeners_asked_are_those_of_the_sample_who_discover(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = validation_window(data, Config())
    discovering = set(discoveries(window.past, window.later, Config())[1])
    monkeypatch.setattr(recsys.tuning.collaborative, "MOST_LISTENERS", 5)
    assert collaborative_task(data, Config()).listeners == 5 < len(discovering)
    sample = find_cases(window.past, window.later, Config(), most=5, known=False)
    assert set(sample.users.tolist()) <= discovering


def test_no_trial_begins_after_the_time_is_up(data: TrainingData, tmp_path: Path) -> None:
    assert tune(data, Config(), tmp_path / "t.db", trials=50, seconds=0).trials == 1


def test_an_interruption_keeps_what_was_found(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, calls = recsys.tuning.collaborative.als_ndcg, []

    def interrupted(cases, config):
        calls.append(config)
        if len(calls) == 4:
            raise KeyboardInterrupt
        if len(calls) == 3:
            raise DataError("factors are not finite")
        return kept(cases, config)

    monkeypatch.setattr(recsys.tuning.collaborative, "als_ndcg", interrupted)
    result = tune(data, Config(), tmp_path / "t.db", trials=10)
    assert result.interrupted
    assert result.trials == 2  # the present settings and the first; the second failed
    assert tune(data, Config(), tmp_path / "t.db", trials=1).trials == 3


def test_a_window_without_discoveries_is_an_error_that_says_so(tmp_path: Path) -> None:
    log = planted_log().take(np.zeros(600, np.bool_))
    with pytest.raises(DataError, match="import more listens"):
        tune(TrainingData(planted_catalogue(), log, None), Config(), tmp_path / "t.db", trials=1)


def test_settings_that_are_tried_are_checked_and_stand_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECSYS_ALS__FACTORS", "7")
    tried = with_settings(Config(), {"als.factors": 12, "confidence.alpha": 0.5})
    assert (tried.als.factors, tried.confidence.alpha) == (12, 0.5)
    assert tried.ranker == Config().ranker


def test_writing_settings_leaves_the_rest_of_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("# mine\nseed = 3\n\n[als]  # factors\nfactors = 8 # few\n", "utf-8")
    write_settings(file, {"als.factors": 40, "als.regularization": 2.5, "confidence.alpha": 0.7})
    text = file.read_text("utf-8")
    assert "# mine" in text
    assert "# few" in text
    config = load_config(file)
    assert (config.seed, config.als.factors, config.als.regularization) == (3, 40, 2.5)
    assert config.confidence.alpha == 0.7


def test_settings_that_would_not_be_valid_leave_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    for content, change in (("[als\n", 8), ("[als]\nfactors = 4\n", -1)):
        file.write_text(content, "utf-8")
        with pytest.raises(ParameterError, match=r"als\.factors"):
            write_settings(file, {"als.factors": change})
        assert file.read_text("utf-8") == content


def test_what_is_printed_can_be_pasted_into_the_file() -> None:
    settings = {"als.factors": 40, "als.regularization": 2.5, "confidence.alpha": 0.7}
    assert tomllib.loads(as_toml(settings)) == {
        "als": {"factors": 40, "regularization": 2.5},
        "confidence": {"alpha": 0.7},
    }


def test_a_search_that_found_nothing_better_says_so() -> None:
    result = TuningResult(0.4, 0.3, {}, 7, 100, interrupted=False)
    assert "none of 7 tried is better" in describe(result)
    assert "0.5000 is the best of 7" in describe(replace(result, best=0.5))
