import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from data.errors import DataError, NotReadyError, ParameterError
from data.events import EventKind, EventLog
from data.interactions import Interactions
from ranker.hybrid import discovering_listener
from recsys.config import Config
from recsys.evaluation.charts import WIDTH
from recsys.evaluation.page import render_page
from recsys.evaluation.report import evaluate
from recsys.evaluation.schema import (
    Beyond,
    CalibrationBin,
    Difference,
    EvaluationReport,
    Slice,
    Spread,
)
from recsys.holdout import hold_out
from recsys.labelling import discoveries
from recsys.training import (
    TrainingData,
    fit_hybrid,
    load_training_data,
)
from recsys.workspace import Workspace
from tests.logs import make_log
from tests.ranker.worlds import COLD, planted_log, track_id
from tests.recsys.growing import DAY, QUICK, growing_world


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


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    """The growing world, two seeds, every ablation, with listeners who also hear things again."""
    data = growing_world()
    again = [
        (f"u{user:02d}", track_id(user % 2), EventKind.PLAY, DAY * (since + user / 60))
        for user in range(20)
        for since in (1, 92)
    ]
    rows = [
        (
            data.log.users.external(int(user)),
            data.log.items.external(int(item)),
            EventKind.PLAY,
            float(at),
        )
        for user, item, at in zip(
            data.log.user_index, data.log.item_index, data.log.timestamp, strict=True
        )
    ]
    log = make_log(rows + again, items=list(data.catalogue.items))
    return evaluate(TrainingData(data.catalogue, log, data.embeddings), QUICK, seeds=2)


def test_slices_of_listeners_share_them_out(report: EvaluationReport) -> None:
    parts = report.slices
    assert parts["all"].n_listeners == 60
    for names in (
        ("activity_low", "activity_middle", "activity_high"),
        ("niche", "between", "mainstream"),
    ):
        assert sum(parts[name].n_listeners for name in names if name in parts) == 60
        assert sum(parts[name].n_relevant for name in names if name in parts) == (
            parts["all"].n_relevant
        )
    assert parts["warm"].n_relevant + parts["cold"].n_relevant == parts["all"].n_relevant
    assert parts["cold_competing"].n_relevant == parts["cold"].n_relevant


def test_competing_for_places_never_helps(report: EvaluationReport) -> None:
    for alone, competing in (("warm", "warm_competing"), ("cold", "cold_competing")):
        for method, values in report.slices[competing].methods.items():
            assert values["recall@20"].mean <= (
                report.slices[alone].methods[method]["recall@20"].mean + 1e-12
            )


def test_relistening_has_its_own_listeners_and_baselines(report: EvaluationReport) -> None:
    part = report.slices["relisten"]
    assert part.n_listeners == part.n_relevant == 20
    assert {"play_count", "last_played", "hybrid", "popular"} <= set(part.methods)
    assert "play_count" not in report.slices["all"].methods
    # Heard in the first week already and played once, the track is not what was heard last.
    random = part.methods["random"]["recall@10"].mean
    assert part.methods["play_count"]["recall@10"].mean > random
    assert part.candidate_recall["joined"] == 1.0


def test_every_source_has_a_ceiling_and_none_is_above_all_joined(report: EvaluationReport) -> None:
    for part in report.slices.values():
        assert {"als", "audio", "popular", "joined"} <= set(part.candidate_recall)
        assert max(part.candidate_recall.values()) == part.candidate_recall["joined"] <= 1.0
    assert report.slices["cold"].candidate_recall["als"] == 0.0


def test_recall_curves_rise_to_the_recall_of_the_table(report: EvaluationReport) -> None:
    for part in report.slices.values():
        for method, curve in part.recall_curve.items():
            assert len(curve) == 100
            assert curve == sorted(curve)
            assert curve[19] == pytest.approx(part.methods[method]["recall@20"].mean, abs=1e-5)


def test_paired_tests_see_what_was_planted(report: EvaluationReport) -> None:
    minus = report.slices["all"].hybrid_minus
    assert "hybrid" not in minus
    assert minus["popular"]["ndcg@10"].p < 0.01
    assert minus["popular"]["ndcg@10"].low > 0


def test_seeds_are_reported_beside_the_first_ones_estimates(report: EvaluationReport) -> None:
    assert report.seeds == [0, 1]
    spreads = report.slices["all"].over_seeds
    assert spreads is not None
    assert spreads["popular"]["ndcg@10"].sd == 0.0  # neither cut nor counts depend on the seed
    assert spreads["random"]["ndcg@10"].sd > 0.0


def test_what_lists_are_like_is_reported_for_every_method(report: EvaluationReport) -> None:
    assert set(report.beyond) == set(report.slices["all"].methods)
    assert report.beyond["popular"].coverage < report.beyond["random"].coverage
    assert report.beyond["als"].cold_share == 0.0
    assert report.beyond["hybrid"].cold_share is not None
    assert report.beyond["hybrid"].cold_share > 0.0


def test_the_bridge_is_calibrated_on_newcomers_and_orders_them(report: EvaluationReport) -> None:
    bins = report.bridge_calibration
    assert len(bins) == 10
    assert bins[0].predicted < bins[-1].predicted
    assert bins[0].actual < bins[-1].actual


def test_the_report_survives_json_and_its_schema_names_every_field(
    report: EvaluationReport,
) -> None:
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report
    assert sum(report.feature_importance.values()) == pytest.approx(1.0)
    documented = Path("docs/evaluation.md").read_text("utf-8")
    for model in (EvaluationReport, Slice, Beyond, CalibrationBin, Difference, Spread):
        for field in model.model_fields:
            assert f"`{field}" in documented or f".{field}" in documented, field


def test_the_page_asks_for_nothing_and_runs_nothing(report: EvaluationReport) -> None:
    page = render_page(report)
    assert page.count("<svg") >= 3 + len(report.slices) + 2
    for name in report.slices:
        assert f"<h2>{name}</h2>" in page
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|\son[a-z]+=|url\(|https?:", page)
    root = ET.fromstring(re.sub(r"<!doctype html>|<meta[^>]*>", "", page))
    for circle in root.iter("circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= WIDTH


def test_the_page_names_the_random_split_optimistic() -> None:
    data = growing_world()
    timeless = EventLog(**{**data.log.__dict__, "timestamp": np.full(len(data.log), np.nan)})
    page = render_page(evaluate(TrainingData(data.catalogue, timeless, None), QUICK))
    assert "Optimistic" in page
    assert "relisten" not in page


def test_ablations_lack_what_they_are_named_after() -> None:
    nameless = QUICK.candidates.model_copy(update={"leave_out": ("artist",)})
    config = QUICK.model_copy(update={"candidates": nameless})
    methods = evaluate(growing_world(), config, ablations=True).slices["cold"].methods
    assert methods["hybrid_without_audio"]["ndcg@10"].mean == 0.0
    assert methods["hybrid"]["ndcg@10"].mean > 0.0
    assert {"hybrid_without_collaborative", "hybrid_without_bridge"} <= set(methods)


def test_a_share_of_the_tracks_can_be_held_out_entirely() -> None:
    log = growing_world().log
    past, later, _, cut = hold_out(log, seed=3, cold_share=0.2)
    cold = np.setdiff1d(np.unique(log.item_index), np.unique(past.item_index))
    assert len(past) + len(later) == len(log)
    assert len(cold) >= round(0.2 * len(np.unique(log.item_index)))
    assert cut is not None
    early = later.take(later.timestamp < cut)
    assert set(early.item_index.tolist()) <= set(cold.tolist())
    assert not np.isin(past.item_index, cold).any()


@pytest.mark.parametrize("wrong", [{"seeds": 0}, {"cutoffs": (0,)}, {"cutoffs": (101,)}])
def test_seeds_and_cutoffs_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ParameterError, match="at least 1 seed and cutoffs from 1 to 100"):
        evaluate(growing_world(), QUICK, **wrong)
