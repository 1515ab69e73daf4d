"""Sequences: from one track to another, and without end."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest

from audio_model.index import build_index
from cf_model.config import ConfidenceSettings
from data.errors import NotAnalysedError, ParameterError, UnknownTrackError
from data.events import Event, EventKind
from data.store import Store
from data.tracks import Catalogue, Track
from ranker.config import CandidateSettings
from ranker.hybrid import Hybrid
from ranker.models import CandidateModels
from ranker.ranking import FusionRanker
from recsys.bundle import ModelBundle
from recsys.catalogue import LiveCatalogue
from recsys.paths import path, progress, shortest_chain
from recsys.recommender import Recommender
from recsys.seeds import Seed
from tests.recsys.bigger import N_TRACKS, number, sound, track_id, vectors


def ids(answer) -> list[str]:
    return [item.track_id for item in answer.items]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Paths


@pytest.fixture
def line(tmp_path):
    """Tracks strewn around an arc of 120 degrees, in the order of their names, and others."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 2 * np.pi / 3, 120)
    arc = np.column_stack([np.cos(angle), np.sin(angle), *0.03 * rng.normal(size=(4, 120))])
    elsewhere = rng.normal(size=(300, 6)) * (0.2, 0.2, 1, 1, 1, 1)
    rows = unit(np.concatenate([arc, elsewhere]))
    names = [f"a{n:03d}" for n in range(120)] + [f"b{n:03d}" for n in range(300)]
    store = Store.open(f"sqlite:///{tmp_path / 'line.db'}")
    store.upsert_tracks(Track(name, duration=100.0 + 3 * n) for n, name in enumerate(names))
    nobody = np.zeros(len(names), np.float32)
    models = CandidateModels(
        Catalogue.from_tracks(store.tracks()),
        ConfidenceSettings(), CandidateSettings(), nobody, nobody, nobody,
        embeddings=rows, index=build_index(rows),
    )  # fmt: skip
    yield LiveCatalogue(Hybrid(models, FusionRanker(("fusion",))), store, None).current(), rows
    store.close()


def steps(rows: np.ndarray) -> np.ndarray:
    return np.arccos(np.clip(np.einsum("ij,ij->i", rows[1:], rows[:-1]), -1, 1))


def positions(found, view) -> list[int]:
    return [view.items.index(item.track_id) for item in found]


@pytest.mark.parametrize("n", [2, 3, 5, 10, 25, 60])
def test_a_path_goes_along_the_line_in_even_steps(line, n: int) -> None:
    view, rows = line
    found = path(view, "a000", "a119", n, 0.98)
    names = [item.track_id for item in found]
    assert len(names) == n
    assert (names[0], names[-1]) == ("a000", "a119")
    assert names == sorted(set(names))  # in the order of the line, none twice
    assert all(name.startswith("a") for name in names)
    even = (2 * np.pi / 3) / (n - 1)
    assert steps(rows[positions(found, view)]).max() < 1.5 * even + 0.15
    assert [item.score for item in found][1:] == pytest.approx(
        np.cos(steps(rows[positions(found, view)])).tolist(), abs=1e-4
    )


def test_the_largest_step_is_below_that_of_random_paths(line) -> None:
    view, rows = line
    rng = np.random.default_rng(0)
    largest = steps(rows[positions(path(view, "a000", "a119", 12, 0.98), view)]).max()
    for _ in range(50):
        middle = rng.choice(np.arange(1, 119), 10, replace=False)
        assert largest < steps(rows[[0, *middle, 119]]).max()
        assert largest < steps(rows[[0, *np.sort(middle), 119]]).max()


def test_progress_never_turns_back(line) -> None:
    view, rows = line
    for start, end in (("a000", "a119"), ("a119", "a010"), ("b004", "a050"), ("b001", "b002")):
        found = positions(path(view, start, end, 15, 0.98), view)
        theta = progress(rows[found], rows[found[0]], rows[found[-1]])
        assert (np.diff(theta) > 0).all()


def test_copies_are_no_steps_of_a_path(line) -> None:
    view, rows = line
    found = positions(path(view, "a000", "a119", 10, 0.98), view)
    duration = view.hybrid.models.catalogue.duration
    for copy, original in ((found[4] + 1, found[4]), (found[0] + 1, found[0])):
        rows[copy], duration[copy] = rows[original], duration[original]
    again = positions(path(view, "a000", "a119", 40, 0.98), view)
    for a, b in combinations(again, 2):
        assert not (abs(duration[a] - duration[b]) <= 2 and rows[a] @ rows[b] > 0.98)


def test_a_path_is_shorter_where_little_lies_between(line) -> None:
    view, _ = line
    found = path(view, "a000", "a002", 20, 0.98)
    assert (found[0].track_id, found[-1].track_id) == ("a000", "a002")
    assert len({item.track_id for item in found}) == len(found) < 20


def test_withdrawn_tracks_are_no_steps_of_a_path(line) -> None:
    view, _ = line
    gone = [item.track_id for item in path(view, "a000", "a119", 10, 0.98)][1:-1]
    view.store.set_withdrawn(gone)
    assert not set(gone) & {item.track_id for item in path(view, "a000", "a119", 10, 0.98)}
    view.store.set_withdrawn(["a000"])
    with pytest.raises(UnknownTrackError):
        path(view, "a000", "a119", 5, 0.98)


def test_the_chain_is_the_best_of_all(line) -> None:
    rng = np.random.default_rng(2)
    rows = unit(rng.normal(size=(9, 4)))
    for n in (2, 3, 5, 9):
        best = min(
            ([0, *middle, 8] for middle in combinations(range(1, 8), n - 2)),
            key=lambda chain: float((steps(rows[chain]) ** 2).sum()),
        )
        assert shortest_chain(rows, n).tolist() == best


@pytest.mark.parametrize("n", [0, 1, 101])
def test_a_path_has_two_ends_and_a_reasonable_length(line, n: int) -> None:
    with pytest.raises(ParameterError, match="2 to 100"):
        path(line[0], "a000", "a119", n, 0.98)
    with pytest.raises(ParameterError, match="same"):
        path(line[0], "a000", "a000", 5, 0.98)


def test_a_path_needs_sound_at_both_ends(line) -> None:
    view, rows = line
    rows[7] = np.nan
    with pytest.raises(NotAnalysedError, match="a007"):
        path(view, "a000", "a007", 5, 0.98)


def test_a_path_over_a_bundle(six_sounds: ModelBundle, shelf: Store) -> None:
    answer = Recommender(six_sounds, shelf).path(track_id(0), track_id(1), 8)
    kinds = [sound(number(track)) for track in ids(answer)]
    assert len(set(ids(answer))) == 8
    assert (kinds[0], kinds[-1]) == (0, 1)
    assert kinds[1] == 0
    assert kinds[-2] == 1


# Radio


def test_two_hundred_tracks_come_without_repetition(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    seen: list[str] = []
    cursor = None
    for page in range(20):
        answer = recommender.radio("u01", 10, cursor=cursor)
        seen += ids(answer)
        cursor = answer.next_cursor
        now = time.time()
        shelf.add_events(
            [
                Event(f"r{page}{i}", "u01", track, EventKind.PLAY if i % 3 else EventKind.SKIP, now)
                for i, track in enumerate(ids(answer))
            ]
        )
    assert len(seen) == len(set(seen)) == 200


def test_a_radio_never_ends(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    cursor = None
    seen: list[str] = []
    for _ in range(8):
        answer = recommender.radio("listens-to-all", 100, cursor=cursor)
        assert answer.items
        assert len(set(ids(answer))) == len(answer.items)
        seen += ids(answer)
        cursor = answer.next_cursor
    assert len(seen) > N_TRACKS
    assert len(set(seen[:N_TRACKS])) > 0.9 * N_TRACKS


def test_a_radio_plays_on_where_everything_was_heard_today(
    six_sounds: ModelBundle, shelf: Store
) -> None:
    recommender = Recommender(six_sounds, shelf)
    now = time.time()
    shelf.add_events(
        [
            Event(f"a{n}", "heard-all-today", track_id(n), EventKind.PLAY, now - n)
            for n in range(N_TRACKS)
        ]
    )
    assert recommender.radio("heard-all-today", 10).items


def nearness(answer, n: int) -> float:
    rows = vectors()
    return float(np.mean([rows[number(track)] @ rows[n] for track in ids(answer)]))


def test_a_skip_moves_what_follows_away_and_a_like_towards(
    six_sounds: ModelBundle, shelf: Store
) -> None:
    recommender = Recommender(six_sounds, shelf)
    now = time.time()
    shelf.add_events(
        [
            Event(f"w{n}", "wanders", track_id(n), EventKind.PLAY, 1e6 + n)
            for n in (0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20)
        ]
    )
    first = recommender.radio("wanders", 10)
    judged = next(number(track) for track in ids(first) if sound(number(track)) in (0, 1, 2))
    before = recommender.radio("wanders", 20, cursor=first.next_cursor)
    shelf.add_events([Event("w-skip", "wanders", track_id(judged), EventKind.SKIP, now)])
    skipped = recommender.radio("wanders", 20, cursor=first.next_cursor)
    shelf.add_events([Event("w-like", "wanders", track_id(judged), EventKind.LIKE, now + 1)])
    liked = recommender.radio("wanders", 20, cursor=first.next_cursor)
    assert nearness(skipped, judged) < nearness(before, judged) - 0.05
    assert nearness(liked, judged) > nearness(before, judged) + 0.05


def test_a_radio_may_begin_from_a_track(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    answer = recommender.radio("stranger", 20, seeds=[Seed(track_id=track_id(4))])
    assert sum(sound(number(track)) == 4 for track in ids(answer)) >= 15
    assert not answer.fallback
    with pytest.raises(ParameterError, match="cursor"):
        recommender.radio("stranger", cursor=recommender.recommend("u00", 5).next_cursor)


def test_what_was_heard_today_rests(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    shelf.add_events(
        [
            Event(f"h{n}", "today", track_id(6 * n), EventKind.PLAY, time.time() - n * 7200)
            for n in range(12)
        ]
    )
    answer = ids(recommender.radio("today", 100))
    lately = {track_id(6 * n) for n in range(6)}
    assert not lately & set(answer)
    assert {track_id(6 * n) for n in range(6, 12)} & set(answer)
