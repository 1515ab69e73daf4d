"""What a service must survive: audio that lies, audio that explodes, bundles that are broken.

    python -m bench.serving.hostile --music FOLDER --home FOLDER [--files 1000] [--bundles 1000]

Every mutated file of `bench.encoder.mutations` and three bombs go through ``POST /v1/similar`` of a
running server; each must be answered with 200 or a refusal, by processes that stay the same and
within their memory. Then ten times as many clients as it takes to saturate the server ask for
lists; each must get one, or be told to come back. Last, bundles are damaged in every way and
opened in this process, which must refuse each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.encoder.mutations import MUTATIONS, excerpt, mutate
from bench.machine import describe_machine
from bench.serving.load import CONNECTIONS, Running, ask_all, running, serving
from data.errors import ArtefactError
from recsys.bundle import open_bundle
from recsys.versions import current_version
from recsys.workspace import Workspace
from tests.end_to_end.service import Service

RESULT = Path("bench/results/serving.json")
REFUSED = frozenset({400, 413, 415, 422})
OVERLOAD = 10
_OGG_POLYNOMIAL = 0x04C11DB7
_LARGEST = 2**63 - 1


def bombs(folder: Path) -> list[Path]:
    """Ten hours of silence in 5 MB, a WAV that claims 4 GB, an Ogg that claims 2⁶³ samples."""
    rng = np.random.default_rng(0)
    silence = folder / "silence.flac"
    MUTATIONS["10 h of silence"](None, rng, silence)  # type: ignore[arg-type]
    sound = rng.normal(0, 0.1, 3 * 44_100)
    lying = folder / "lying.wav"
    soundfile.write(lying, sound, 44_100, format="WAV", subtype="PCM_16")
    content = bytearray(lying.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 2**32 - 1)
    content[4:8] = struct.pack("<I", 2**32 - 1)
    lying.write_bytes(content)
    endless = folder / "endless.ogg"
    soundfile.write(endless, sound, 44_100, format="OGG", subtype="VORBIS")
    content = bytearray(endless.read_bytes())
    last = content.rindex(b"OggS")
    content[last + 6 : last + 14] = struct.pack("<q", _LARGEST)
    content[last + 22 : last + 26] = bytes(4)
    content[last + 22 : last + 26] = struct.pack("<I", _ogg_sum(bytes(content[last:])))
    endless.write_bytes(content)
    return [silence, lying, endless]


def _ogg_sum(page: bytes) -> int:
    """Checksum of an Ogg page whose own is 0 (RFC 3533, section 6)."""
    total = 0
    for byte in page:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1 ^ (_OGG_POLYNOMIAL if total & 2**31 else 0)) & (2**32 - 1)
    return total


def upload_all(service: Service, files: list[Path]) -> Counter[int]:
    """Statuses of uploads of `files`, one after the other."""
    return Counter(service.upload("/v1/similar", file, n="3").status for file in files)


Damage = Callable[[Path, list[str], np.random.Generator], None]


def _truncated(folder: Path, names: list[str], rng: np.random.Generator) -> None:
    file = folder / names[0]
    file.write_bytes(file.read_bytes()[: int(rng.integers(0, file.stat().st_size))])


def _flipped(folder: Path, names: list[str], rng: np.random.Generator) -> None:
    file = folder / names[0]
    content = np.frombuffer(file.read_bytes(), np.uint8).copy()
    places = rng.integers(0, len(content), int(rng.integers(1, 20)))
    content[np.unique(places)] ^= np.uint8(1 << int(rng.integers(0, 8)))
    file.write_bytes(content.tobytes())


def _swapped(folder: Path, names: list[str], rng: np.random.Generator) -> None:  # noqa: ARG001
    one, other = folder / names[0], folder / names[1]
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def _removed(folder: Path, names: list[str], rng: np.random.Generator) -> None:  # noqa: ARG001
    (folder / names[0]).unlink()


DAMAGES: dict[str, Damage] = {
    "truncated": _truncated,
    "bits flipped": _flipped,
    "files swapped": _swapped,
    "file removed": _removed,
}


def damaged_bundles(
    whole: Path, scratch: Path, count: int, seed: int
) -> Iterator[tuple[str, Path]]:
    """`count` damaged copies of the bundle `whole`, one at a time, and what was done to each."""
    rng = np.random.default_rng(seed)
    names = [
        path.relative_to(whole).as_posix()
        for path in sorted(whole.rglob("*"))
        if path.is_file() and path.stat().st_size
    ]
    for number in range(count):
        kind = list(DAMAGES)[number % len(DAMAGES)]
        chosen = [names[place] for place in rng.permutation(len(names))]
        if kind == "files swapped":  # equal files would leave it whole
            first = (whole / chosen[0]).read_bytes()
            chosen = [chosen[0], *(n for n in chosen[1:] if (whole / n).read_bytes() != first)]
        copy = scratch / "bundle"
        shutil.copytree(whole, copy, copy_function=os.link)
        for name in chosen[:2]:  # links share their content: what is changed has to be a copy
            (copy / name).unlink()
            shutil.copy(whole / name, copy / name)
        DAMAGES[kind](copy, chosen, rng)
        yield f"{kind}: {chosen[0]}", copy
        shutil.rmtree(copy)


def refusals(whole: Path, scratch: Path, count: int, seed: int = 0) -> tuple[int, list[str]]:
    """How many damaged bundles were refused, and what the others were."""
    opened = []
    for kind, folder in damaged_bundles(whole, scratch, count, seed):
        try:
            open_bundle(folder)
        except ArtefactError:
            continue
        opened.append(kind)
    return count - len(opened), opened


def main() -> None:
    """Attack, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True, help="folder of good audio files")
    parser.add_argument("--home", type=Path, required=True, help="workspace with a model")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--bundles", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        scratch = Path(text)
        workspace = Workspace.open(arguments.home)
        bundle = workspace.models / current_version(workspace.models)
        with running(serving(arguments.home), scratch / "service", "/health/ready") as server:
            found = _attacked(server, arguments.music, arguments.files, scratch)
        refused, opened = refusals(bundle, scratch, arguments.bundles)
        found["bundles"] = {"damaged": arguments.bundles, "refused": refused, "opened": opened}
    found["load_average"] = os.getloadavg()
    print(json.dumps(found, indent=2))
    kept = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    kept |= {"machine": describe_machine(), "hostile": found}
    arguments.output.write_text(json.dumps(kept, indent=2) + "\n")


def _attacked(server: Running, music: Path, files: int, scratch: Path) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    good = [path for path in sorted(music.rglob("*.ogg")) if path.stat().st_size > 100_000]
    chosen = rng.permutation(len(good))[:12]
    sources = [excerpt(good[int(place)], rng, scratch) for place in chosen]
    made = mutate(sources, files, scratch / "mutated", seed=2)
    service = Service(server.process, server.address, server.log)
    processes = server.workers()
    before = server.memory_mb()
    statuses = {
        kind: dict(upload_all(service, paths)) for kind, paths in made.items() if kind != "bombs"
    }
    exploded = {path.name: dict(upload_all(service, [path])) for path in bombs(scratch)}
    after = server.memory_mb()
    overload = ask_all(
        server.address,
        lambda number: f"/v1/users/somebody-{number % 50}/recommendations",
        seconds=15.0,
        connections=OVERLOAD * CONNECTIONS,
    )
    return {
        "mutated_files": sum(len(paths) for paths in made.values()),
        "statuses_by_kind": statuses,
        "bombs": exploded,
        "workers_stayed": server.workers() == processes,
        "memory_mb": {"before": before, "after_uploads": after, "overload": server.memory_mb()},
        "overload": {
            "connections": OVERLOAD * CONNECTIONS,
            "statuses": dict(overload.statuses),
            "p99_ms": round(float(np.quantile(overload.seconds, 0.99)) * 1000, 1),
        },
    }


if __name__ == "__main__":
    main()
