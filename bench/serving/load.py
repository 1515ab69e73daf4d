"""Clients that keep their connections, and a server that is watched."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from tests.end_to_end.command import environment
from tests.end_to_end.service import PATIENCE, free_port, until

CONNECTIONS = 8
"""Clients at once that find the saturation of two server processes."""


@dataclass
class Outcome:
    """What a run of requests saw.

    Parameters
    ----------
    seconds : list of float
        Time of each answer, as the client saw it.
    statuses : Counter
        Answers by status; 0 = none came.
    wall : float
        Seconds from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall if self.wall else 0.0


def ask_all(
    address: str,
    paths: Callable[[int], str],
    *,
    seconds: float,
    connections: int,
    rate: float | None = None,
    seed: int = 0,
) -> Outcome:
    """Ask for `paths(0)`, `paths(1)`, … for a while.

    Without a `rate` every connection asks again as soon as it was answered, which finds the
    saturation; with one, requests come at random moments (Poisson), whatever is under way.
    """
    outcome, lock, began = Outcome(), threading.Lock(), time.perf_counter()
    number = iter(range(10**9))
    due = iter(_moments(rate, seed)) if rate else None

    def run() -> None:
        line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
        while time.perf_counter() - began < seconds:
            with lock:
                mine, moment = next(number), next(due) if due else 0.0
            if moment > seconds:
                break
            time.sleep(max(0.0, began + moment - time.perf_counter()))
            asked = time.perf_counter()
            try:
                line.request("GET", paths(mine))
                answer = line.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                line.close()
                status = 0
            with lock:
                outcome.statuses[status] += 1
                outcome.seconds.append(time.perf_counter() - asked)
        line.close()

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.wall = time.perf_counter() - began
    return outcome


def _moments(rate: float, seed: int) -> Iterator[float]:
    rng, moment = np.random.default_rng(seed), 0.0
    while True:
        moment += float(rng.exponential(1 / rate))
        yield moment


@dataclass(frozen=True)
class Running:
    """A server under load."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path
    start_seconds: float

    def logged(self, route: str, since: int = 0) -> tuple[list[float], int]:
        """Milliseconds of the answers of `route` in the log, from byte `since` on, and its end."""
        content = self.log.read_bytes()[since:]
        found = []
        for line in content.splitlines():
            if b'"request"' in line and route.encode() in line:
                entry = json.loads(line)
                if entry.get("route") == route and entry["status"] == 200:
                    found.append(float(entry["milliseconds"]))
        return found, since + len(content)

    def workers(self) -> list[int]:
        """Ids of the server processes below the first."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in tasks.read_text("ascii").split()]

    def memory_mb(self) -> dict[str, float]:
        """Proportional, private and peak resident memory over all its processes, MB."""
        pids, total = [self.process.pid], Counter[str]()
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text("ascii").split())
        for pid in pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]:
                name, amount = line.split(":")
                total[name] += int(amount.split()[0])
            status = Path(f"/proc/{pid}/status").read_text("ascii")
            total["Peak"] += int(status.split("VmHWM:")[1].split()[0])
        private = total["Private_Clean"] + total["Private_Dirty"]
        named = {"pss": total["Pss"], "private": private, "peak_rss": total["Peak"]}
        return {name: round(amount / 1024, 1) for name, amount in named.items()}


@contextmanager
def running(command: list[str], scratch: Path, ready: str) -> Iterator[Running]:
    """Server that `command` starts, once `ready` is answered with 200; ``{port}`` is filled in."""
    scratch.mkdir(parents=True, exist_ok=True)
    log, port = scratch / "server.log", free_port()
    address, began = f"http://127.0.0.1:{port}", time.perf_counter()
    words = [sys.executable, *(word.replace("{port}", str(port)) for word in command)]
    settings = environment({"TMPDIR": str(scratch)})
    with (
        log.open("wb") as out,
        subprocess.Popen(words, env=settings, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            until(lambda: process.poll() is not None or _answers(address, ready), log.read_text)
            yield Running(process, address, log, time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def serving(home: Path) -> list[str]:
    """Command of the service over `home`."""
    return ["-m", "recsys", "--home", str(home), "serve", "--port", "{port}"]


def _answers(address: str, path: str) -> bool:
    line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    try:
        line.request("GET", path)
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()
