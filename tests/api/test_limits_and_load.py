from __future__ import annotations

import json
import logging
import multiprocessing
import sys
import threading
import time
from dataclasses import replace

import pytest

from api.app import build_app
from api.gate import Gate
from api.jsonlog import JsonFormatter
from api.limits import RateLimits
from api.metrics import Metrics
from api.problems import ProblemError
from api.shared import Region, Shared
from data.stages import recorded, stage
from recsys.config import Config, ServeSettings
from recsys.workspace import Workspace
from tests.api.conftest import make_world

# Rates


def allowed(rates, key, limit, times):
    return [rates.take(key, limit, now).allowed for now in times]


def test_an_allowance_is_spent_in_any_rhythm_and_comes_back_evenly():
    rates = RateLimits(Shared())
    assert allowed(rates, "ab", 6, [100.0] * 7) == [True] * 6 + [False]
    # Six a minute is one in ten seconds.
    assert allowed(rates, "ab", 6, [109.9, 110.0, 110.1, 119.9, 120.0]) == (
        [False, True, False, False, True]
    )
    assert allowed(rates, "ab", 6, [1000.0] * 7) == [True] * 6 + [False]


def test_what_is_left_and_when_to_come_back_is_told():
    rates = RateLimits(Shared())
    found = [rates.take("ab", 4, 50.0) for _ in range(5)]
    assert [one.remaining for one in found] == [3, 2, 1, 0, 0]
    assert [one.wait for one in found] == [0, 0, 0, 0, pytest.approx(60 / 4)]


def test_keys_do_not_share_an_allowance():
    rates = RateLimits(Shared())
    assert allowed(rates, "ab", 1, [5.0, 5.0]) == [True, False]
    assert allowed(rates, "ac", 1, [5.0]) == [True]


def test_more_keys_than_places_cost_the_one_that_was_used_least_lately():
    rates = RateLimits(Shared())
    keys = [f"{number * 128:x}" for number in range(33)]  # all of one bucket
    for position, key in enumerate(keys):
        assert allowed(rates, key, 1, [10.0 + position / 100]) == [True]
    assert allowed(rates, keys[32], 1, [10.5]) == [False]
    assert allowed(rates, keys[1], 1, [10.5]) == [False]
    assert allowed(rates, keys[0], 1, [10.5]) == [True]


def test_rates_agree_with_counting_the_last_minute_of_steady_requests():
    rates = RateLimits(Shared())
    passed = [t / 10 for t in range(6000) if rates.take("ab", 30, t / 10).allowed]
    for start in range(60, 540):
        assert sum(start <= t < start + 60 for t in passed) == pytest.approx(30, abs=1)


def _take_many(memory, taken):
    rates = RateLimits(memory)
    taken.put(sum(rates.take("ab", 500, 10.0).allowed for _ in range(400)))


def test_processes_and_threads_count_together():
    fork = multiprocessing.get_context("fork")
    memory, taken = Shared(), fork.SimpleQueue()
    processes = [fork.Process(target=_take_many, args=(memory, taken)) for _ in range(3)]
    threads = [threading.Thread(target=_take_many, args=(memory, taken)) for _ in range(2)]
    for one in (*processes, *threads):
        one.start()
    for one in (*processes, *threads):
        one.join()
    assert sum(taken.get() for _ in range(5)) == 500


def _die_holding(memory):
    with memory.locked(Region.RATES):
        multiprocessing.current_process().kill()
        time.sleep(60)


def test_a_process_that_dies_with_the_lock_blocks_nobody():
    memory = Shared()
    process = multiprocessing.get_context("fork").Process(target=_die_holding, args=(memory,))
    process.start()
    process.join()
    assert RateLimits(memory).take("ab", 1, 1.0).allowed


def test_shared_memory_keeps_what_is_written():
    memory = Shared()
    assert (memory.draining, memory.proved) == (False, "")
    memory.proved = "a" * 64
    memory.drain()
    assert (memory.draining, memory.proved) == (True, "a" * 64)


# The queue


def test_beyond_those_that_work_and_wait_requests_are_turned_away():
    metrics, gate = Metrics(), Gate(at_once=1, queue=1, seconds=10)
    gate.enter(metrics)
    waited = threading.Thread(target=gate.enter, args=(metrics,))
    waited.start()
    while b"recsys_requests_waiting 1.0" not in metrics.expose():
        time.sleep(0.01)
    with pytest.raises(ProblemError) as refused:
        gate.enter(metrics)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    gate.leave()
    waited.join(10)
    assert b'recsys_requests_refused_total{reason="full"} 1.0' in metrics.expose()
    gate.leave()
    gate.enter(metrics)


def test_a_wait_that_takes_too_long_ends():
    metrics, gate = Metrics(), Gate(at_once=1, queue=1, seconds=0.05)
    gate.enter(metrics)
    with pytest.raises(ProblemError, match="too many"):
        gate.enter(metrics)
    assert b'recsys_requests_refused_total{reason="late"} 1.0' in metrics.expose()


def client_with(tmp_path, **serve):
    world = make_world()
    workspace = Workspace(tmp_path / "home", Config(serve=ServeSettings(**serve)))
    return build_app(replace(world.services, workspace=workspace)).test_client(), world


def test_a_request_gives_its_turn_back_however_it_ends(tmp_path):
    client, world = client_with(tmp_path, threads=1, queue=0)
    paths = ["/v1/users/ada/recommendations", "/v1/tracks/ghost", "/v1/nothing", "/health/live"]
    world.live.error = RuntimeError("a defect")
    statuses = [client.get(path).status_code for path in paths * 3]
    assert statuses == [500, 404, 404, 200] * 3


# Other origins


ORIGIN = "https://music.example"


def test_other_origins_are_told_nothing_by_default(client):
    response = client.get("/v1/tracks/track 1", headers={"Origin": ORIGIN})
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_a_named_origin_may_read_and_write_but_never_with_a_cookie(tmp_path):
    client, _ = client_with(tmp_path, cors_origins=(ORIGIN,))
    preflight = client.options(
        "/v1/events", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    events = {"events": [{"user_id": "ada", "track_id": "track 3", "kind": "like"}]}
    posted = client.post(
        "/v1/events", json=events, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
    )
    assert posted.status_code == 200
    assert posted.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in posted.headers
    other = client.get("/v1/tracks/track 1", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Origin" in other.headers["Vary"]


# Logs and stages


def test_only_what_is_heavy_enough_is_logged(tmp_path, capsys):
    client, world = client_with(tmp_path, log_level="warning")
    client.get("/v1/tracks/ghost")
    assert capsys.readouterr().out == ""
    world.live.error = RuntimeError("a defect")
    client.get("/v1/users/ada/recommendations")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["unhandled", "request"]


def test_the_log_of_the_server_is_json_too():
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("g", 40, "f", 1, "went %s", ("wrong",), sys.exc_info())
    entry = json.loads(JsonFormatter().format(record))
    assert (entry["event"], entry["level"], entry["logger"]) == ("went wrong", "error", "g")
    assert "ValueError: why" in entry["exception"]


def test_stages_add_up_and_cost_nothing_where_nobody_asks():
    with stage("alone"):
        pass
    with recorded() as seconds:
        for _ in range(2):
            with stage("a"), stage("b"):
                time.sleep(0.01)
    assert 0.02 <= seconds["b"] <= seconds["a"] < 1
    with recorded() as others:
        pass
    assert others == {}


def test_stages_of_other_threads_are_their_own():
    with recorded() as seconds:
        thread = threading.Thread(target=lambda: stage("elsewhere").__enter__())
        thread.start()
        thread.join()
    assert seconds == {}


def test_the_stages_of_an_answer_become_a_metric(client, world, monkeypatch):
    track = world.store.track

    def staged(track_id):
        with stage("history"):
            return track(track_id)

    monkeypatch.setattr(world.store, "track", staged)
    client.get("/v1/tracks/track 1")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'recsys_stage_seconds_count{stage="history"} 1.0' in text


def test_lists_for_listeners_are_counted_with_the_tracks_nobody_has_taken_to(client, world):
    recommend = world.live.recommender.recommend

    def with_newcomers(*args, **kwargs):
        return replace(recommend(*args, **kwargs), n_cold=2)

    world.live.recommender.recommend = with_newcomers
    client.get("/v1/users/ada/recommendations?n=5")
    client.get("/v1/users/nobody/recommendations?n=5")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'recsys_lists_total{kind="personal"} 1.0' in text
    assert 'recsys_lists_total{kind="fallback"} 1.0' in text
    assert 'recsys_listed_tracks_total{kind="cold"} 4.0' in text
    assert 'recsys_listed_tracks_total{kind="warm"} 6.0' in text
