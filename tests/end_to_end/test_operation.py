"""The server as an operator meets it: keys, limits, overload, publications, its end, its death."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from data.access import Scope
from data.tracks import Track
from recsys.training import load_training_data
from recsys.versions import current_version, versions
from recsys.workspace import Workspace
from tests.end_to_end.command import FAILED, Recsys
from tests.end_to_end.service import alive, served, until
from tests.recsys.conftest import ENCODER, fill_planted, fit_planted, publish_hybrid

LIST = "/v1/users/somebody/recommendations?n=3"


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    workspace = Workspace.open(tmp_path_factory.mktemp("planted") / "home")
    with workspace.open_store() as store:
        fill_planted(store)
        return fit_planted(load_training_data(store, ENCODER, 4))


@pytest.fixture
def workspace(tmp_path, hybrid):
    """Workspace with the planted world and one version, and settings of one's own."""
    workspace = Workspace.open(tmp_path / "home")
    with workspace.open_store() as store:
        fill_planted(store)
    publish_hybrid(workspace, hybrid)
    return workspace


def settle(workspace, **serve):
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in serve.items()]
    (workspace.home / "recsys.toml").write_text("[serve]\n" + "\n".join(lines) + "\n")


def ask(service, path=LIST, headers=None, method="GET", body=None):
    """Status and headers of one request on a connection of its own."""
    with closing(http.client.HTTPConnection(urlsplit(service.address).netloc, timeout=60)) as line:
        line.request(method, path, body, headers or {})
        response = line.getresponse()
        return response.status, dict(response.getheaders()), response.read()


@contextmanager
def load(n_threads, once):
    """Run `once(thread)` over and over in threads until the block ends, or it says False."""
    stop, failures = threading.Event(), []

    def run(number):
        try:
            while not stop.is_set() and once(number) is not False:
                pass
        except Exception as error:  # noqa: BLE001  (whatever it is, the test has to see it)
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def workers(service):
    """Server processes below the first."""
    tasks = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    return [int(pid) for pid in tasks.read_text("ascii").split()]


def mapped_versions(pid, workspace):
    text = Path(f"/proc/{pid}/maps").read_text("utf-8")
    return {version for version in versions(workspace.models) if version in text}


def test_others_do_not_reach_a_service_that_nobody_has_a_key_for(tmp_path):
    recsys = Recsys(tmp_path / "home")
    refused = recsys("serve", "--host", "0.0.0.0", expect=FAILED)
    assert "recsys keys create" in refused.error
    recsys("keys", "create", "me", "--scope", "admin")
    listed = recsys("keys", "list", "--json").json()
    assert [key["scopes"] for key in listed] == [["admin"]]


def test_the_limit_of_a_key_holds_over_all_processes(workspace, tmp_path):
    settle(workspace, workers=2)
    keys = workspace.open_keys()
    _, key = keys.create("player", [Scope.READ], requests_a_minute=40)
    keys.close()
    bearing = {"Authorization": f"Bearer {key}"}
    statuses = Counter()
    with served(workspace.home, tmp_path) as service:
        until(lambda: len(workers(service)) == 2)
        until(lambda: ask(service, "/health/ready")[0] == 200)
        assert ask(service)[0] == 401
        began, turn = time.monotonic(), itertools.count()

        def once(_):
            if next(turn) >= 120:
                return False
            status, headers, _ = ask(service, headers=bearing)
            statuses[status] += 1
            if status == 429:
                assert int(headers["Retry-After"]) >= 1
                assert headers["RateLimit-Policy"] == '"key";q=40;w=60'
            return True

        with load(6, once):
            until(lambda: sum(statuses.values()) == 120)
        came_back = int((time.monotonic() - began) * 40 / 60) + 1
    assert set(statuses) == {200, 429}
    assert 40 <= statuses[200] <= 40 + came_back


def test_overloaded_it_turns_requests_away_and_goes_on(workspace, tmp_path):
    settle(workspace, threads=1, queue=1, queue_seconds=0.5)
    statuses, waits = Counter(), []

    def once(_):
        status, headers, _ = ask(service)
        statuses[status] += 1
        waits.append(headers.get("Retry-After"))

    with served(workspace.home, tmp_path) as service:
        until(lambda: ask(service)[0] == 200)
        with load(12, once):
            until(lambda: statuses[503] > 20 and statuses[200] > 20)
            assert ask(service, "/health/live")[0] == 200
        assert set(statuses) == {200, 503}
        assert waits.count("1") == statuses[503]
        assert ask(service)[0] == 200
        metrics = ask(service, "/metrics")[2].decode()
        refused = sum(
            float(line.split()[-1])
            for line in metrics.splitlines()
            if line.startswith("recsys_requests_refused_total{")
        )
        assert refused == statuses[503]
        assert "recsys_requests_waiting 0.0" in metrics


def test_versions_are_published_under_load_without_a_failed_request(
    workspace, hybrid, tmp_path, monkeypatch
):
    monkeypatch.setattr("recsys.versions.probe_bundle", lambda _: None)  # the server has its own
    settle(workspace, workers=2)
    seen, statuses = Counter(), Counter()

    def once(_):
        reply = service.get(LIST)
        statuses[reply.status] += 1
        seen[reply.json()["model_version"]] += 1

    with served(workspace.home, tmp_path) as service:
        until(lambda: len(workers(service)) == 2 and ask(service)[0] == 200)
        with load(3, once):
            published = [publish_hybrid(workspace, hybrid) for _ in range(5)]
            current = published[-1]
            until(lambda: service.version() == current)
            pids = workers(service)
            # The files of versions that are no longer served are closed, in every process.
            until(
                lambda: all(mapped_versions(pid, workspace) == {current} for pid in pids),
                service.log.read_text,
            )
            until(lambda: seen[current])
        assert set(statuses) == {200}
        assert set(seen) <= set(versions(workspace.models))
        log = service.log.read_text()
        assert log.count(f'"version": "{current}", "event": "bundle served"') == 2


def test_a_version_is_activated_and_rolled_back_over_http(workspace, hybrid, tmp_path):
    first = current_version(workspace.models)
    second = publish_hybrid(workspace, hybrid)
    with served(workspace.home, tmp_path) as service:
        until(lambda: ask(service)[0] == 200)
        listed = service.get("/v1/models").json()
        assert [item["version"] for item in listed["items"]] == [second, first]
        assert listed["serving"] == second
        answer = service.post("/v1/models/rollback", {})
        assert (answer.status, answer.json()["version"]) == (200, first)
        until(lambda: service.version() == first)
        assert service.post(f"/v1/models/{second}/activate", {}).status == 200
        until(lambda: service.version() == second)
        (workspace.models / first / "popularity.npy").write_bytes(b"damaged")
        refused = service.post(f"/v1/models/{first}/activate", {})
        assert refused.json()["type"] == "urn:recsys:problem:damaged"
        assert service.post("/v1/models/nothing/activate", {}).status == 404
        assert current_version(workspace.models) == second
        assert service.get("/v1/evaluation").status == 404
        workspace.evaluation.write_text('{"format": 2}')
        assert service.get("/v1/evaluation").json() == {"format": 2}


def test_told_to_end_it_is_not_ready_first_and_drops_no_request(workspace, tmp_path):
    settle(workspace, workers=2, drain_seconds=1.5)
    answered, refused, unready, told = Counter(), Counter(), [], []

    def once(number):
        began = time.monotonic()
        try:
            status, _, body = ask(service, "/health/ready" if number == 0 else LIST)
        except (ConnectionRefusedError, ConnectionResetError) as error:
            # Nobody listens any more, which is no request dropped. Who came at the very end of the
            # time to drain may have been let in by the kernel, but by nobody else.
            if isinstance(error, ConnectionResetError) and (not told or began < told[0] + 1.0):
                raise
            refused[number] += 1
            return False
        assert body.rstrip().endswith(b"}") or status == 503
        if number == 0 and status == 503:
            unready.append(time.monotonic())
        else:
            answered[status] += 1
        return True

    with served(workspace.home, tmp_path) as service:
        until(lambda: len(workers(service)) == 2 and ask(service)[0] == 200)
        with load(8, once):
            until(lambda: answered[200] > 50)
            told.append(time.monotonic())
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(30) == 0
            ended = time.monotonic()
        assert "Traceback" not in service.log.read_text()
    assert set(answered) == {200}
    assert len(refused) == 8
    assert unready[0] - told[0] < 1
    assert ended - told[0] >= 1.5


@pytest.mark.slow
def test_no_acknowledged_event_is_lost_and_none_is_doubled_when_the_server_is_killed(tmp_path):
    workspace = Workspace.open(tmp_path / "home")
    with workspace.open_store() as store:
        store.upsert_tracks([Track("a"), Track("b")])
    acknowledged, numbers = set(), itertools.count()

    def once(thread):
        ids = [f"{next(numbers)}" for _ in range(5)]
        events = [
            {"event_id": e, "user_id": f"u{thread}", "track_id": "a", "kind": "play"} for e in ids
        ]
        try:
            reply = service.post("/v1/events", {"events": events})
        except (OSError, http.client.HTTPException):
            return False  # killed before it answered: stored or not
        assert reply.status == 200
        assert reply.json()["added"] == 5
        acknowledged.update(ids)
        return True

    def kill(running):
        enough = len(acknowledged) + 50
        with load(3, once):
            until(lambda: len(acknowledged) > enough)
            pids = [running.process.pid, *running.descendants()]
            os.killpg(running.process.pid, signal.SIGKILL)
            until(lambda: not any(map(alive, pids)))

    for round_ in range(10):
        with served(workspace.home, tmp_path / f"{round_}") as service:
            kill(service)
    with closing(sqlite3.connect(workspace.home / "recsys.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = [row[0] for row in database.execute("SELECT event_id FROM events")]
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)
    assert len(stored) % 5 == 0  # a batch is stored as a whole
