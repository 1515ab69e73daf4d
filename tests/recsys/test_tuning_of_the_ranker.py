"""The search of the ranker's settings: lists are made once, and what is found is better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import recsys.tuning.ranker
from data.errors import DataError
from ranker.hybrid import Hybrid
from ranker.ranking import LambdaRanker, train_ranker
from recsys.cli.tune import describe
from recsys.config import Config
from recsys.evaluation.judging import find_cases, judge
from recsys.evaluation.methods import HYBRID, hybrid_order
from recsys.evaluation.metrics import ndcg_of_hits
from recsys.holdout import hold_out
from recsys.labelling import label_lists
from recsys.training import TrainingData, fit_hybrid
from recsys.tuning.collaborative import collaborative_task
from recsys.tuning.ranker import SPACE, JudgedLists, ranker_task
from recsys.tuning.search import K, TuningResult, tune, validation_window
from tests.recsys.growing import QUICK, growing_world


def with_ranker(**settings: float) -> Config:
    return QUICK.model_copy(update={"ranker": QUICK.ranker.model_copy(update=settings)})


POOR = with_ranker(learning_rate=0.02, leaves=2, min_rows_in_leaf=400, trees=3, head_start=0.0)


@pytest.fixture(scope="module")
def world() -> TrainingData:
    return growing_world()


def searched(data: TrainingData, config: Config, file: Path, trials: int) -> TuningResult:
    return tune(data, config, file, trials=trials, part=ranker_task)


def test_the_search_finds_better_settings_than_poor_ones(
    world: TrainingData, tmp_path: Path
) -> None:
    result = searched(world, POOR, tmp_path / "t.db", 6)
    assert result.better
    assert result.best > result.present + 0.02
    assert set(result.settings) == set(SPACE)
    assert "of tracks nobody had heard" in describe(result)


def test_a_trial_is_worth_what_the_lists_of_its_ranker_are(world: TrainingData) -> None:
    window = validation_window(world, QUICK)
    hybrid = fit_hybrid(world, window.past, QUICK)
    assert isinstance(hybrid.ranker, LambdaRanker)
    cases = find_cases(window.past, window.later, QUICK, known=False)
    found = JudgedLists.of(hybrid.models, cases).ndcg(hybrid.ranker)
    parts = judge(hybrid, {HYBRID: hybrid_order}, cases).parts
    for name, value in (("all", found.everything), ("cold", found.cold)):
        part = parts[name]
        rows = part.n_relevant > 0
        expected = ndcg_of_hits(part.hits[HYBRID][rows], part.n_relevant[rows], K).mean()
        assert value == pytest.approx(expected, abs=1e-9)
    task = ranker_task(world, QUICK)
    assert task.scores(QUICK) == found
    assert task.listeners == len(cases.users)


def test_lists_are_made_once_for_all_trials(
    world: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, trained = [], []

    def counted(*arguments):
        made.append(arguments)
        return label_lists(*arguments)

    def watched(*arguments, **more):
        trained.append(arguments[2])
        return train_ranker(*arguments, **more)

    monkeypatch.setattr("recsys.training.label_lists", counted)
    monkeypatch.setattr(recsys.tuning.ranker, "train_ranker", watched)
    searched(world, QUICK, tmp_path / "t.db", 3)
    assert len(made) == QUICK.ranker.windows == 1
    assert len(trained) == 4
    assert trained[0] == QUICK.ranker
    assert len({settings.learning_rate for settings in trained}) == 4


def test_what_evaluation_holds_out_is_never_looked_at(world: TrainingData, tmp_path: Path) -> None:
    outer = hold_out(world.log)
    assert outer.cut is not None
    tampered = world.log.item_index.copy()
    rows = world.log.timestamp >= outer.cut
    tampered[rows] = np.random.default_rng(1).integers(0, 60, int(rows.sum()))
    other = replace(world, log=replace(world.log, item_index=tampered))
    results = [
        searched(each, QUICK, tmp_path / f"{number}.db", 2)
        for number, each in enumerate((world, other))
    ]
    assert results[0] == results[1]


def test_a_second_run_goes_on_and_other_sources_have_a_study_of_their_own(
    world: TrainingData, tmp_path: Path
) -> None:
    first = searched(world, QUICK, tmp_path / "t.db", 2)
    second = searched(world, QUICK, tmp_path / "t.db", 2)
    # The present settings count where they lie in what is searched.
    assert (first.trials, second.trials) == (3, 5)
    assert second.best >= first.best
    factors = QUICK.model_copy(update={"als": QUICK.als.model_copy(update={"factors": 4})})
    assert searched(world, factors, tmp_path / "t.db", 1).trials == 2
    assert searched(world, with_ranker(windows=2), tmp_path / "t.db", 1).trials == 2
    assert (
        tune(world, QUICK, tmp_path / "t.db", part=collaborative_task, trials=1).trials == 2
    )  # the other part's


def test_no_trial_begins_after_the_time_is_up_and_an_interruption_keeps_what_was_found(
    world: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "t.db"
    assert tune(world, QUICK, file, trials=9, seconds=0, part=ranker_task).trials == 1
    calls = []

    def interrupted(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train_ranker(*arguments, **more)

    monkeypatch.setattr(recsys.tuning.ranker, "train_ranker", interrupted)
    result = searched(world, QUICK, file, 9)
    assert result.interrupted
    assert result.trials == 2


def test_too_few_listeners_before_the_window_are_an_error_that_says_so(
    world: TrainingData, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"ranker\.min_listeners.*import more listens"):
        searched(world, with_ranker(min_listeners=1000), tmp_path / "t.db", 1)
    silent = replace(world, log=world.log.take(np.zeros(len(world.log), np.bool_)))
    with pytest.raises(DataError, match="import more listens"):
        searched(silent, QUICK, tmp_path / "t.db", 1)


def test_a_ranker_without_cold_tracks_to_judge_says_nothing_of_them(world: TrainingData) -> None:
    window = validation_window(world, QUICK)
    hybrid: Hybrid = fit_hybrid(world, window.past, QUICK)
    cases = find_cases(window.past, window.later, QUICK)
    everything = JudgedLists.of(hybrid.models, cases)
    warm = replace(everything, n_relevant=everything.n_relevant * [1, 0])
    assert np.isnan(warm.ndcg(hybrid.ranker).cold)
    assert "nobody had heard" not in describe(TuningResult(0.4, 0.5, {}, 7, 9, interrupted=False))
