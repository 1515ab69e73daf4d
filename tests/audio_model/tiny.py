"""A training that takes seconds; run as a script it is killed in its middle."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from audio_model.frontend import FrontEnd
from audio_model.recipes import Recipe

STEPS = 12
TINY = Recipe(
    "tiny",
    FrontEnd(sr=8000, n_fft=256, hop_length=128, n_mels=16, chunk_frames=16, max_chunks=4),
    batch_tracks=4,
    steps=STEPS,
    filters=(4, 8),
    embedding_dim=8,
)


def kill_at(step: int):
    def report(progress):
        if progress.stage == "train" and progress.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return report


if __name__ == "__main__":
    from audio_model import fitting, train

    music, cache = Path(sys.argv[1]), Path(sys.argv[2])
    fitting.CHECKPOINT_EVERY = 5
    train.train_encoder(
        sorted(music.iterdir()), TINY, out=cache, cache=cache, on_progress=kill_at(8)
    )
