"""Logs and libraries as nobody would wish for: each gives lists, or says what lacks."""

from __future__ import annotations

import numpy as np
import pytest

from audio_model.encoder import EncoderCard
from data.errors import DataError, NotReadyError
from data.events import Event, EventKind
from data.store import Store
from data.tracks import Track
from ranker.config import RankerSettings
from recsys.bundle import open_bundle
from recsys.config import Config
from recsys.evaluation.report import evaluate
from recsys.publishing import train_and_publish, workspace_data
from recsys.recommender import Recommender
from recsys.tuning.collaborative import collaborative_task
from recsys.tuning.search import tune
from recsys.workspace import Workspace
from tests.recsys.bad_logs import CASES, N_TRACKS, Case, track_id


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    settings = RankerSettings(min_listeners=5, min_rows_in_leaf=5, trees=10, windows=1)
    return Workspace(tmp_path / "home", Config(ranker=settings))


@pytest.fixture
def store(workspace: Workspace, case: Case):
    opened = workspace.open_store()
    opened.upsert_tracks(
        Track(track_id(n), title=f"title {n}", artist=f"artist {n // 4}", duration=100.0 + 5 * n)
        for n in range(N_TRACKS)
    )
    opened.add_events(
        [
            Event(f"e{row}", user, track_id(track), kind, when)
            for row, (user, track, kind, when) in enumerate(case.rows)
        ]
    )
    if case.sound:
        card = EncoderCard.read(workspace.encoder_dir())
        vectors = np.random.default_rng(0).normal(size=(N_TRACKS, card.dimension))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        opened.put_embeddings(
            card.encoder_id,
            [(track_id(n), vectors[n].astype(np.float32), "") for n in range(N_TRACKS)],
        )
    yield opened
    opened.close()


def test_lists_come_for_everybody_or_training_says_what_is_missing(
    workspace: Workspace, store: Store, case: Case
) -> None:
    if case.untrained is not None:
        with pytest.raises(NotReadyError, match=case.untrained):
            train_and_publish(workspace, store)
        return
    version = train_and_publish(workspace, store).manifest.version
    recommender = Recommender(open_bundle(workspace.models / version), store)
    for user in ("u00", "nobody"):
        answer = recommender.recommend(user, 10)
        heard = {track_id(track) for whose, track, *_ in case.rows if whose == user}
        listed = [item.track_id for item in answer.items]
        # Of whom something is known, without sound, only what somebody took to can be proposed.
        known = {track for _, track, kind, _ in case.rows if kind is EventKind.PLAY}
        everything = case.sound or case.fallback or user == "nobody"
        left = N_TRACKS if everything else len(known)
        assert len(listed) == min(10, left - len(heard))
        assert len(set(listed)) == len(listed)
        assert not heard & set(listed)
        assert answer.fallback == (case.fallback or user == "nobody")
        assert all(item.reason and np.isfinite(item.score) for item in answer.items)


def test_evaluation_reports_or_says_what_is_missing(
    workspace: Workspace, store: Store, case: Case
) -> None:
    if case.untrained is not None:
        return
    data, _ = workspace_data(workspace, store)
    if case.unjudged is not None:
        with pytest.raises(DataError, match=case.unjudged):
            evaluate(data, workspace.config)
        return
    report = evaluate(data, workspace.config)
    assert report.slices["all"].n_listeners > 0
    assert 0 <= report.slices["all"].methods["hybrid"]["ndcg@20"].mean <= 1


def test_tuning_searches_or_says_what_is_missing(
    workspace: Workspace, store: Store, case: Case
) -> None:
    if case.untrained is not None:
        return
    data, _ = workspace_data(workspace, store)
    if case.untuned:
        with pytest.raises(DataError, match="nothing to tune by"):
            tune(data, workspace.config, workspace.tuning, part=collaborative_task, trials=1)
        return
    assert (
        0
        <= tune(data, workspace.config, workspace.tuning, part=collaborative_task, trials=1).best
        <= 1
    )
