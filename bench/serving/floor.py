"""What no recommender of this kind can be faster than, measured on the bundle that is served."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from api.app import create_app
from audio_model.encoder import Encoder
from data.store import Store
from ranker.features import compute_features
from ranker.ranking import lightgbm
from recsys.bundle import open_bundle
from recsys.catalogue import LiveCatalogue
from recsys.personal import PersonalLists
from recsys.threads import one_thread

BEST, CANDIDATES, TURNS = 500, 500, 200


@one_thread()
def floor(bundle: Path, store: Store, user_id: str) -> dict[str, float]:
    """Milliseconds of an exact search for 500 tracks and a prediction for 500 candidates.

    One process, one thread, the same arrays and the same trees as the service.
    """
    opened = open_bundle(bundle)
    models = opened.hybrid.models
    assert models.collaborative is not None
    view = LiveCatalogue(opened.hybrid, store, opened.manifest.encoder_id).current()
    history = PersonalLists(view, opened.version).history(user_id)
    listener = models.listener(history, history.item_index)
    rows = compute_features(models, listener, models.candidates(listener))
    rows = rows[np.arange(CANDIDATES) % len(rows)]
    factors, factor = np.asarray(models.collaborative.item_factors), listener.user_factor
    assert factor is not None
    booster = lightgbm.Booster(model_str=(bundle / "ranker.txt").read_text("utf-8"))
    took, processor = [], []
    for _ in range(TURNS):
        began, busy = time.perf_counter(), time.thread_time()
        score = factors @ factor
        best = np.argpartition(-score, BEST)[:BEST]
        best = best[np.argsort(-score[best])]
        searched = time.perf_counter()
        booster.predict(rows, num_threads=1)
        took.append((searched - began, time.perf_counter() - searched))
        processor.append(time.thread_time() - busy)
    search, predict = np.median(took, axis=0) * 1000
    total = np.sum(took, axis=1) * 1000
    return {
        "search_ms": round(float(search), 2),
        "predict_ms": round(float(predict), 2),
        "ms": round(float(np.median(total)), 2),
        "p99_ms": round(float(np.quantile(total, 0.99)), 2),
        "processor_ms": round(float(np.median(processor)) * 1000, 2),
        "trees": booster.num_trees(),
    }


@one_thread()
def processor_ms(home: Path, paths: Sequence[str]) -> dict[str, float]:
    """Milliseconds of processor that the application takes for requests, one after the other.

    In this process, on one thread like the service, and without a socket: what others do on the
    machine meanwhile changes it little.
    """
    client = create_app(home).test_client()
    took = []
    for path in paths:
        busy = time.thread_time()
        status = client.get(path).status_code
        took.append(time.thread_time() - busy)
        assert status == 200, (path, status)
    took = took[len(took) // 4 :]  # the first ones fill caches
    p50, p99 = np.quantile(took, [0.5, 0.99]) * 1000
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}


def upload_floor(file: Path, encoder_dir: Path, turns: int = 15) -> dict[str, float]:
    """Milliseconds that libsndfile needs to decode `file`, and the encoder for its chunks."""
    encoder = Encoder.load(encoder_dir)
    chunks = encoder.frontend.spectrogram(file, max_seconds=60.0).chunks
    decode, encode = [], []
    for _ in range(turns):
        began = time.perf_counter()
        with soundfile.SoundFile(file) as sound:
            while len(sound.read(65_536, dtype="float32")):
                pass
        decoded = time.perf_counter()
        encoder.track_vector(chunks)
        decode.append(decoded - began)
        encode.append(time.perf_counter() - decoded)
    parts = {"decode_ms": np.median(decode) * 1000, "encode_ms": np.median(encode) * 1000}
    parts["ms"] = sum(parts.values())
    return {name: round(float(value), 2) for name, value in parts.items()}
