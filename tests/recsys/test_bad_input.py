"""Logs and libraries as nobody would wish for: each gives lists, or says what lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
from recsys.tuning import tune
from recsys.workspace import Workspace

DAY = 86_400.0
START = 1_700_000_000.0
N_TRACKS = 40
Rows = list[tuple[str, int, EventKind, float | None]]


def track_id(number: int) -> str:
    return f"t{number:02d}"


def plays(n_users: int, each: int, tracks: int = N_TRACKS, seed: int = 0) -> Rows:
    """Random plays of the first `tracks` tracks, over a hundred days."""
    rng = np.random.default_rng(seed)
    return [
        (f"u{user:02d}", int(track), EventKind.PLAY, START + 100 * DAY * float(rng.random()))
        for user in range(n_users)
        for track in rng.permutation(tracks)[:each]
    ]


def at(rows: Rows, time: Callable[[float], float | None]) -> Rows:
    return [(user, track, kind, time(when or 0.0)) for user, track, kind, when in rows]


def only_skips() -> Rows:
    return [(user, track, EventKind.SKIP, when) for user, track, _, when in plays(20, 8)]


def giant() -> Rows:
    rng = np.random.default_rng(1)
    own = rng.integers(0, N_TRACKS - 5, 3000).tolist()
    rows: Rows = [("u00", t, EventKind.PLAY, START + 100 * DAY * rng.random()) for t in own]
    return rows + [row for row in plays(8, 4) if row[0] != "u00"]


def only_repeats() -> Rows:
    """All that is heard in the last ten days had been heard before."""
    first = at(plays(20, 8), lambda time: START + 0.5 * (time - START))
    return first + [(user, track, kind, START + 99 * DAY) for user, track, kind, _ in first]


@dataclass(frozen=True)
class Case:
    """What there is, and what should come of it."""

    rows: Rows
    sound: bool = True
    untrained: str | None = None
    """Words of the error that training gives."""
    unjudged: str | None = None
    """Words of the error that evaluation gives."""
    untuned: bool = False
    """Tuning finds nothing to go by."""
    fallback: bool = False
    """Even a listener with events gets a list that is not personal."""


NOTHING = "nothing to evaluate"
CASES = {
    "every listener has one listen": Case(plays(30, 1)),
    "one listen in the whole log": Case(plays(1, 1), unjudged=NOTHING, untuned=True),
    "most tracks were never heard": Case(plays(30, 4, tracks=6)),
    "nobody took to anything": Case(only_skips(), unjudged=NOTHING, untuned=True, fallback=True),
    "nobody took to anything, without sound": Case(
        only_skips(), sound=False, unjudged=NOTHING, untuned=True, fallback=True
    ),
    "one giant listener": Case(giant()),
    "all at one time": Case(at(plays(30, 8), lambda _: START)),
    "all at time 0": Case(at(plays(30, 8), lambda _: 0.0)),
    "no times": Case(at(plays(30, 8), lambda _: None)),
    "all in the future": Case(at(plays(30, 8), lambda time: time + 5000 * DAY)),
    "one listen in the far future": Case([*plays(30, 8), ("u00", 39, EventKind.PLAY, 1e11)]),
    "no sound": Case(plays(30, 8), sound=False),
    "no log": Case([], unjudged=NOTHING, untuned=True, fallback=True),
    "neither sound nor log": Case([], sound=False, untrained="listens import"),
    "nothing new in the last days": Case(only_repeats(), unjudged=NOTHING),
}


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
            tune(data, workspace.config, workspace.tuning, trials=1)
        return
    assert 0 <= tune(data, workspace.config, workspace.tuning, trials=1).best <= 1
