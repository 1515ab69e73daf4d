"""What analysing a file costs: against decoding alone, and against the naive path.

    python -m bench.encoder.analysis --music FOLDER [--tracks 6] [--long-minutes 120]

Everything runs in one process on one thread (BLAS, TensorFlow and TFLite alike), so that CPU time
compares. Each step is run `ROUNDS` times on each file, in turn with the others, and the fastest
counts: other work on the machine slows single rounds.

* ours: `Encoder.analyse`, which is what a child of `recsys embed` runs on a file;
* decoding: a loop of `SoundFile.read`, as much at a time as ours;
* naive: `librosa.load`, `melspectrogram`, `power_to_db`, and `predict` of the same network in
  Keras, on the same number of chunks, and on all that the track has side by side.

The network has the shipped encoder's architecture with untrained weights in both. Beside it: CPU
seconds until the first file can be analysed, and the peak memory of a child of `AnalysisPool` on a
generated file of two hours.
"""

from __future__ import annotations

# Heavy imports stand inside functions: the decoding children import this module again.
import argparse
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from audio_model.decode import BLOCK_VALUES, AudioStream
from bench.machine import describe_machine

ROUNDS = 4
FORMATS = (".mp3", ".ogg", ".flac")
EXCERPT_SECONDS = 30.0
MOST_SECONDS = 400.0
"""Longer tracks are left out: rounds would take minutes."""
STARTS = {
    "ours": "from audio_model.encoder import Encoder;"
    "from audio_model.shipped import SHIPPED_ENCODER; Encoder.load(SHIPPED_ENCODER)",
    "naive": "import librosa; librosa.load; librosa.feature.melspectrogram;"
    "from audio_model.network import build_network; from audio_model.recipes import RECIPES;"
    "build_network(RECIPES['default'], 0)",
}
Step = Callable[[Path], object]


def decode(path: Path) -> float:
    """Read all samples and drop them; seconds of sound."""
    frames = 0
    with soundfile.SoundFile(path) as sound:
        while block := len(
            sound.read(BLOCK_VALUES // sound.channels, dtype="float32", always_2d=True)
        ):
            frames += block
        return frames / sound.samplerate


def steps(scratch: Path) -> dict[str, Step]:
    """Everything that is timed."""
    import librosa
    import tensorflow as tf
    from threadpoolctl import threadpool_limits

    from audio_model.encoder import Encoder
    from audio_model.network import build_network
    from audio_model.recipes import RECIPES
    from audio_model.train import untrained_encoder

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    threadpool_limits(1)
    recipe = RECIPES["default"]
    encoder = Encoder.load(untrained_encoder(recipe, scratch))
    network = build_network(recipe, 0)
    frontend = encoder.frontend

    def naive(path: Path, every_chunk: bool) -> object:
        y, sr = librosa.load(path, sr=frontend.sr)
        mel = librosa.feature.melspectrogram(
            y=y, sr=sr, n_fft=frontend.n_fft, hop_length=frontend.hop_length, n_mels=frontend.n_mels
        )
        decibels = librosa.power_to_db(mel, ref=np.max, top_db=-frontend.min_db)
        width = frontend.chunk_frames
        starts = frontend.chunk_starts(decibels.shape[1])
        if every_chunk:
            starts = np.arange(0, decibels.shape[1] - width + 1, width)
        chunks = np.stack([decibels[:, start : start + width] for start in starts])[..., None]
        vector = network.predict(chunks, verbose=0).mean(axis=0)
        return vector / np.linalg.norm(vector)

    samples: dict[Path, list[np.ndarray]] = {}
    power: dict[Path, np.ndarray] = {}

    def mel(path: Path) -> object:
        if path not in samples:
            samples[path] = list(AudioStream(path, frontend.sr))
        return frontend.power(samples[path])

    def network_part(path: Path) -> object:
        if path not in power:
            power[path] = frontend.power(samples[path])
        return encoder.track_vector(frontend.chunks(power[path]))

    return {
        "decode": decode,
        "ours": encoder.analyse,
        "naive, same chunks": lambda path: naive(path, False),
        "naive, every chunk": lambda path: naive(path, True),
        "part: decode, mix, digest, resample": lambda path: list(AudioStream(path, frontend.sr)),
        "part: mel": mel,
        "part: chunks, network": network_part,
    }


def cpu_seconds(path: Path, timed: dict[str, Step]) -> dict[str, float]:
    """Fastest of several rounds of each step."""
    best = dict.fromkeys(timed, np.inf)
    for step in timed.values():
        step(path)  # warm: the page cache, compiled kernels, traced graphs of this shape
    for _ in range(ROUNDS):
        for name, step in timed.items():
            started = time.process_time()
            step(path)
            best[name] = min(best[name], time.process_time() - started)
    return best


def tracks_of(music: Path, count: int, scratch: Path, seed: int) -> dict[str, list[Path]]:
    """Files by format, and excerpts of 30 s as data sets have them.

    Debian ships hardly any FLAC, so Ogg files are decoded and written as FLAC and as MP3 where
    there are too few.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[Path]] = {}
    for suffix in (".ogg", ".mp3", ".flac"):
        files = sorted(music.rglob(f"*{suffix}"))
        order = [files[row] for row in rng.permutation(len(files))]
        lengths = ((path, soundfile.info(path).duration) for path in order)
        chosen = (path for path, length in lengths if 60.0 < length < MOST_SECONDS)
        found[suffix] = [path for path, _ in zip(chosen, range(count), strict=False)]
    for suffix in FORMATS:
        for path in found[".ogg"][: count - len(found[suffix])]:
            y, sr = soundfile.read(path, dtype="float32")
            found[suffix].append(scratch / f"{path.stem}{suffix}")
            soundfile.write(found[suffix][-1], y, sr)
    excerpts = []
    for path in found[".mp3"]:
        with soundfile.SoundFile(path) as sound:
            y = sound.read(int(EXCERPT_SECONDS * sound.samplerate))
            excerpts.append(scratch / f"30s-{path.stem}.mp3")
            soundfile.write(excerpts[-1], y, sound.samplerate)
    return {**{suffix: found[suffix] for suffix in FORMATS}, "30 s of .mp3": excerpts}


def compare(paths: list[Path], timed: dict[str, Step]) -> dict[str, object]:
    """CPU seconds of all files of one format together, and what they are multiples of."""
    total = dict.fromkeys(timed, 0.0)
    for path in paths:
        for name, seconds in cpu_seconds(path, timed).items():
            total[name] += seconds
    sound = sum(decode(path) for path in paths)
    return {
        "files": len(paths),
        "seconds_of_sound": round(sound, 1),
        "sound_per_cpu_second": {name: round(sound / total[name], 1) for name in timed},
        "ours_as_multiple_of_decode": round(total["ours"] / total["decode"], 2),
        "times_faster_than_naive_same_chunks": round(
            total["naive, same chunks"] / total["ours"], 2
        ),
        "times_faster_than_naive_every_chunk": round(
            total["naive, every chunk"] / total["ours"], 2
        ),
        # What remains if everything but decoding cost nothing: the bound of the ratio above.
        "times_faster_at_most": round(total["naive, same chunks"] / total["decode"], 2),
    }


def start_seconds(code: str) -> float:
    """CPU seconds of a fresh process until it is ready to analyse; the second run counts."""
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)


def long_file(path: Path, minutes: int, seed: int) -> None:
    """Stereo noise with a slope, minute after minute the same."""
    y = np.cumsum(np.random.default_rng(seed).standard_normal((44_100 * 60, 2)) * 0.002, axis=0)
    y = np.clip(y - y.mean(axis=0), -1.0, 1.0).astype(np.float32)
    with soundfile.SoundFile(path, "w", 44_100, 2) as out:
        for _ in range(minutes):
            out.write(y)


def peak_memory(path: Path) -> dict[str, float]:
    """Peak resident memory (VmHWM) of a child that analyses `path`, MB."""
    from audio_model.pool import AnalysisPool
    from audio_model.shipped import SHIPPED_ENCODER

    def peak() -> float:
        [child] = multiprocessing.active_children()
        status = Path(f"/proc/{child.pid}/status").read_text("ascii")
        return float(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024 / 1e6

    with AnalysisPool(SHIPPED_ENCODER, 1) as pool:
        before = peak()
        duration = pool.analyse(path).duration
        return {
            "hours": round(duration / 3600, 2),
            "mb_at_start": round(before),
            "mb_peak": round(peak()),
        }


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--tracks", type=int, default=6, help="files a format")
    parser.add_argument("--long-minutes", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("bench/results/encoder_analysis.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        by_format = tracks_of(arguments.music, arguments.tracks, scratch, arguments.seed)
        timed = steps(scratch)
        formats = {}
        for name, paths in by_format.items():
            formats[name] = compare(paths, timed)
            print(name, json.dumps(formats[name], indent=2), flush=True)
        memory = {}
        for suffix in (".mp3", ".flac"):
            path = scratch / f"long{suffix}"
            long_file(path, arguments.long_minutes, arguments.seed)
            memory[suffix] = peak_memory(path)
            path.unlink()
            print(suffix, memory[suffix], flush=True)
    report = {
        "task": "CPU seconds of one process on one thread, fastest of "
        f"{ROUNDS} rounds a file, warm; sums over the files of a format",
        "threads": {"BLAS": 1, "TensorFlow intra and inter op": 1, "TFLite": 1},
        "formats": formats,
        "cpu_seconds_until_ready": {name: start_seconds(code) for name, code in STARTS.items()},
        "long_file": memory,
        "load_average_15_min": round(os.getloadavg()[2], 1),
        "machine": describe_machine(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps({**report, "machine": None}, indent=2))


if __name__ == "__main__":
    main()
