"""Exact and approximate search side by side: what they find, and what that costs.

    python -m bench.encoder.index --vectors FILE.npz [--sizes 100000 300000 1000000]

`FILE` holds real vectors: `vectors` [shape=(n, dim)] and, of the same length, `track`, which chunk
is of which track (``--music FOLDER --cache FOLDER`` makes it with the shipped encoder); a `.npy`
holds vectors alone. Generated sets have the spectrum of the real one: `clustered` draws a centre
for each track from a normal distribution with the real mean and the tracks' covariance, and
around it as many vectors as a real track has chunks, with the covariance within tracks;
`normal` draws every vector on its own with the covariance of all (no clusters: the hardest case).
Rows then get unit length.

Queries are items (`recall`) and tastes, each the mean of five of one item's hundred neighbours
(`recall_taste`), against exact search. Every index is built once, saved, and opened in a fresh
process of one thread, which is asked one query at a time: wall time, and processor time, which
other programs on the machine disturb less. Resident memory is what that process gained. Voyager is
measured where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.machine import describe_machine

K = 100
TREES = (10, 25, 50)
TREES_UP_TO = 100_000
"""Vectors up to which all of `TREES` are built; beyond, the default's."""
NODES = (5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000)
VOYAGER_EF = (100, 200, 400, 800)
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of unit length, float32."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def chunk_vectors(music: Path, cache: Path, out: Path) -> None:
    """Write the shipped encoder's vectors of all chunks of the music in `music`."""
    from audio_model.cache import cache_spectrograms
    from audio_model.encoder import Encoder
    from audio_model.recipes import RECIPES
    from audio_model.shipped import SHIPPED_ENCODER
    from bench.encoder.quality import music_files

    files = music_files(music)
    tracks = cache_spectrograms(files, RECIPES["default"].frontend, cache / "spectrograms")
    encoder = Encoder.load(SHIPPED_ENCODER)
    vectors = [
        encoder.encode(tracks.chunks(row).astype(np.float32)) for row in range(len(tracks.files))
    ]
    track = np.repeat(np.arange(len(vectors)), [len(each) for each in vectors])
    np.savez(out, vectors=np.concatenate(vectors), track=track)


class Spectrum:
    """Mean and covariances of real vectors, and sets drawn from them."""

    def __init__(self, vectors: np.ndarray, track: np.ndarray | None) -> None:
        self.mean = vectors.mean(axis=0)
        self.total = np.cov(vectors.T)
        if track is None:  # chunks unknown: half of the variance between, half within
            self.between, self.within, self.cluster = self.total / 2, self.total / 2, 27
            return
        sums = np.zeros((track.max() + 1, vectors.shape[1]))
        np.add.at(sums, track, vectors)
        count = np.bincount(track)
        centres = (sums / np.maximum(1, count)[:, None]).astype(np.float32)
        self.between = np.cov(centres[count > 0].T)
        self.within = np.cov((vectors - centres[track]).T)
        self.cluster = round(len(vectors) / int((count > 0).sum()))

    def clustered(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Unit vectors [shape=(n, dim)] in clusters like those of tracks."""
        centres = self._normal(-(-n // self.cluster), self.between, rng) + self.mean
        around = self._normal(n, self.within, rng)
        return unit(np.repeat(centres, self.cluster, axis=0)[:n] + around)

    def normal(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Unit vectors [shape=(n, dim)] without clusters."""
        return unit(self._normal(n, self.total, rng) + self.mean)

    @staticmethod
    def _normal(n: int, covariance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        variance, directions = np.linalg.eigh(covariance)
        root = (directions * np.sqrt(np.maximum(variance, 0.0))).astype(np.float32)
        return rng.standard_normal((n, len(root)), np.float32) @ root.T


def queries_of(vectors: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` items, then as many tastes [shape=(2 * count, dim)]."""
    from audio_model.index import ExactIndex

    items = vectors[rng.choice(len(vectors), count, replace=False)]
    anchors = vectors[rng.choice(len(vectors), count, replace=False)]
    near, _ = ExactIndex(vectors).search(anchors, K)
    tastes = np.stack([vectors[rng.choice(row, 5, replace=False)].mean(axis=0) for row in near])
    return np.concatenate([items, unit(tastes)])


def resident_mib() -> float:
    """Resident memory of this process, mapped files included, MiB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def answers(folder: Path, kind: str, effort: int, queries: np.ndarray, pipe: object) -> None:
    """Body of the measuring process: open, warm up, ask one query at a time."""
    from audio_model.index import load_index

    before = resident_mib()
    search: Callable[[np.ndarray], np.ndarray]
    if kind == "voyager":
        import voyager

        with (folder / "index.voy").open("rb") as file:
            hnsw = voyager.Index.load(file)

        def search(query: np.ndarray) -> np.ndarray:
            return hnsw.query(query, K, num_threads=1, query_ef=effort)[0]
    else:
        index = load_index(folder)
        if kind == "annoy":
            index.search_nodes = effort

        def search(query: np.ndarray) -> np.ndarray:
            return index.search(query[None], K)[0][0]

    for query in queries[:: max(1, len(queries) // 20)]:
        search(query)
    found, seconds = [], []
    for query in queries:
        started, used = time.perf_counter(), time.process_time()
        found.append(search(query))
        seconds.append((time.perf_counter() - started, time.process_time() - used))
    pipe.send((np.stack(found), np.array(seconds), resident_mib() - before))


def measured(folder: Path, kind: str, effort: int, queries: np.ndarray) -> tuple:
    """Run `answers` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=answers, args=(folder, kind, effort, queries, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        child.join()


def built(vectors: np.ndarray, kind: str, trees: int, folder: Path) -> float:
    """Build and save an index; return the processor seconds of building."""
    from audio_model.index import AnnoyIndex, ExactIndex

    started = time.process_time()
    if kind == "voyager":
        import voyager

        index = voyager.Index(voyager.Space.Cosine, vectors.shape[1], M=16, ef_construction=200)
        index.add_items(vectors, num_threads=1)
    else:
        index = ExactIndex(vectors) if kind == "exact" else AnnoyIndex.build(vectors, 0, trees)
    seconds = time.process_time() - started
    folder.mkdir()
    index.save(str(folder / "index.voy") if kind == "voyager" else folder)
    return seconds


def table_of(
    vectors: np.ndarray,
    count: int,
    rng: np.random.Generator,
    scratch: Path,
    args: argparse.Namespace,
) -> list[dict]:
    """One row for each index and effort."""
    from audio_model.index.annoy_index import N_TREES, nodes_to_inspect

    queries = queries_of(vectors, count, rng)
    plans: list[tuple[str, int, tuple[int, ...]]] = [("exact", 0, (0,))]
    # As many nodes as vectors find everything, and cost more than to scan.
    default = nodes_to_inspect(len(vectors))
    nodes = {each for each in NODES if len(vectors) / 20 <= each <= len(vectors) / 2} | {default}
    trees = TREES if len(vectors) <= TREES_UP_TO else (N_TREES,)
    plans += [("annoy", each, tuple(sorted(nodes))) for each in trees]
    if importlib.util.find_spec("voyager") and len(vectors) <= args.voyager_up_to:
        plans.append(("voyager", 0, VOYAGER_EF))
    rows: list[dict] = []
    truth: np.ndarray | None = None
    for kind, n_trees, efforts in plans:
        with tempfile.TemporaryDirectory(dir=scratch) as parent:
            folder = Path(parent) / "index"
            build = built(vectors, kind, n_trees, folder)
            size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
            for effort in efforts:
                found, seconds, resident = measured(folder, kind, effort, queries)
                truth = found if truth is None else truth
                hits = np.array(
                    [len(np.intersect1d(a, b)) / K for a, b in zip(found, truth, strict=True)]
                )
                rows.append(
                    {
                        "index": kind,
                        **({"n_trees": n_trees, "search_nodes": effort} if n_trees else {}),
                        **({"M": 16, "query_ef": effort} if kind == "voyager" else {}),
                        "recall": round(float(hits[:count].mean()), 4),
                        "recall_taste": round(float(hits[count:].mean()), 4),
                        "p50_ms": round(float(np.median(seconds[:, 0])) * 1e3, 2),
                        "p99_ms": round(float(np.quantile(seconds[:, 0], 0.99)) * 1e3, 2),
                        "p50_cpu_ms": round(float(np.median(seconds[:, 1])) * 1e3, 2),
                        "build_cpu_s": round(build, 1),
                        "disk_mib": round(size, 1),
                        "resident_mib": round(resident, 1),
                    }
                )
                print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure every set, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--music", type=Path, help="make the file of vectors from this folder")
    parser.add_argument("--cache", type=Path, help="folder of the spectrograms of --music")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--normal-up-to", type=int, default=100_000, help="largest `normal` set")
    parser.add_argument(
        "--voyager-up-to", type=int, default=100_000, help="largest set; builds take long"
    )
    parser.add_argument("--queries", type=int, default=200, help="items, and as many tastes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, default=None, help="folder for the indexes")
    parser.add_argument("--out", type=Path, default=Path("bench/results/encoder_index.json"))
    args = parser.parse_args()
    # Read by the libraries when a process loads them, so it holds for the measuring ones.
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if args.music is not None:
        chunk_vectors(args.music, args.cache, args.vectors)
    stored = np.load(args.vectors, allow_pickle=False)
    real, track = (
        (stored, None) if isinstance(stored, np.ndarray) else (stored["vectors"], stored["track"])
    )
    spectrum = Spectrum(real, track)
    rng = np.random.default_rng(args.seed)
    sets: list[tuple[str, Callable[[], np.ndarray]]] = [("real", lambda: unit(real))]
    for n in args.sizes:
        sets.append((f"clustered {n}", lambda n=n: spectrum.clustered(n, rng)))
        if n <= args.normal_up_to:
            sets.append((f"normal {n}", lambda n=n: spectrum.normal(n, rng)))
    tables = {}
    for name, make in sets:
        vectors = make()
        print(name, vectors.shape, flush=True)
        tables[f"{name} ({len(vectors)})" if name == "real" else name] = table_of(
            vectors, args.queries, rng, args.scratch or Path(tempfile.gettempdir()), args
        )
    share = np.cumsum(np.linalg.eigvalsh(spectrum.total)[::-1]) / np.trace(spectrum.total)
    report = {
        "task": f"recall@{K} against exact search; single queries, one thread, fresh process",
        "vectors": {
            "real": len(real),
            "dimension": int(real.shape[1]),
            "variance_in_first_16_32_64_directions": [
                round(float(share[min(i, len(share)) - 1]), 3) for i in (16, 32, 64)
            ],
            "variance_within_tracks": round(
                float(np.trace(spectrum.within) / np.trace(spectrum.total)), 3
            ),
            "vectors_a_cluster": spectrum.cluster,
        },
        "seed": args.seed,
        "queries": args.queries,
        "tables": tables,
        "load_average_15_min": round(os.getloadavg()[2], 1),
        "machine": describe_machine(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
