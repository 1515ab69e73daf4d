"""Each dial does what it says, 0 does nothing, and pages fit together."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tracks import Catalogue, Track
from ranker.config import CandidateSettings, RerankSettings
from ranker.models import CandidateModels
from ranker.rerank import rerank
from ranker.rerank.artists import capped
from ranker.rerank.diversity import audio_or_taste, spread_out
from ranker.rerank.duplicates import distinct
from ranker.rerank.newcomers import with_reserved
from ranker.rerank.popularity import tilted
from ranker.rerank.standard import standardised
from tests.ranker.worlds import fit, planted_embeddings, planted_log

OFF = RerankSettings(duplicate_cosine=1.0)
N = 120


def world(seed: int = 0, n: int = N, artists: int = 12, cold: float = 0.3) -> CandidateModels:
    """Random vectors in clusters, heavy-tailed popularity, some tracks without one or the other."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 8))
    vectors = centres[rng.integers(0, 6, n)] + 0.5 * rng.normal(size=(n, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[rng.random(n) < 0.1] = np.nan
    popularity = np.floor(rng.pareto(1.0, n) * 5 + 1)
    popularity[rng.random(n) < cold] = 0
    models = fit(planted_log(4), planted_embeddings())
    catalogue = Catalogue.from_tracks(
        [
            Track(f"t{i:03d}", artist=f"artist {rng.integers(artists)}", duration=100 + i % 40)
            for i in range(n)
        ]
    )
    return replace(
        models,
        settings=CandidateSettings(),
        catalogue=catalogue,
        popularity=popularity.astype(np.float32),
        embeddings=vectors.astype(np.float32),
        collaborative=None,
        item_item=None,
        carry=None,
        bridged_factors=None,
    )


def ranking(models: CandidateModels, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    items = rng.permutation(len(models.popularity)).astype(np.int32)
    return items, -np.sort(-rng.normal(size=len(items))).astype(np.float32)


def page(models: CandidateModels, dials: RerankSettings, length: int = 20) -> np.ndarray:
    items, score = ranking(models)
    return items[rerank(models, items, score, dials, length)[:length]]


def mean_distance(models: CandidateModels, items: np.ndarray) -> float:
    vectors = models.embeddings[items]
    vectors = vectors[~np.isnan(vectors[:, 0])]
    return float(1 - (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)].mean())


def test_with_every_dial_at_0_the_list_is_unchanged() -> None:
    models = world()
    items, score = ranking(models)
    assert rerank(models, items, score, OFF, N).tolist() == list(range(N))
    assert rerank(models, items, score, OFF, 20).tolist() == list(range(20))


def test_more_diversity_gives_lists_that_are_further_apart() -> None:
    dials = (0, 0.25, 0.5, 0.75, 1)
    distance = np.zeros((4, len(dials)))
    for seed in range(4):
        models = world(seed)
        taste = np.nan_to_num(models.embeddings[seed])
        score = np.nan_to_num(models.embeddings) @ taste
        items = np.argsort(-score).astype(np.int32)
        for column, dial in enumerate(dials):
            spread = OFF.model_copy(update={"diversity": dial})
            order = rerank(models, items, score[items], spread, 20)
            distance[seed, column] = mean_distance(models, items[order[:20]])
    by_dial = distance.mean(axis=0)
    assert (np.diff(by_dial) > 0).all()
    assert by_dial[-1] > by_dial[0] + 0.3


def test_diversity_is_that_of_the_plain_algorithm() -> None:
    rng = np.random.default_rng(3)
    score = -np.sort(-rng.normal(size=15))
    vectors = rng.normal(size=(15, 4)).astype(np.float32)
    similarity = audio_or_taste(vectors, np.zeros(4, np.float32), None)
    matrix = np.array([similarity(i) for i in range(15)])
    chosen = [0]
    while len(chosen) < 15:
        left = [i for i in range(15) if i not in chosen]
        z = standardised(score.astype(np.float32))
        chosen.append(max(left, key=lambda i: 0.6 * z[i] - 0.4 * max(matrix[i, j] for j in chosen)))
    assert spread_out(score, similarity, 0.4, 15).tolist() == chosen
    assert spread_out(score, similarity, 0.4, 6).tolist() == [
        *chosen[:6],
        *sorted(chosen[6:]),
    ]


def test_tracks_without_sound_are_compared_by_their_listeners() -> None:
    vectors = np.array([[1, 0], [np.nan, np.nan], [0, 1]], np.float32)
    factors = np.array([[1, 0], [2, 0], [np.nan, np.nan]], np.float32)
    similarity = audio_or_taste(vectors, np.zeros(2, np.float32), factors)
    assert similarity(1).tolist() == [1, 1, 0]  # taste, itself, unknown
    assert similarity(0).tolist() == [1, 1, 0]  # itself, taste, sound


def test_the_popularity_dial_moves_the_mean_popularity_one_way() -> None:
    models = world()
    dials = np.linspace(-1, 1, 9)
    by_dial = [
        np.log1p(
            models.popularity[page(models, OFF.model_copy(update={"popularity": dial}))]
        ).mean()
        for dial in dials
    ]
    assert (np.diff(by_dial) >= -1e-6).all()
    assert by_dial[-1] > by_dial[4] > by_dial[0]


def test_the_popularity_dial_does_nothing_where_all_are_equally_popular() -> None:
    score = np.array([3, 2, 1], np.float32)
    assert np.argsort(-tilted(score, np.full(3, 7, np.float32), 1.0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("length", [10, 20])
def test_the_share_of_new_tracks_is_kept_exactly_where_none_come_by_themselves(
    share: float, length: int
) -> None:
    cold = np.arange(100) >= 60
    order = with_reserved(cold, np.flatnonzero(cold), share)
    assert sorted(order.tolist()) == list(range(100))
    for start in range(0, 40, length):
        assert cold[order[start : start + length]].sum() == pytest.approx(share * length, abs=0.5)
    assert cold[order[:20]].sum() == round(share * 20)
    assert order[cold[order]].tolist() == sorted(order[cold[order]].tolist())  # best first
    places = np.flatnonzero(cold[order[:40]])
    assert len(places) < 2 or np.ptp(np.diff(places)) <= 1  # evenly


def test_new_tracks_that_come_by_themselves_count_towards_the_share() -> None:
    cold = np.array([True, False, True, False, False, True])
    assert with_reserved(cold, np.flatnonzero(cold), 0.5).tolist() == [0, 1, 2, 3, 4, 5]
    assert with_reserved(~cold, np.flatnonzero(~cold), 0.0).tolist() == [0, 1, 2, 3, 4, 5]


def test_the_best_new_track_is_moved_first_whatever_diversity_made_of_the_order() -> None:
    models = world(cold=0.2)
    items, score = ranking(models)
    dials = OFF.model_copy(update={"diversity": 0.7, "new_tracks": 0.5})
    shown = items[rerank(models, items, score, dials, 20)[:20]]
    assert (models.popularity[shown] == 0).sum() >= 10
    best = items[models.popularity[items] == 0][0]
    assert best in shown[:4]


def test_the_artist_cap_keeps_the_first_of_each_artist_and_all_of_the_unknown() -> None:
    artist = np.array([3, 1, 3, -1, 3, 1, -1, -1, 1], np.int32)
    assert capped(artist, 0).tolist() == list(range(9))
    assert capped(artist, 1).tolist() == [0, 1, 3, 6, 7]
    assert capped(artist, 2).tolist() == [0, 1, 2, 3, 5, 6, 7]
    assert capped(artist[:0], 2).tolist() == []


def test_of_near_duplicates_the_better_ranked_one_stays() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [1, 0], [np.nan, np.nan]], np.float32)
    duration = np.array([100, 100, 101.9, 102.5, np.nan, 100], np.float32)
    # 2 repeats 0; 3 is too long for 0, and 2 is gone; 4 has no length, 5 no sound.
    assert distinct(vectors, duration, 0.9).tolist() == [0, 1, 3, 4, 5]
    assert distinct(vectors, duration, 1.0).tolist() == list(range(6))


def plainly_distinct(vectors: np.ndarray, duration: np.ndarray, threshold: float) -> list[int]:
    kept: list[int] = []
    for i in range(len(duration)):
        if not any(
            abs(np.float64(duration[i]) - duration[j]) <= 2 and vectors[i] @ vectors[j] > threshold
            for j in kept
        ):
            kept.append(i)
    return kept


def test_near_duplicates_are_those_of_the_plain_comparison() -> None:
    rng = np.random.default_rng(5)
    vectors = np.repeat(rng.normal(size=(20, 3)), 3, axis=0) + 0.1 * rng.normal(size=(60, 3))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    duration = rng.uniform(0, 20, 60).astype(np.float32)
    kept = plainly_distinct(vectors, duration, 0.95)
    assert 20 < len(kept) < 60
    assert distinct(vectors, duration, 0.95).tolist() == kept


@given(
    n=st.integers(0, 200),
    spread=st.sampled_from([0.0, 4.0, 100.0]),
    threshold=st.sampled_from([0.0, 0.5, 0.75, 1.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_near_duplicates_are_those_of_the_plain_comparison_at_the_very_threshold(
    n: int, spread: float, threshold: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # Products of these are multiples of 1/4, without rounding; many are the threshold itself.
    vectors = rng.choice(np.float32([-0.5, 0.5]), (n, 4), p=[0.2, 0.8])
    vectors[rng.random(n) < 0.1] = np.nan
    duration = (np.round(4 * rng.uniform(0, spread, n)) / 4).astype(np.float32)
    duration[rng.random(n) < 0.1] = np.nan
    assert distinct(vectors, duration, threshold).tolist() == (
        plainly_distinct(vectors, duration, threshold) if threshold < 1 else list(range(n))
    )


def test_whether_a_track_is_a_duplicate_does_not_depend_on_the_tracks_around_it() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(200, 128)).astype(np.float32)
    vectors[1::2] += 2 * vectors[::2]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    duration = np.full(200, 30, np.float32)
    # At the threshold to the last bit, where it would show if they were rounded differently.
    for row, cosine in enumerate(np.einsum("ij,ij->i", vectors[::2], vectors[1::2])):
        pair = slice(2 * row, 2 * row + 2)
        below = np.nextafter(cosine, np.float32(0))
        assert distinct(vectors[pair], duration[pair], float(cosine)).tolist() == [0, 1]
        assert 2 * row + 1 in distinct(vectors, duration, float(cosine))
        assert distinct(vectors[pair], duration[pair], float(below)).tolist() == [0]
        assert 2 * row + 1 not in distinct(vectors, duration, float(below))


def test_clips_of_one_length_are_compared_in_little_memory() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(1200, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    duration = np.full(1200, 30, np.float32)
    tracemalloc.start()
    try:
        assert len(distinct(vectors, duration, 0.95)) == 1200
        assert tracemalloc.get_traced_memory()[1] < 20e6  # all pairs at once take 760 MB
    finally:
        tracemalloc.stop()


DIALS = st.builds(
    RerankSettings,
    popularity=st.floats(-1, 1),
    duplicate_cosine=st.sampled_from([0.5, 0.9, 1.0]),
    max_per_artist=st.integers(0, 4),
    diversity=st.floats(0, 1),
    new_tracks=st.floats(0, 1),
)
WORLDS = [world(seed, n=60, artists=4 + 10 * seed) for seed in range(4)]


@given(
    models=st.sampled_from(WORLDS),
    seed=st.integers(0, 100),
    dials=DIALS,
    n=st.integers(1, 30),
    offset=st.integers(0, 30),
)
@settings(max_examples=150, deadline=None)
def test_lists_hold_each_candidate_once_fill_and_page_consistently(
    models: CandidateModels, seed: int, dials: RerankSettings, n: int, offset: int
) -> None:
    items, score = ranking(models, seed)
    items, score = items[:45], score[:45]  # the rest was filtered
    whole = items[rerank(models, items, score, dials, len(items))]
    assert len(set(whole.tolist())) == len(whole)
    assert set(whole.tolist()) <= set(items.tolist())
    assert (items[rerank(models, items, score, dials, len(items))] == whole).all()
    shown = items[rerank(models, items, score, dials, offset + n)]
    assert len(shown) == min(len(whole), offset + n)
    assert shown[: offset + n].tolist() == whole[: offset + n].tolist()
    if dials.max_per_artist:
        _, counts = np.unique(models.catalogue.artist[whole], return_counts=True)
        assert counts.max(initial=0) <= dials.max_per_artist
    elif dials.duplicate_cosine == 1:
        assert len(whole) == 45
    n_cold = int((models.popularity[whole] == 0).sum())
    expected = min(int(n * dials.new_tracks), n_cold)
    assert (models.popularity[whole[:n]] == 0).sum() >= min(expected, len(whole[:n]))
