"""Evaluate with several seeds, print the table, write the results."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe_machine
from bench.quality.further import further
from data.interactions import Interactions
from recsys.config import Config
from recsys.evaluation.methods import HYBRID
from recsys.evaluation.report import evaluate
from recsys.evaluation.schema import EvaluationReport
from recsys.training import TrainingData

SHOWN = ("recall@20", "ndcg@20")
_DIGITS = 4


def compare(
    data: TrainingData,
    config: Config,
    out: Path,
    *,
    protocol: str,
    seeds: int,
    cold_share: float,
    ablations: bool,
) -> None:
    """One evaluation a seed; `out` grows with each, so that an interruption costs one."""
    runs: list[dict[str, Any]] = []
    for seed in range(seeds):
        started = time.perf_counter()
        report = evaluate(
            data,
            config.model_copy(update={"seed": seed}),
            cutoffs=(20,),
            cold_share=cold_share,
            ablations=ablations,
            further=further,
        )
        runs.append(_run(report, time.perf_counter() - started))
        _show(f"seed {seed}", runs[-1]["slices"])
        results = {
            "machine": describe_machine(),
            "protocol": f"{protocol}, full ranking",
            "tracks": len(data.catalogue.items),
            "listeners": len(np.unique(data.log.user_index)),
            "pairs": len(Interactions.from_log(data.log).pairs),
            "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "load_average_5_min": round(os.getloadavg()[1], 1),
            "over_seeds": _over_seeds(runs),
            "runs": runs,
        }
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    _show("mean over seeds", _over_seeds(runs))


def _run(report: EvaluationReport, seconds: float) -> dict[str, Any]:
    dumped = report.model_dump(exclude={"bridge_calibration"})
    for part in dumped["slices"].values():
        del part["recall_curve"], part["over_seeds"]
    return {"seed": report.seed, "seconds": round(seconds, 1), **_rounded(dumped)}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, _DIGITS) if isinstance(value, float) else value


def _over_seeds(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of estimates and of paired differences, for each slice.

    ``above`` and ``below`` count the seeds whose interval of the difference lies on one side of 0.
    """
    summary: dict[str, Any] = {}
    for name, first in runs[0]["slices"].items():
        parts = [run["slices"][name] for run in runs if name in run["slices"]]
        summary[name] = {"methods": {}, "hybrid_minus": {}}
        for kind in ("methods", "hybrid_minus"):
            for method, by_metric in first[kind].items():
                own = [part[kind][method] for part in parts if method in part[kind]]
                summary[name][kind][method] = {
                    metric: _spread([values[metric] for values in own]) for metric in by_metric
                }
    return summary


def _spread(estimates: list[dict[str, float]]) -> dict[str, float]:
    means = [estimate["mean"] for estimate in estimates]
    found: dict[str, float] = {"mean": round(float(np.mean(means)), _DIGITS)}
    if len(means) > 1:
        found["sd"] = round(float(np.std(means, ddof=1)), _DIGITS)
    if "p" in estimates[0]:
        found["above"] = sum(estimate["low"] > 0 for estimate in estimates)
        found["below"] = sum(estimate["high"] < 0 for estimate in estimates)
    return found


def _show(title: str, slices: dict[str, Any]) -> None:
    for name in ("all", "warm", "cold", "warm_competing", "cold_competing", "relisten"):
        if name not in slices:
            continue
        print(f"\n{title}, {name}: {', '.join(SHOWN)}; hybrid minus it")
        for method, values in slices[name]["methods"].items():
            line = "  ".join(f"{values[metric]['mean']:.4f}" for metric in SHOWN)
            if method != HYBRID:
                differences = slices[name]["hybrid_minus"][method]
                line += "  " + "  ".join(_signed(differences[metric]) for metric in SHOWN)
            print(f"  {method:<28} {line}", flush=True)


def _signed(difference: dict[str, float]) -> str:
    if "p" in difference:
        return f"{difference['mean']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}]"
    sure = f"{difference['above']} above, {difference['below']} below 0"
    return f"{difference['mean']:+.4f} ({sure})"
