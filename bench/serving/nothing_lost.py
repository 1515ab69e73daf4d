"""Kills, publications and ends under load: nothing that was promised may be lost.

    python -m bench.serving.nothing_lost [--kills 200] [--publications 20] [--ends 3] [--minutes 10]

- SIGKILL of all processes of the server while clients post events: what was acknowledged has to be
  in the database, once, and the database has to pass its integrity check.
- Publications while clients ask for lists: each has to be answered with 200, by one version, and
  the last version has to be served in the end.
- SIGTERM while clients ask: each request that was taken has to be answered.

Where `--minutes` are over before all kills are done, the result says how many there were.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.machine import describe_machine
from data.store import Store
from data.tracks import Track
from recsys.bundle import write_bundle
from recsys.versions import publish, versions
from recsys.workspace import Workspace
from tests.end_to_end.service import Service, alive, served, until
from tests.recsys import bigger

RESULT = Path("bench/results/serving.json")
CLIENTS, BATCH = 3, 5
LIST = "/v1/users/u07/recommendations?n=5"


@contextmanager
def load(once: Callable[[int], bool]) -> Iterator[list[Exception]]:
    """Run `once(client)` over and over in threads until the block ends, or it says False."""
    over, failures = threading.Event(), list[Exception]()

    def run(number: int) -> None:
        try:
            while not over.is_set() and once(number):
                pass
        except Exception as error:  # noqa: BLE001  (whatever it is, it goes into the result)
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        over.set()
        for thread in threads:
            thread.join()


def kills(folder: Path, count: int, minutes: float) -> dict[str, Any]:
    """SIGKILL under event load."""
    workspace = Workspace.open(folder / "home")
    with workspace.open_store() as store:
        store.upsert_tracks([Track("a"), Track("b")])
    acknowledged, numbers, statuses = set[str](), itertools.count(), Counter[int]()
    deadline, done = time.monotonic() + 60 * minutes, 0

    def post(service: Service, client: int) -> bool:
        ids = [f"{next(numbers)}" for _ in range(BATCH)]
        events = [
            {"event_id": e, "user_id": f"u{client}", "track_id": "a", "kind": "play"} for e in ids
        ]
        try:
            reply = service.post("/v1/events", {"events": events})
        except (OSError, http.client.HTTPException):
            return False  # killed before it answered: stored or not
        statuses[reply.status] += 1
        if reply.status == 200:
            acknowledged.update(ids)
        return True

    while done < count and time.monotonic() < deadline:
        with served(workspace.home, folder / f"{done}") as service:
            enough = len(acknowledged) + 10 * BATCH
            with load(lambda client, service=service: post(service, client)):  # type: ignore[misc]
                until(lambda enough=enough: len(acknowledged) > enough)  # type: ignore[misc]
                pids = [service.process.pid, *service.descendants()]
                os.killpg(service.process.pid, signal.SIGKILL)
                until(lambda pids=pids: not any(map(alive, pids)))  # type: ignore[misc]
        done += 1
    with closing(sqlite3.connect(workspace.home / "recsys.db")) as database:
        integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
        stored = [row[0] for row in database.execute("SELECT event_id FROM events")]
    return {
        "kills": done,
        "wanted": count,
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - set(stored)),
        "doubled": len(stored) - len(set(stored)),
        "halves_of_batches": len(stored) % BATCH,
        "integrity": integrity,
        "statuses": dict(statuses),
    }


def publications(folder: Path, count: int) -> dict[str, Any]:
    """New versions under request load."""
    workspace, store, write = _world(folder)
    statuses, seen, mixed = Counter[int](), Counter[str](), 0
    known: set[str] = set()

    def ask(service: Service) -> bool:
        reply = service.get(LIST)
        statuses[reply.status] += 1
        if reply.status == 200:
            seen[reply.json()["model_version"]] += 1
        return True

    with (
        patch("recsys.versions.probe_bundle", lambda _: None),  # the server has its own
        served(workspace.home, folder / "scratch") as service,
    ):
        until(lambda: service.get(LIST).status == 200)
        with load(lambda _: ask(service)) as failures:
            for _ in range(count):
                version = publish(workspace.models, write)
                until(lambda version=version: seen[version] > 0)  # type: ignore[misc]
            known = set(versions(workspace.models))
            mixed = len(set(seen) - known)
            until(lambda: service.version() == version)
    store.close()
    return {
        "publications": count,
        "versions_seen": len(seen),
        "answers": sum(statuses.values()),
        "failed": sum(n for status, n in statuses.items() if status != 200) + len(failures),
        "of_no_version": mixed,
    }


def ends(folder: Path, count: int) -> dict[str, Any]:
    """SIGTERM under request load."""
    workspace, store, _ = _world(folder)
    answered, dropped, codes = Counter[int](), 0, Counter[int]()

    def ask(line: http.client.HTTPConnection) -> bool:
        nonlocal dropped
        try:
            line.connect()
        except OSError:
            return False  # nobody listens any more, which is no request dropped
        try:
            line.request("GET", LIST)
            response = line.getresponse()
            response.read()
            answered[response.status] += 1
        except (OSError, http.client.HTTPException):
            dropped += 1
        finally:
            line.close()
        return True

    for turn in range(count):
        with served(workspace.home, folder / f"{turn}") as service:
            until(lambda service=service: service.get(LIST).status == 200)  # type: ignore[misc]
            netloc = service.address.removeprefix("http://")
            lines = [http.client.HTTPConnection(netloc, timeout=60) for _ in range(CLIENTS)]
            enough = answered[200] + 30
            with load(lambda client, lines=lines: ask(lines[client])):  # type: ignore[misc]
                until(lambda enough=enough: answered[200] > enough)  # type: ignore[misc]
                codes[service.stop()] += 1
    store.close()
    return {
        "ends": count,
        "exit_statuses": dict(codes),
        "answers": dict(answered),
        "dropped": dropped,
    }


def _world(folder: Path) -> tuple[Workspace, Store, Callable[[Path, str], object]]:
    """Workspace with the planted world and one version, and what writes another."""
    (folder / "home").mkdir(parents=True)
    workspace = Workspace.open(folder / "home")
    (workspace.home / "recsys.toml").write_text("[serve]\nworkers = 2\n", "utf-8")
    store = workspace.open_store()
    bigger.fill(store)
    bundle = bigger.bundle(folder)
    facts = bigger.facts()

    def write(to: Path, version: str) -> object:
        return write_bundle(to, version, bundle.hybrid, facts)

    publish(workspace.models, write)
    return workspace, store, write


def main() -> None:
    """Kill, publish and end, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--publications", type=int, default=20)
    parser.add_argument("--ends", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.0, help="limit of the kills")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        found = {
            "publications": publications(folder / "publications", arguments.publications),
            "ends": ends(folder / "ends", arguments.ends),
            "kills": kills(folder / "kills", arguments.kills, arguments.minutes),
            "load_average": os.getloadavg(),
        }
    print(json.dumps(found, indent=2))
    kept = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    kept |= {"machine": describe_machine(), "nothing_lost": found}
    arguments.output.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
