"""``recsys train`` and ``recsys evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from recsys.cli.output import err, out, progress
from recsys.cli.session import opened

if TYPE_CHECKING:
    from data.store import Store
    from recsys.bundle import Manifest
    from recsys.evaluation.report import Estimate, EvaluationReport
    from recsys.workspace import Workspace


def train(context: typer.Context) -> None:
    """Learn from the library and the log, and publish a new model version."""
    from recsys.publishing import train_and_publish

    with opened(context) as (workspace, store), err.status("training"):
        manifest = train_and_publish(workspace, store)
    out.print(describe(manifest), markup=False)


def describe(manifest: Manifest) -> str:
    """What a version was trained on, in two lines."""
    sound = f"encoder {manifest.encoder_id}" if manifest.encoder_id else "no sound"
    order = {
        "lambdarank": "LightGBM LambdaRank",
        "fusion": "reciprocal-rank fusion (too few listeners with new tracks to train a ranker)",
    }[manifest.ranker]
    return (
        f"model {manifest.version} is published and current\n"
        f"{manifest.n_tracks} tracks, {manifest.n_listeners} listeners, "
        f"{manifest.n_events} events, {sound}; ranked by {order}"
    )


def evaluate(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
    core: Annotated[
        int,
        typer.Option(
            help="Keep listeners and tracks with at least this many partners (k-core).", min=0
        ),
    ] = 0,
) -> None:
    """Hold out the end of the log and compare the hybrid with its parts and with controls."""
    with opened(context) as (workspace, store):
        report = evaluate_workspace(workspace, store, core=core)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show_report(report)


def evaluate_workspace(workspace: Workspace, store: Store, *, core: int = 0) -> EvaluationReport:
    """Evaluate, and keep the report in the workspace."""
    from recsys.evaluation.report import evaluate as run
    from recsys.files import write_atomically
    from recsys.publishing import workspace_data
    from recsys.training import restrict_to_core

    data, _ = workspace_data(workspace, store)
    if core:
        data = restrict_to_core(data, core)
    with progress("evaluating listeners") as advance:
        report = run(data, workspace.config, on_progress=advance)
    write_atomically(workspace.evaluation, report.model_dump_json(indent=2))
    return report


def show_report(report: EvaluationReport) -> None:
    """Print the report as tables."""
    if report.protocol == "temporal":
        how = "global temporal split: everything after the cut is held out"
    else:
        how = "random split per listener (the log has no times): optimistic, do not compare"
    out.print(
        f"{how}; {report.n_train_events} events to learn from, {report.n_test_events} held out.\n"
        f"Relevant = tracks a listener takes to for the first time. Ranking over the whole "
        f"catalogue, mean over listeners ± half its 95 % bootstrap interval, "
        f"ranker: {report.ranker}; "
        f"{report.candidate_recall:.0%} of the relevant tracks are among the candidates.",
        markup=False,
    )
    columns = [f"{metric}@{k}" for k in report.cutoffs for metric in ("recall", "ndcg")]
    for name, part in report.slices.items():
        table = Table(
            title=f"{name}: {part.n_items} tracks, {part.n_listeners} listeners, "
            f"{part.n_relevant} relevant",
            title_justify="left",
        )
        table.add_column("method")
        for column in columns:
            table.add_column(column, justify="right")
        for method, values in part.methods.items():
            table.add_row(
                method,
                *(_cell(values[column]) for column in columns),
                style="bold" if method == "hybrid" else "",
            )
        out.print(table)


def _cell(estimate: Estimate) -> str:
    """Mean and half the width of its interval."""
    return f"{estimate.mean:.3f} ±{(estimate.high - estimate.low) / 2:.3f}"
