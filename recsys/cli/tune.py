"""``recsys tune``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recsys.cli.output import err, out, progress
from recsys.cli.session import opened

if TYPE_CHECKING:
    from recsys.tuning.search import TuningResult

INTERRUPTED = 130
Part = Literal["collaborative", "ranker"]


def tune(
    context: typer.Context,
    part: Annotated[
        Part, typer.Option(help="Whose settings: the collaborative model's, or the ranker's.")
    ] = "collaborative",
    trials: Annotated[int, typer.Option(help="Settings to try, at most.", min=1)] = 40,
    minutes: Annotated[
        float | None,
        typer.Option(help="Begin no trial after this time.", min=0, show_default=False),
    ] = None,
    core: Annotated[
        int,
        typer.Option(
            help="Keep listeners and tracks with at least this many partners (k-core).", min=0
        ),
    ] = 0,
    write: Annotated[
        bool, typer.Option("--write", help="Write the best settings into recsys.toml.")
    ] = False,
) -> None:
    """Search better settings of the collaborative model, or of the ranker, for this log."""
    from recsys.publishing import workspace_data
    from recsys.settings_file import as_toml, write_settings
    from recsys.training import restrict_to_core
    from recsys.tuning.collaborative import collaborative_task
    from recsys.tuning.ranker import ranker_task
    from recsys.tuning.search import tune as search

    with opened(context) as (workspace, store), progress("tuning") as advance:
        data, _ = workspace_data(workspace, store)
        if core:
            data = restrict_to_core(data, core)
        result = search(
            data,
            workspace.config,
            workspace.tuning,
            trials=trials,
            seconds=math.inf if minutes is None else 60 * minutes,
            part={"collaborative": collaborative_task, "ranker": ranker_task}[part],
            on_progress=advance,
        )
    out.print(describe(result), markup=False)
    if result.better:
        if write:
            file = workspace.home / "recsys.toml"
            write_settings(file, result.settings)
            out.print(
                f"written to {file}; prove them by `recsys evaluate`, then run `recsys train`",
                markup=False,
            )
        else:
            out.print(
                "to use them put this into recsys.toml, or run the command with --write:\n\n"
                + as_toml(result.settings).rstrip(),
                markup=False,
            )
    if result.interrupted:
        err.print("interrupted; what was tried is kept, run again to go on", markup=False)
        raise typer.Exit(INTERRUPTED)


def describe(result: TuningResult) -> str:
    """What the search found, in two lines, and a third where cold tracks were asked about."""
    gain = (
        f"{result.best:.4f} is the best of {result.trials} tried"
        if result.better
        else f"none of {result.trials} tried is better: leave them as they are"
    )
    before, after = result.cold
    cold = ""
    if not math.isnan(before):
        cold = f"\nof tracks nobody had heard, in lists of these alone: {before:.4f}"
        cold += f", {after:.4f} with the best" if result.better else ""
    return (
        f"NDCG@20 over {result.listeners} listeners of the validation window "
        "(what `recsys evaluate` holds out is not part of it):\n"
        f"{result.present:.4f} with the settings as they are, {gain}{cold}"
    )
