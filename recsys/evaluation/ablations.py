"""The hybrid with a part taken out, sources and ranker learned again without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from data.events import EventLog
from ranker.hybrid import Hybrid
from recsys.config import Config
from recsys.training import TrainingData, fit_hybrid

_SOUND_TO_TASTE = ("bridge", "carried")
_FROM_LISTENERS = ("collaborative", "item_item", *_SOUND_TO_TASTE)


def ablated(
    data: TrainingData, log: EventLog, config: Config, whole: Hybrid
) -> Iterator[tuple[str, Hybrid]]:
    """Name and hybrid of each ablation that leaves something out of `whole` and something in it."""
    present = {source.name for source in whole.models.sources}
    if "audio" in present:
        without_sound = replace(data, embeddings=None)
        yield "hybrid_without_audio", fit_hybrid(without_sound, log, config)
    for name, left_out in (("collaborative", _FROM_LISTENERS), ("bridge", _SOUND_TO_TASTE)):
        if present.intersection(left_out):
            candidates = config.candidates.model_copy(update={"leave_out": left_out})
            without = config.model_copy(update={"candidates": candidates})
            yield f"hybrid_without_{name}", fit_hybrid(data, log, without)
