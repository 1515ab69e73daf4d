"""Modes, filters, cursors, explanations and seeds over a planted world of six sounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from data.errors import NotAnalysedError, ParameterError, UnknownTrackError
from data.events import Event, EventKind
from data.store import Store
from data.tracks import Track
from ranker.config import RerankSettings
from ranker.hybrid import Hybrid
from recsys.bundle import ModelBundle, open_bundle, write_bundle
from recsys.cursor import MAX_LENGTH, MAX_SHOWN, decode, encode, fingerprints
from recsys.filters import Filters
from recsys.lists import Mode, RecommendationList
from recsys.recommender import Recommender
from recsys.seeds import Seed
from tests.recsys.bigger import (
    N_SOUNDS,
    N_TRACKS,
    number,
    sound,
    track_id,
    vectors,
)
from tests.recsys.conftest import FACTS


@pytest.fixture
def recommender(six_sounds: ModelBundle, shelf: Store) -> Recommender:
    return Recommender(six_sounds, shelf)


def ids(answer: RecommendationList) -> list[str]:
    return [item.track_id for item in answer.items]


def sounds(answer: RecommendationList) -> list[int]:
    return [sound(number(track)) for track in ids(answer)]


def heard(shelf: Store, recommender: Recommender, user: str) -> set[str]:
    items = recommender.bundle.hybrid.models.catalogue.items
    log = shelf.user_log(user, items)
    return set(items.externals(log.item_index))


def play(shelf: Store, user: str, plays: dict[int, int], at: float = 1e6) -> None:
    shelf.add_events(
        [
            Event(f"{user}-{n}-{i}-{at}", user, track_id(n), EventKind.PLAY, at + i)
            for n, count in plays.items()
            for i in range(count)
        ]
    )


def test_discover_lists_only_new_tracks_and_relisten_only_known_ones(
    recommender: Recommender, shelf: Store
) -> None:
    known = heard(shelf, recommender, "u02")
    assert not known & set(ids(recommender.recommend("u02", 30, mode=Mode.DISCOVER)))
    again = ids(recommender.recommend("u02", 30, mode=Mode.RELISTEN))
    assert set(again) == known
    assert len(again) == len(known) == 20


def test_relisten_orders_by_how_often_and_lately_something_was_played(
    recommender: Recommender, shelf: Store
) -> None:
    play(shelf, "often", {0: 30, 6: 12, 12: 5, 18: 1})
    assert ids(recommender.recommend("often", mode=Mode.RELISTEN)) == [
        track_id(n) for n in (0, 6, 12, 18)
    ]
    play(shelf, "lately", {0: 3}, at=1e6)
    play(shelf, "lately", {6: 3}, at=1e6 + 400 * 86_400)
    assert ids(recommender.recommend("lately", mode=Mode.RELISTEN))[0] == track_id(6)


def test_relisten_leaves_out_what_was_refused_and_what_was_only_skipped(
    recommender: Recommender, shelf: Store
) -> None:
    play(shelf, "picky", {0: 3, 6: 3})
    shelf.add_events(
        [
            Event("p1", "picky", track_id(6), EventKind.DISLIKE, 2e6),
            Event("p2", "picky", track_id(12), EventKind.SKIP, 2e6),
        ]
    )
    assert ids(recommender.recommend("picky", mode=Mode.RELISTEN)) == [track_id(0)]


def test_mix_takes_new_and_known_tracks_in_turns(recommender: Recommender, shelf: Store) -> None:
    known = heard(shelf, recommender, "u03")
    answer = recommender.recommend("u03", 20, mode=Mode.MIX)
    assert [track in known for track in ids(answer)] == [False, True] * 10
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)
    assert ids(recommender.recommend("u03", 20, exclude_listened=False)) == ids(answer)


def test_nobody_has_anything_to_hear_again(recommender: Recommender) -> None:
    assert recommender.recommend("stranger", mode=Mode.RELISTEN).items == ()


def test_contradicting_ways_to_say_the_mode_are_refused(recommender: Recommender) -> None:
    with pytest.raises(ParameterError, match="contradict"):
        recommender.recommend("u00", mode=Mode.RELISTEN, exclude_listened=True)
    assert recommender.recommend("u00", mode=Mode.DISCOVER, exclude_listened=True).items


@pytest.mark.parametrize(
    ("filters", "meets"),
    [
        (Filters(genres=("AMBIENT",)), lambda n: sound(n) == 0 and n not in (17, 170, 301)),
        (Filters(genres=("rare",)), lambda n: n in (17, 170, 301)),
        (Filters(artists=(" Artist 7", "artist 40")), lambda n: n // 8 in (7, 40)),
        (Filters(year_from=2000, year_to=2001), lambda n: 1960 + n % 60 in (2000, 2001)),
        (Filters(genres=("dub",), year_to=1965), lambda n: sound(n) == 3 and n % 60 <= 5),
        (Filters(genres=("polka",)), lambda n: False),
    ],
)
def test_a_filtered_list_holds_everything_that_meets_the_filter(
    recommender: Recommender, shelf: Store, filters: Filters, meets
) -> None:
    wanted = {track_id(n) for n in range(N_TRACKS) if meets(n)}
    wanted -= heard(shelf, recommender, "u01")
    answer = ids(recommender.recommend("u01", 200, filters=filters))
    assert set(answer) == wanted
    assert len(answer) == len(wanted)
    assert set(ids(recommender.recommend("stranger", 200, filters=filters))) >= wanted


def test_a_track_of_several_artists_is_in_the_list_of_each(
    recommender: Recommender, shelf: Store
) -> None:
    for n, artist in ((3, "Ada; Ben"), (77, "ada"), (300, "Ben"), (9, "Ada and Ben")):
        shelf.upsert_tracks([replace(shelf.track(track_id(n)), artist=artist)])

    def of(*artists: str) -> set[str]:
        return set(ids(recommender.recommend("stranger", 200, filters=Filters(artists=artists))))

    assert of(" ADA") == {track_id(3), track_id(77)}
    assert of("ben", "Ada") == {track_id(3), track_id(77), track_id(300)}
    assert of("Ada; Ben") == {track_id(3)}
    assert of("Ada; ") == of("and") == set()


def test_a_list_of_a_record_label_holds_what_it_has_released_so_far(
    recommender: Recommender, shelf: Store
) -> None:
    shelf.upsert_tracks([replace(shelf.track(track_id(n)), label="Warp") for n in (3, 77, 300)])
    shelf.upsert_tracks([replace(shelf.track(track_id(9)), label="Warp Two")])
    warp = Filters(labels=(" WARP",))
    assert set(ids(recommender.recommend("stranger", 200, filters=warp))) == {
        track_id(n) for n in (3, 77, 300)
    }
    assert ids(recommender.similar(track_id(0), 5, filters=Filters(labels=("nobody",)))) == []


def test_a_page_of_a_large_filtered_catalogue_fills(recommender: Recommender) -> None:
    answer = recommender.recommend("u01", 60, filters=Filters(year_from=1970))
    assert len(answer.items) == 60


def test_unwanted_tracks_do_not_come(recommender: Recommender) -> None:
    first = ids(recommender.recommend("u01", 10))
    filters = Filters(exclude_ids=frozenset([*first[:5], "nothing"]))
    answer = ids(recommender.recommend("u01", 5, filters=filters))
    assert len(answer) == 5
    assert not set(answer) & set(first[:5])


def test_pages_by_cursor_never_repeat_a_track_whatever_happens_between(
    recommender: Recommender, shelf: Store
) -> None:
    play(shelf, "pager", dict.fromkeys(range(0, 60, 6), 2))
    seen: list[str] = []
    cursor = None
    for page in range(6):
        answer = recommender.recommend("pager", 15, cursor=cursor, mode=Mode.MIX)
        seen += ids(answer)
        cursor = answer.next_cursor
        assert cursor is not None
        other_taste = {n + page: 3 for n in range(1 + page, 100, 24)}
        play(shelf, "pager", other_taste, at=2e6 + page)
    assert len(seen) == len(set(seen)) == 90


def test_pages_by_cursor_end_with_the_list(recommender: Recommender, shelf: Store) -> None:
    rare = Filters(genres=("Rare", "Dub"))
    whole = set(ids(recommender.recommend("u04", 200, filters=rare)))
    seen: list[str] = []
    cursor = None
    while True:
        answer = recommender.recommend("u04", 30, cursor=cursor, filters=rare)
        seen += ids(answer)
        cursor = answer.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert set(seen) == whole


def test_the_artist_cap_holds_over_all_pages_of_a_cursor(recommender: Recommender) -> None:
    dials = RerankSettings(max_per_artist=1)
    first = recommender.recommend("u05", 10, dials=dials)
    second = recommender.recommend("u05", 10, dials=dials, cursor=first.next_cursor)
    artists = [number(track) // 8 for track in (*ids(first), *ids(second))]
    assert len(artists) == len(set(artists)) == 20


@pytest.mark.parametrize(
    "cursor", ["", "garbage", "!!!!", "AAAA", encode("radio", fingerprints("a"))]
)
def test_a_cursor_of_another_list_is_refused(recommender: Recommender, cursor: str) -> None:
    if cursor:
        with pytest.raises(ParameterError, match="cursor"):
            recommender.recommend("u00", cursor=cursor)
    with pytest.raises(ParameterError, match="both"):
        recommender.recommend("u00", cursor=encode("list", fingerprints("a")), offset=5)


def test_cursors_give_back_the_last_of_what_they_were_given() -> None:
    prints = fingerprints([f"track {n}" for n in range(1000)])
    cursor = encode("list", prints)
    assert len(cursor) <= MAX_LENGTH
    assert decode("list", cursor).tolist() == prints[-MAX_SHOWN:].tolist()
    assert decode("list", encode("list", prints[:0])).tolist() == []
    assert len(set(prints.tolist())) == 1000


def assert_explained(answer: RecommendationList) -> None:
    for item in answer.items:
        explanation = item.explanation
        assert explanation is not None
        total = explanation.base + math.fsum(explanation.contributions.values())
        assert total == pytest.approx(explanation.ranker_score, rel=1e-6)
        ranks = {s.name: s.rank for s in explanation.sources if s.rank is not None}
        assert tuple(sorted(ranks, key=lambda name: ranks[name])) == item.sources


def test_explanations_add_up_to_the_score_of_rank_fusion(recommender: Recommender) -> None:
    answer = recommender.recommend("u02", 20, explain=True)
    assert_explained(answer)
    assert [i.explanation.ranker_score for i in answer.items if i.explanation] == pytest.approx(
        [i.score for i in answer.items]
    )
    assert all(i.explanation is None for i in recommender.recommend("u02", 3).items)


def test_explanations_add_up_to_the_score_of_a_trained_ranker(
    workspace, hybrid: Hybrid, store: Store
) -> None:
    write_bundle(workspace.models / "v1", "v1", hybrid, FACTS)
    trained = Recommender(open_bundle(workspace.models / "v1"), store)
    answer = trained.recommend("u02", 20, explain=True)
    assert len(answer.items) == 20
    assert_explained(answer)
    assert len({item.explanation.base for item in answer.items if item.explanation}) == 1


def test_a_track_as_seed_brings_its_kind_and_does_not_come_back(recommender: Recommender) -> None:
    answer = recommender.recommend(None, 20, seeds=[Seed(track_id=track_id(4))])
    assert sounds(answer).count(4) >= 18
    assert track_id(4) not in ids(answer)
    assert not answer.fallback
    assert all(item.reason for item in answer.items)


def test_a_sound_as_seed_brings_what_sounds_and_is_liked_like_it(recommender: Recommender) -> None:
    centre = vectors()[[n for n in range(N_TRACKS) if sound(n) == 2]].mean(axis=0)
    answer = recommender.recommend(None, 20, seeds=[Seed(vector=7 * centre)])
    assert sounds(answer).count(2) >= 18
    assert any("collaborative" in item.sources for item in answer.items)


def mean_place(answer: RecommendationList, wanted: int) -> float:
    """Of all tracks with this sound; those that are not listed have the place after the last."""
    places = [place for place, kind in enumerate(sounds(answer)) if kind == wanted]
    beyond = N_TRACKS // N_SOUNDS - len(places)
    return float(np.mean(places + [len(answer.items)] * beyond))


def test_a_negative_seed_moves_its_neighbours_down_the_more_the_heavier(
    recommender: Recommender,
) -> None:
    liked = [Seed(track_id=track_id(n)) for n in (0, 1)]
    places = [
        mean_place(recommender.recommend(None, 120, seeds=[*liked, *refused]), 1)
        for refused in (
            [],
            [Seed(-0.5, track_id=track_id(7))],
            [Seed(-2.0, track_id=track_id(7))],
        )
    ]
    assert places == sorted(places)
    assert places[0] < places[1] < places[2]


def test_the_weight_of_a_positive_seed_moves_its_neighbours_up(recommender: Recommender) -> None:
    places = [
        mean_place(
            recommender.recommend(
                None, 120, seeds=[Seed(track_id=track_id(0)), Seed(weight, track_id=track_id(1))]
            ),
            1,
        )
        for weight in (0.1, 1.0, 3.0)
    ]
    assert places[0] > places[1] > places[2]


def test_seeds_turn_the_list_of_a_listener(recommender: Recommender) -> None:
    alone = sounds(recommender.recommend("u00", 20))
    turned = sounds(recommender.recommend("u00", 20, seeds=[Seed(2.0, track_id=track_id(3))]))
    assert alone.count(0) >= 18
    assert turned.count(3) >= 5
    assert turned.count(0) >= 1


def test_seeds_that_nobody_knows_are_refused(recommender: Recommender, shelf: Store) -> None:
    with pytest.raises(UnknownTrackError):
        recommender.recommend(None, seeds=[Seed(track_id="nothing")])
    shelf.upsert_tracks([Track("mute")])
    with pytest.raises(NotAnalysedError):
        recommender.recommend(None, seeds=[Seed(track_id="mute")])
    for vector in (np.ones(3), np.zeros(8), np.full(8, np.nan)):
        with pytest.raises(ParameterError, match="vector"):
            recommender.recommend(None, seeds=[Seed(vector=vector.astype(np.float32))])


def test_there_is_a_kind_of_list_for_every_sound(recommender: Recommender) -> None:
    for kind in range(N_SOUNDS):
        assert sounds(recommender.recommend(f"u0{kind}", 20)).count(kind) >= 18


def test_lists_are_the_same_when_asked_for_twice(recommender: Recommender) -> None:
    seeds = [Seed(track_id=track_id(3)), Seed(-1.0, vector=vectors()[8])]
    for mode in Mode:
        one, two = (recommender.recommend("u07", 30, mode=mode, seeds=seeds) for _ in range(2))
        assert one == two
