"""Searching settings on a validation window.

The window is cut from the part that `recsys evaluate` learns from: what evaluation holds out is
never looked at, so that its verdict on the tuned settings stays honest. The search is Optuna's
tree-structured Parzen estimator (Akiba et al., KDD 2019); its study lies in the workspace, and a
later run on the same log goes on with it. What is searched is a task, of which each part has one.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, IntDistribution

from data.errors import DataError
from recsys.config import Config
from recsys.holdout import HeldOut, hold_out
from recsys.training import TrainingData

K = 20
"""Length of the lists whose NDCG is maximised."""
Distribution: TypeAlias = IntDistribution | FloatDistribution

Settings = dict[str, int | float]
_COLD = "cold"
"""What a study calls the NDCG over cold tracks."""


class Scores(NamedTuple):
    """NDCG@`K` over all tracks, which is maximised, and over cold ones; NaN without any."""

    everything: float
    cold: float = math.nan


@dataclass(frozen=True)
class Task:
    """What is searched.

    Parameters
    ----------
    part : str
        Name of the part, under which its studies are kept.
    space : dict of str to Distribution
        Setting → values that are tried.
    window : HeldOut
        The validation window, and what lies before it.
    present : dict of str to number
        The settings as they are, those that go by the log worked out.
    scores : callable
        What a configuration gives; raises a `DataError` where it gives nothing.
    listeners : int
        Listeners that are asked.
    fixed : str
        What else the scores follow from: another study where it differs.
    """

    part: str
    space: dict[str, Distribution]
    window: HeldOut
    present: Settings
    scores: Callable[[Config], Scores]
    listeners: int
    fixed: str


@dataclass(frozen=True)
class TuningResult:
    """What a search has found so far.

    Parameters
    ----------
    present : float
        NDCG@`K` in the validation window with the settings as they are.
    best : float
        The highest of any trial, earlier runs included; NaN without one.
    cold : tuple of float
        NDCG@`K` over cold tracks alone with the settings as they are, and with those of `best`;
        NaN where there are none, or the part knows nothing of them.
    settings : dict of str to number
        Its settings, by their names in the settings file.
    trials : int
        Trials of all runs that came to an end.
    listeners : int
        Listeners that are asked.
    interrupted : bool
        The run was stopped from the keyboard.
    """

    present: float
    best: float
    settings: Settings
    trials: int
    listeners: int
    interrupted: bool
    cold: tuple[float, float] = (math.nan, math.nan)

    @property
    def better(self) -> bool:
        """Whether the search found anything better than what is set."""
        return self.best > self.present


def validation_window(data: TrainingData, config: Config) -> HeldOut:
    """The end of what `recsys evaluate` learns from, cut as it cuts the whole log."""
    return hold_out(hold_out(data.log, seed=config.seed).past, seed=config.seed)


def tune(
    data: TrainingData,
    config: Config,
    study_file: Path,
    *,
    part: Callable[[TrainingData, Config], Task],
    trials: int,
    seconds: float = math.inf,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> TuningResult:
    """Try `trials` more settings, or as many as begin within `seconds`.

    Parameters
    ----------
    study_file : Path
        SQLite file of the study; made where it does not exist.
    part : callable
        Makes the task.
    on_progress : callable, optional
        Called with trials done, trials to do, and the best NDCG so far.

    Raises
    ------
    DataError
        If nobody discovers anything in the validation window.
    """
    task = part(data, config)
    present = task.scores(config)
    study = _open_study(study_file, task, config)
    if not study.trials:
        _add_present(study, task, present)
    until = time.monotonic() + seconds
    interrupted = False
    for number in range(trials):
        if time.monotonic() >= until:
            break
        trial = study.ask(dict(task.space))
        tried: Settings = {name: _rounded(trial.params[name]) for name in task.space}
        try:
            found = task.scores(with_settings(config, tried))
            trial.set_user_attr(_COLD, found.cold)
            study.tell(trial, found.everything)
        except DataError:  # no finite factors with these settings
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        except KeyboardInterrupt:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            interrupted = True
            break
        if on_progress is not None:
            on_progress(number + 1, trials, f"NDCG@{K} {_best(study, task)[0].everything:.4f}")
    best, settings = _best(study, task)
    return TuningResult(
        present.everything,
        best.everything,
        settings,
        len(_finished(study)),
        task.listeners,
        interrupted,
        (present.cold, best.cold),
    )


def nothing_to_tune_by(window: HeldOut) -> DataError:
    """The error of a window in which nobody discovers anything."""
    return DataError(
        "nothing to tune by: in the validation window nobody plays a track that is new to them "
        f"({len(window.past)} events before it, {len(window.later)} in it); "
        "import more listens"
    )


def fixed_settings(config: Config, sections: set[str], space: dict[str, Distribution]) -> str:
    """The settings of `sections` that are not searched, in words that differ where they do."""
    fixed = config.model_dump(mode="json", include=sections)
    for name in space:
        section, key = name.split(".")
        del fixed[section][key]
    return repr(fixed)


def with_settings(config: Config, settings: Settings) -> Config:
    """`config` with the values of `settings`, named as in the settings file."""
    sections = config.model_dump()
    for name, value in settings.items():
        section, key = name.split(".")
        sections[section][key] = value
    # Not Config(**sections): the environment would override what is tried.
    return Config.model_construct(
        **{
            name: type(getattr(config, name)).model_validate(values)
            if isinstance(values, dict)
            else values
            for name, values in sections.items()
        }
    )


def _open_study(file: Path, task: Task, config: Config) -> optuna.Study:
    """The study of this task; another log, seed, cut or fixed setting has one of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file.parent.mkdir(parents=True, exist_ok=True)
    window = task.window
    digest = hashlib.sha256(f"{config.seed} {window.protocol} {window.cut} {task.fixed}".encode())
    for log in (window.past, window.later):
        for column in (log.user_index, log.item_index, log.kind, log.plays):
            digest.update(np.ascontiguousarray(column).tobytes())
    study = optuna.create_study(
        storage=f"sqlite:///{file}",
        study_name=f"{task.part}-{digest.hexdigest()[:16]}",
        direction="maximize",
        load_if_exists=True,
    )
    # A sampler begins anew in each run: the same seed would try the same settings again.
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(study.trials))
    return study


def _add_present(study: optuna.Study, task: Task, found: Scores) -> None:
    """Let the search know what the present settings give, where they lie in its space."""
    space = task.space
    if all(space[name].low <= number <= space[name].high for name, number in task.present.items()):
        study.add_trial(
            optuna.trial.create_trial(
                params=dict[str, Any](task.present),
                distributions=dict(space),
                value=found.everything,
                user_attrs={_COLD: found.cold},
            )
        )


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def _best(study: optuna.Study, task: Task) -> tuple[Scores, Settings]:
    if not _finished(study):
        return Scores(math.nan), {}
    trial = study.best_trial
    found = Scores(float(trial.value or 0.0), trial.user_attrs.get(_COLD, math.nan))
    return found, {name: _rounded(trial.params[name]) for name in task.space}


def _rounded(value: int | float) -> int | float:
    """Three digits of a fraction say all there is to say."""
    return value if isinstance(value, int) else float(f"{value:.3g}")
