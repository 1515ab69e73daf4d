"""The ranker of what listeners know: its lists, what it learns, and where it is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import ArtefactError
from data.events import Event, EventKind, EventLog
from data.interactions import Interactions
from data.store import Store
from data.tracks import Track
from ranker.habit import MAX_FAMILIAR, OWN, HabitRanker, familiar
from ranker.hybrid import Hybrid
from ranker.ranking import LambdaRanker
from recsys import relisten, training
from recsys.bundle import RELISTEN, open_bundle, write_bundle
from recsys.comparison import compare_with_live
from recsys.config import Config
from recsys.evaluation.judging import find_cases, judge
from recsys.evaluation.methods import HYBRID, Asked, hybrid_order
from recsys.evaluation.metrics import ndcg_of_hits
from recsys.holdout import HeldOut, hold_out
from recsys.labelling import relisten_lists, returns
from recsys.lists import ListSettings, Mode
from recsys.manifest import verify_bundle
from recsys.recommender import Recommender
from recsys.training import TrainingData, fit_hybrid, fit_sources
from tests.recsys.conftest import FACTS
from tests.recsys.rotating import ROTATING, rotating_world


@pytest.fixture(scope="module")
def world() -> TrainingData:
    return rotating_world()


@pytest.fixture(scope="module")
def held(world: TrainingData) -> HeldOut:
    return hold_out(world.log)


@pytest.fixture(scope="module")
def learned(world: TrainingData, held: HeldOut) -> Hybrid:
    return fit_hybrid(world, held.past, ROTATING)


def by_habit(asked: Asked) -> np.ndarray:
    return hybrid_order(replace(asked, hybrid=replace(asked.hybrid, relisten=None)))


def test_the_ranker_learns_a_return_that_habit_does_not_know(
    learned: Hybrid, held: HeldOut
) -> None:
    assert isinstance(learned.relisten, LambdaRanker)
    cases = find_cases(held.past, held.later, ROTATING)
    methods = {HYBRID: hybrid_order, "habit": by_habit}
    part = judge(learned, methods, cases).parts["relisten"]
    rows = part.n_relevant > 0
    ndcg = {
        name: ndcg_of_hits(part.hits[name][rows], part.n_relevant[rows], 20).mean()
        for name in (*methods, "play_count", "last_played")
    }
    assert ndcg[HYBRID] > 0.9
    assert ndcg[HYBRID] > max(ndcg["habit"], ndcg["play_count"], ndcg["last_played"]) + 0.2


def test_what_is_learned_of_known_tracks_changes_nothing_for_new_ones(
    world: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = some_discoveries(world)
    both = fit_hybrid(wider, wider.log, ROTATING)
    monkeypatch.setattr(training, "MOST_LISTS", 0)
    alone = fit_hybrid(wider, wider.log, ROTATING)
    assert both.relisten is not None
    assert alone.relisten is None
    assert isinstance(both.ranker, LambdaRanker)
    assert isinstance(alone.ranker, LambdaRanker)
    assert alone.ranker.to_text() == both.ranker.to_text()


def test_lists_hold_what_is_known_labelled_by_what_was_heard_again(
    world: TrainingData, held: HeldOut
) -> None:
    models = fit_sources(world, held.past, ROTATING)
    lists = relisten_lists(models, held.past, held.later, ROTATING, 20)
    histories = Interactions.from_log(held.past)
    again = returns(histories, held.later, ROTATING)
    assert len(lists.group) == 20
    assert set(lists.listener.tolist()) <= set(again)
    start = 0
    for user, size in zip(lists.listener.tolist(), lists.group.tolist(), strict=True):
        known = familiar(histories.history(user))
        assert size == len(known)  # few lists: every miss is kept
        rows = slice(start, start + size)
        assert known[lists.relevant[rows] > 0].tolist() == sorted(again[user])
        start += size


def test_features_of_training_are_those_of_serving(world: TrainingData, held: HeldOut) -> None:
    models = fit_sources(world, held.past, ROTATING)
    lists = relisten_lists(models, held.past, held.later, ROTATING, 3)
    history = Interactions.from_log(held.past).history(int(lists.listener[0]))
    listener = models.listener(history, history.item_index)
    served = Hybrid(models, HabitRanker(OWN)).rank_known(listener, familiar(history))
    np.testing.assert_array_equal(served.features, lists.features[: lists.group[0]])


def test_without_times_or_with_few_listeners_habit_decides(
    world: TrainingData, held: HeldOut
) -> None:
    timeless = replace(world.log, timestamp=np.full(len(world.log), np.nan))
    assert fit_hybrid(replace(world, log=timeless), timeless, ROTATING).relisten is None
    few = held.past.take(held.past.user_index < 8 * 5 - 1)
    assert fit_hybrid(world, few, ROTATING).relisten is None


def test_more_than_enough_lists_are_not_made(
    world: TrainingData, held: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def counted(gathered, names, config):
        taken.append(sum(len(lists.group) for lists in gathered))
        return relisten.train_relisten(gathered, names, config)

    monkeypatch.setattr(training, "MOST_LISTS", 70)
    monkeypatch.setattr(training, "train_relisten", counted)
    fit_hybrid(world, held.past, ROTATING)
    assert taken == [70]


def test_a_bundle_keeps_the_ranker_of_known_tracks(learned: Hybrid, tmp_path: Path) -> None:
    write_bundle(tmp_path / "v1", "v1", learned, FACTS)
    opened = open_bundle(tmp_path / "v1").hybrid
    history = Interactions.from_log(rotating_world().log).history(3)
    lists = []
    for hybrid in (learned, opened):
        listener = hybrid.models.listener(history, history.item_index)
        lists.append(hybrid.rank_known(listener, familiar(history)))
    assert lists[0].item_index.tolist() == lists[1].item_index.tolist()
    np.testing.assert_allclose(lists[0].score, lists[1].score, rtol=1e-5)
    assert (tmp_path / "v1" / RELISTEN).exists()
    assert json.loads((tmp_path / "v1" / "manifest.json").read_text())["relisten"] == "lambdarank"
    with (tmp_path / "v1" / RELISTEN).open("a") as file:
        file.write("x")
    with pytest.raises(ArtefactError, match="ranker_relisten"):
        verify_bundle(tmp_path / "v1")


def test_a_bundle_without_it_goes_by_habit(learned: Hybrid, tmp_path: Path) -> None:
    write_bundle(tmp_path / "v1", "v1", replace(learned, relisten=None), FACTS)
    assert not (tmp_path / "v1" / RELISTEN).exists()
    assert open_bundle(tmp_path / "v1").hybrid.relisten is None


def test_a_model_that_forgot_how_to_list_known_tracks_is_seen(
    world: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = some_discoveries(world)
    trials = []
    for most in (2000, 0):
        monkeypatch.setattr(training, "MOST_LISTS", most)
        trial = compare_with_live(wider, ROTATING, tmp_path).trial
        assert trial is not None
        trials.append(trial.means())
    assert trials[0]["relisten"] > trials[1]["relisten"] + 0.2
    assert trials[0]["all"] == trials[1]["all"]


def some_discoveries(world: TrainingData) -> TrainingData:
    """The world whose listeners each find a track on its last day: a trial needs that."""
    log = world.log
    rng = np.random.default_rng(2)
    own = Interactions.from_log(log)
    new = [
        rng.choice(np.setdiff1d(np.arange(len(log.items)), own.history(user).item_index))
        for user in range(len(log.users))
    ]
    n = len(new)
    more = EventLog(
        users=log.users,
        items=log.items,
        user_index=np.append(log.user_index, np.arange(n, dtype=np.int32)),
        item_index=np.append(log.item_index, np.array(new, np.int32)),
        timestamp=np.append(log.timestamp, log.timestamp.max() + 1.0 + np.arange(n)),
        kind=np.append(log.kind, np.full(n, EventKind.PLAY.code, np.int8)),
        play_ratio=np.append(log.play_ratio, np.full(n, np.nan, np.float32)),
        plays=np.append(log.plays, np.ones(n, np.float32)),
    )
    return replace(world, log=more)


def test_known_tracks_are_the_first_of_habit_where_there_are_too_many() -> None:
    n = MAX_FAMILIAR + 20
    rng = np.random.default_rng(1)
    log = rotating_world().log
    history = Interactions.from_log(log).history(0)
    plays = rng.permutation(n).astype(np.float32) + 1
    wide = replace(
        history,
        item_index=np.arange(n, dtype=np.int32),
        plays=plays,
        skips=np.zeros(n, np.float32),
        opinion=np.zeros(n, np.float32),
        last_at=np.full(n, 1e6),
    )
    assert familiar(wide).tolist() == np.flatnonzero(plays > 20).tolist()


def test_a_deployer_chooses_what_lists_are_of(learned: Hybrid, tmp_path: Path) -> None:
    write_bundle(tmp_path / "v1", "v1", learned, FACTS)
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    store.upsert_tracks(Track(track_id) for track_id in learned.models.catalogue.items)
    store.add_events(
        [Event(f"e{n}", "ada", f"t{n:02d}", EventKind.PLAY, 1e6 + 86_400.0 * n) for n in range(5)]
    )
    bundle = open_bundle(tmp_path / "v1")
    known = {f"t{n:02d}" for n in range(5)}

    def listed(default: Mode, **asked) -> set[str]:
        lists = ListSettings(mode=default)
        answer = Recommender(bundle, store, lists=lists).recommend("ada", 60, **asked)
        return {item.track_id for item in answer.items}

    assert not listed(Mode.DISCOVER) & known
    assert listed(Mode.RELISTEN) == known
    assert listed(Mode.MIX) > known
    assert listed(Mode.RELISTEN, mode=Mode.DISCOVER) == listed(Mode.DISCOVER)
    assert listed(Mode.RELISTEN, exclude_listened=True) == listed(Mode.DISCOVER)
    assert listed(Mode.RELISTEN, exclude_listened=False) == listed(Mode.MIX)
    assert Config().lists.mode is Mode.DISCOVER
    answer = Recommender(bundle, store).recommend("ada", 5, mode=Mode.RELISTEN, explain=True)
    for item in answer.items:
        assert item.sources == ()
        assert item.explanation is not None
        total = item.explanation.base + sum(item.explanation.contributions.values())
        assert total == pytest.approx(item.explanation.ranker_score, abs=1e-4)
    store.close()
