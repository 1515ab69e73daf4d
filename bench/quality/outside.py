"""The same split through other people's libraries, which shows how strong our baselines are.

    python -m bench.quality.outside --data FOLDER --rectools-python EXE --lenskit-python EXE

lastfm-2k, 5-core, random 80/20 per listener: the very split of ``python -m bench.quality hetrec``
with the same seed. What was learned from is written to a folder, RecTools and LensKit read it in
environments of their own and write lists of 20, and all lists, theirs and ours, are judged by our
metrics. ALS has equal settings everywhere (factors, λ, iterations, confidence of every pair: those
that the product chose) and several seeds. Neither library becomes a dependency of the project:

    python3.11 -m venv rectools
    rectools/bin/pip install 'rectools==0.19.0' lightgbm scikit-learn
    python3.11 -m venv lenskit          # 3.12 or later for LensKit 2026
    lenskit/bin/pip install lenskit     # brings torch; a build without CUDA does

On two cores ours take two minutes of processor time, RecTools six, LensKit half a minute. With
``--lists FOLDER`` theirs are kept there, and not asked for again while what they learn from and
their settings stay the same.

Results go to ``bench/results/quality_outside.json``: recall@20 and NDCG@20 with intervals, and
paired differences of ours and theirs by listener, with intervals and the p of the sign-flip test.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe_machine
from bench.quality.hetrec import CORE, convert
from bench.quality.lists import Lists, compared, judged, mean_over_seeds, read_lists
from bench.quality.sources import load
from cf_model.als import fit_als
from cf_model.confidence import signed_confidence
from cf_model.config import ALSSettings
from cf_model.model import CollaborativeModel
from data.arrays import Floats
from data.interactions import Interactions
from ranker.hybrid import Hybrid
from recsys.config import Config, load_config
from recsys.evaluation.baselines import EASE_REGULARIZATION
from recsys.evaluation.beyond import LENGTH
from recsys.evaluation.judging import Cases, find_cases, judge
from recsys.evaluation.methods import Asked, Method, methods
from recsys.holdout import hold_out
from recsys.training import fit_hybrid, restrict_to_core

RESULT = Path("bench/results/quality_outside.json")
OTHERS = {
    name: Path(__file__).with_name(f"other_{name}.py").resolve() for name in ("rectools", "lenskit")
}
TASK = ("train.npz", "settings.json")
"""What the others read."""
OURS = ("popular", "item_knn", "ease", "als", "hybrid")
ALS_SEEDS = 3


def main() -> None:
    """Split, ask everybody, judge, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.outside")
    parser.add_argument("--data", type=Path, required=True, help="folder of lastfm-2k")
    for name in OTHERS:
        parser.add_argument(f"--{name}-python", type=Path, help=f"interpreter that has {name}")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.add_argument("--config", type=Path, help="a recsys.toml")
    parser.add_argument("--lists", type=Path, help="where lists of others are kept, and found")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    config = load_config(arguments.config).model_copy(update={"seed": arguments.seed})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log, catalogue = convert(arguments.data, folder)
        data = restrict_to_core(load(log, catalogue, None, folder), CORE)
        train, test, *_ = hold_out(data.log, seed=config.seed)
        cases = find_cases(train, test, config)
        began = time.perf_counter()
        hybrid = fit_hybrid(data, train, config)
        lists = our_lists(hybrid, cases, config)
        seconds = {"ours": {"fit and list": round(time.perf_counter() - began, 1)}}
        kept = arguments.lists or folder
        kept.mkdir(parents=True, exist_ok=True)
        settings = write_task(kept, hybrid, cases, config)
        versions: dict[str, Any] = {}
        for name in OTHERS:
            python = vars(arguments)[f"{name}_python"]
            if python is not None:
                about = ask(name, python, kept)
                versions[name], seconds[name] = about["versions"], about["seconds"]
                lists |= read_lists(kept, name)
    wanted = [cases.new[user] for user in cases.users.tolist()]
    values = {name: judged(found, wanted) for name, found in lists.items()}
    values |= mean_over_seeds(values, ("ours", *OTHERS))
    results = {
        "machine": describe_machine(),
        "protocol": f"{CORE}-core, random 80/20 per listener, seed {config.seed}, full ranking",
        "tracks": len(data.catalogue.items),
        "listeners": len(cases.users),
        "settings": settings,
        "versions": versions,
        "load_average_5_min": round(os.getloadavg()[1], 1),
        "seconds": seconds,
        "ranker": hybrid.ranker.kind,
        **compared(values, config.seed),
    }
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    show(results)


def our_lists(hybrid: Hybrid, cases: Cases, config: Config) -> dict[str, Lists]:
    """Lists of our methods by name, ALS with as many seeds as the others have."""
    known = methods(hybrid, cases.histories, seed=config.seed)
    wanted = {name: known[name] for name in OURS}
    models = hybrid.models
    for seed in range(ALS_SEEDS):
        settings = als_settings(hybrid, config)
        als = fit_als(cases.histories, settings, models.confidence, seed=seed)
        wanted[f"als_{seed}"] = _by_als(als, hybrid)
    found = judge(hybrid, wanted, cases).lists
    return {f"ours_{name}": lists for name, lists in found.items()}


def als_settings(hybrid: Hybrid, config: Config) -> ALSSettings:
    """What the product's ALS was fitted with, defaults filled in."""
    fitted = hybrid.models.collaborative
    if fitted is None:
        raise SystemExit("the split holds nothing that anybody took to")
    return ALSSettings(
        factors=int(np.asarray(fitted.item_factors).shape[1]),
        regularization=fitted.regularization,
        iterations=config.als.iterations,
    )


def _by_als(als: CollaborativeModel, hybrid: Hybrid) -> Method:
    fold_in, heard = als.fold_in, als.support > 0
    factors = np.asarray(als.item_factors)

    def score(asked: Asked) -> Floats:
        history = asked.listener.history
        signed = signed_confidence(history, hybrid.models.confidence)
        scores = factors @ fold_in.user_factor(history.item_index, signed)
        return np.where(heard, scores, np.nan).astype(np.float32)

    return score


def write_task(folder: Path, hybrid: Hybrid, cases: Cases, config: Config) -> dict[str, Any]:
    """What the others learn from: pairs with their confidence, listeners to list for, settings."""
    histories: Interactions = cases.histories
    signed = signed_confidence(histories.pairs, config.confidence)
    took = signed > 0
    user = np.repeat(np.arange(len(histories.users)), np.diff(histories.indptr))
    np.savez(
        folder / TASK[0],
        users=cases.users,
        user=user[took],
        item=histories.pairs.item_index[took],
        confidence=signed[took],
    )
    settings = {
        **als_settings(hybrid, config).model_dump(),
        "als_seeds": ALS_SEEDS,
        "ease_regularization": EASE_REGULARIZATION,
        "n_items": len(histories.items),
        "depth": LENGTH,
    }
    (folder / TASK[1]).write_text(json.dumps(settings), "utf-8")
    return settings


def ask(name: str, python: Path, folder: Path) -> dict[str, Any]:
    """What library `name` says of itself; its lists lie in `folder`, made now unless they did."""
    task = hashlib.sha256()
    for part in TASK:
        task.update(folder.joinpath(part).read_bytes())
    told = folder / f"{name}.json"
    if told.exists():
        about: dict[str, Any] = json.loads(told.read_text("utf-8"))
        if about.get("task") == task.hexdigest():
            return about
    # Threads of OpenBLAS inside those of implicit slow ALS down severalfold.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([python, "-P", OTHERS[name], folder], check=True, env=environment)
    about = json.loads(told.read_text("utf-8")) | {"task": task.hexdigest()}
    told.write_text(json.dumps(about), "utf-8")
    return about


def show(results: dict[str, Any]) -> None:
    """Print both tables."""
    for part in ("methods", "differences"):
        print(f"\n{part}: recall@{LENGTH}, NDCG@{LENGTH}")
        for name, by_metric in results[part].items():
            cells = (
                f"{m['mean']:+.4f} [{m['low']:+.4f}, {m['high']:+.4f}]" for m in by_metric.values()
            )
            print(f"  {name:<60} {'  '.join(cells)}")


if __name__ == "__main__":
    main()
