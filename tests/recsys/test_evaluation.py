import numpy as np
import pytest

from data.errors import DataError, NotReadyError
from data.events import EventKind, EventLog
from data.interactions import Interactions
from ranker.hybrid import discovering_listener
from recsys.config import Config
from recsys.evaluation.report import evaluate
from recsys.holdout import hold_out
from recsys.training import (
    TrainingData,
    discoveries,
    fit_hybrid,
    load_training_data,
)
from recsys.workspace import Workspace
from tests.logs import make_log
from tests.ranker.worlds import COLD, planted_log, track_id
from tests.recsys.growing import QUICK, growing_world


def test_report_finds_the_planted_order_of_methods() -> None:
    report = evaluate(growing_world(), QUICK)
    assert report.protocol == "temporal"
    assert 0.9 <= report.slices["all"].candidate_recall["joined"] <= 1.0
    everything = report.slices["all"].methods
    assert everything["hybrid"]["ndcg@10"].mean > everything["popular"]["ndcg@10"].mean
    assert everything["hybrid"]["ndcg@10"].mean > everything["random"]["ndcg@10"].mean
    cold = report.slices["cold"]
    assert cold.n_items == len(COLD[5:])
    assert cold.methods["hybrid"]["ndcg@10"].mean > cold.methods["random"]["ndcg@10"].mean
    assert cold.methods["als"]["ndcg@10"].mean == 0.0
    paired = cold.hybrid_minus["als"]["ndcg@10"]
    assert paired.mean == pytest.approx(cold.methods["hybrid"]["ndcg@10"].mean)
    assert paired.low <= paired.mean <= paired.high


def test_report_is_deterministic() -> None:
    first, second = (evaluate(growing_world(), QUICK) for _ in range(2))
    assert first == second


def test_logs_without_times_are_split_at_random_and_say_so() -> None:
    data = growing_world()
    timeless = EventLog(**{**data.log.__dict__, "timestamp": np.full(len(data.log), np.nan)})
    report = evaluate(TrainingData(data.catalogue, timeless, None), QUICK)
    assert report.protocol == "random"
    assert report.cut is None
    assert "audio" not in report.slices["all"].methods


def test_nothing_after_the_cut_reaches_training() -> None:
    log = growing_world().log
    past, later, protocol, cut = hold_out(log)
    assert protocol == "temporal"
    assert cut is not None
    assert past.timestamp.max() < cut <= later.timestamp.min()
    assert len(past) + len(later) == len(log)


def test_identical_times_are_split_at_random() -> None:
    log = planted_log()
    same = EventLog(**{**log.__dict__, "timestamp": np.full(len(log), 5.0)})
    assert hold_out(same).protocol == "random"


def test_discoveries_leave_out_what_was_heard_or_skipped() -> None:
    items = ["a", "b", "c", "d"]
    past = make_log([("u", "a")], items=items)
    later = make_log(
        [("u", "a"), ("u", "b"), ("u", "c", EventKind.SKIP), ("u", "d", EventKind.LIKE)],
        items=items,
    )
    _, relevant = discoveries(past, later, Config())
    assert {user: found.tolist() for user, found in relevant.items()} == {0: [1, 3]}


def test_ranker_needs_listeners_enough_and_says_which_it_is() -> None:
    data = growing_world()
    few = data.log.take(data.log.user_index < 5)
    assert fit_hybrid(data, few, Config()).ranker.kind == "fusion"
    assert fit_hybrid(data, data.log, Config()).ranker.kind == "lambdarank"


@pytest.mark.parametrize("n_listeners", [0, 1, 3])
def test_training_with_hardly_any_listeners_still_recommends(n_listeners: int) -> None:
    data = growing_world()
    log = data.log.take(data.log.user_index < n_listeners)
    hybrid = fit_hybrid(data, log, Config())
    history = Interactions.from_log(data.log).history(0)
    ranked = hybrid.rank(discovering_listener(hybrid.models, history))
    assert len(ranked.item_index) > 0
    assert np.isfinite(ranked.score).all()


def test_a_log_in_which_nobody_discovers_anything_cannot_be_evaluated() -> None:
    data = growing_world()
    rows = [("u", track_id(0)), ("u", track_id(1))] * 20
    log = make_log(rows, items=list(data.catalogue.items))
    with pytest.raises(DataError, match="nothing to evaluate"):
        evaluate(TrainingData(data.catalogue, log, None), Config())


def test_an_empty_store_says_what_to_import(workspace: Workspace) -> None:
    with workspace.open_store() as store, pytest.raises(NotReadyError, match="recsys library add"):
        load_training_data(store, "any", 4)
