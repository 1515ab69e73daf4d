"""How fast lists and uploads are answered, beside what they cannot be faster than.

    python -m bench.serving.speed [--small | --million] [--home FOLDER] [--seconds 20]

A generated world (`bench.serving.world`), the real server with two processes, and in the same run:

- the *floor*: an exact search for 500 tracks and LightGBM on 500 candidates, in one process;
- throughput at saturation, beside a Flask route that returns a constant under the same server;
- server-side times (from the log) at half of that, and where they go (from /metrics);
- memory and start-up;
- uploads of a 30 s MP3, one by one and ten at once, beside libsndfile and the network alone.

The clients run on the same machine and take their share of it; the load average is kept beside the
numbers. Processor time of one request, and of the floor, is what is left to compare where other
programs keep the machine busy.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.machine import describe_machine
from bench.serving.floor import floor, processor_ms, upload_floor
from bench.serving.load import CONNECTIONS, Running, ask_all, running, serving
from bench.serving.world import MILLION, SMALL, Size, build, user_id
from recsys.workspace import Workspace
from tests.end_to_end.service import Service

RESULT = Path("bench/results/serving.json")
ROUTE = "/v1/users/<id:user_id>/recommendations"
WORKERS, UPLOADS_AT_ONCE = 2, 10
P50_TARGET, P99_TARGET, UPLOAD_TARGET = 1.8, 4.0, 6.0
SETTINGS = f"""
[serve]
workers = {WORKERS}
threads = 16
upload_queue = {UPLOADS_AT_ONCE}
"""
CONSTANT = [
    "-m", "gunicorn", "bench.serving.constant:create_app()", "--bind", "127.0.0.1:{port}",
    "--worker-class", "gthread", "--workers", str(WORKERS), "--threads", "16",
    "--log-level", "error",
]  # fmt: skip


def main() -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a smoke run")
    parser.add_argument("--million", action="store_true", help="a million tracks")
    parser.add_argument("--home", type=Path, help="where the world is kept, and found again")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each load")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    name = "small" if arguments.small else "million" if arguments.million else "full"
    size = {"small": SMALL, "million": MILLION, "full": Size()}[name]
    with tempfile.TemporaryDirectory() as scratch:
        home = arguments.home or Path(scratch, "home")
        built = None if (home / "models" / "CURRENT").exists() else build(home, size)
        found = measure(home, size, Path(scratch), arguments.seconds)
    found = {"size": vars(size), "built_seconds": built, **found}
    print(json.dumps(found, indent=2))
    kept = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    kept |= {"machine": describe_machine(), f"lists_{name}": found}
    arguments.output.write_text(json.dumps(kept, indent=2) + "\n")


def measure(home: Path, size: Size, scratch: Path, seconds: float) -> dict[str, Any]:
    """All measurements over the world in `home`."""
    (home / "recsys.toml").write_text(SETTINGS, "utf-8")
    workspace = Workspace.open(home)
    bundle = workspace.models / (workspace.models / "CURRENT").read_text("ascii").strip()
    before = os.getloadavg()
    with workspace.open_store() as store:
        least = floor(bundle, store, user_id(7))
    users = np.random.default_rng(4).integers(0, size.users, 100_000)

    def path(number: int) -> str:
        return f"/v1/users/{user_id(int(users[number]))}/recommendations?n=20"

    alone = processor_ms(home, [path(number) for number in range(160)])
    alone["p50_in_floors"] = round(alone["p50"] / least["processor_ms"], 2)
    with running(CONSTANT, scratch / "constant", "/") as server:
        constant = ask_all(
            server.address, lambda _: "/", seconds=seconds / 2, connections=CONNECTIONS
        )
    with running(serving(home), scratch / "service", "/health/ready") as server:
        # Both processes have to have the bundle, and pages of it in memory, before times count.
        ask_all(server.address, path, seconds=min(8.0, seconds), connections=CONNECTIONS)
        _, warm = server.logged(ROUTE)
        full = ask_all(server.address, path, seconds=seconds, connections=CONNECTIONS)
        _, middle = server.logged(ROUTE, warm)
        stages = _stages(server)
        rate = full.rate / 2
        half = ask_all(
            server.address, path, seconds=2 * seconds, connections=2 * CONNECTIONS, rate=rate
        )
        milliseconds, _ = server.logged(ROUTE, middle)
        later = _stages(server)
        memory = server.memory_mb()
        uploads = _uploads(server, bundle, scratch)
    p50, p99 = np.quantile(milliseconds, [0.5, 0.99])
    return {
        "load_average_before": before,
        "load_average_after": os.getloadavg(),
        "floor": least,
        "processor_ms": alone,
        "half_load": {
            "rate": round(half.rate, 1),
            "answers": len(milliseconds),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "p50_in_floors": round(float(p50) / least["ms"], 2),
            "p99_in_floors": round(float(p99) / least["ms"], 2),
            "targets_in_floors": [P50_TARGET, P99_TARGET],
            "statuses": dict(half.statuses),
        },
        "saturation": {
            "rate": round(full.rate, 1),
            "constant_rate": round(constant.rate, 1),
            "statuses": dict(full.statuses),
        },
        "stage_ms": {
            name: round(1000 * (later[name][0] - total) / max(later[name][1] - count, 1), 2)
            for name, (total, count) in stages.items()
        },
        "memory_mb": memory,
        "start_seconds": round(server.start_seconds, 1),
        "uploads": uploads,
    }


def _stages(server: Running) -> dict[str, tuple[float, float]]:
    """Seconds and number of answers so far, by stage."""
    text = Service(server.process, server.address, server.log).get("/metrics").body.decode()
    found: dict[str, list[float]] = {}
    for line in text.splitlines():
        for place, kind in enumerate(("sum", "count")):
            start = f'recsys_stage_seconds_{kind}{{stage="'
            if line.startswith(start):
                name = line.removeprefix(start).partition('"')[0]
                found.setdefault(name, [0.0, 0.0])[place] = float(line.split()[-1])
    return {name: (total, count) for name, (total, count) in found.items()}


def _uploads(server: Running, bundle: Path, scratch: Path) -> dict[str, Any]:
    """A 30 s MP3, one by one and ten at once."""
    file = scratch / "sound.mp3"
    t = np.arange(30 * 44_100) / 44_100
    noise = np.random.default_rng(5).normal(0, 0.05, t.size)
    chord = sum(np.sin(2 * np.pi * hertz * t) for hertz in (220, 277.2, 329.6, 440)) / 8
    soundfile.write(file, np.stack([chord + noise, chord - noise], axis=1), 44_100, format="MP3")
    least = upload_floor(file, bundle / "encoder")
    service = Service(server.process, server.address, server.log)
    seconds: list[float] = []
    statuses: list[int] = []

    def once() -> None:
        began = time.perf_counter()
        statuses.append(service.upload("/v1/similar", file, n="20").status)
        seconds.append(time.perf_counter() - began)

    for _ in range(4):  # both processes start their children on the first upload
        once()
    seconds.clear()
    for _ in range(15):
        once()
    single = float(np.median(seconds)) * 1000
    seconds.clear()
    for _ in range(4):
        threads = [threading.Thread(target=once) for _ in range(UPLOADS_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {
        "floor": least,
        "p50_ms": round(single, 1),
        "p50_in_floors": round(single / least["ms"], 2),
        "target_in_floors": UPLOAD_TARGET,
        "ten_at_once_p95_ms": round(float(np.quantile(seconds, 0.95)) * 1000, 1),
        "statuses": {status: statuses.count(status) for status in set(statuses)},
    }


if __name__ == "__main__":
    main()
