"""``recsys train`` and ``recsys evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from recsys.cli.output import err, out, progress
from recsys.cli.session import opened

if TYPE_CHECKING:
    from data.store import Store
    from recsys.evaluation.schema import Difference, Estimate, EvaluationReport
    from recsys.publishing import Published
    from recsys.workspace import Workspace


def train(
    context: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Publish even what is worse than the live model.")
    ] = False,
) -> None:
    """Learn from the library and the log, and publish a new model version."""
    from recsys.publishing import train_and_publish

    with opened(context) as (workspace, store), err.status("training"):
        published = train_and_publish(workspace, store, force=force)
    out.print(describe(published), markup=False)


def describe(published: Published) -> str:
    """What a version was trained on and how it compares, in a few lines."""
    manifest = published.manifest
    sound = f"encoder {manifest.encoder_id}" if manifest.encoder_id else "no sound"
    order = {
        "lambdarank": "LightGBM LambdaRank",
        "fusion": "reciprocal-rank fusion (too few listeners with new tracks to train a ranker)",
    }[manifest.ranker]
    known = {
        "lambdarank": "LightGBM LambdaRank",
        "habit": "habit (too few times or listeners to learn what is heard again)",
    }[manifest.relisten]
    return (
        f"model {manifest.version} is published and current\n"
        f"{manifest.n_tracks} tracks, {manifest.n_listeners} listeners, "
        f"{manifest.n_events} events, {sound}; ranked by {order}, "
        f"known tracks by {known}\n"
        f"{_convergence(manifest.objective)}{published.comparison}"
    )


def _convergence(objective: Sequence[float]) -> str:
    """How far ALS came down, and by how much in its last step; nothing where it had no step."""
    if len(objective) < 2:
        return ""
    last = objective[-1] / objective[-2] - 1.0
    return (
        f"ALS: objective {objective[0]:.4g} to {objective[-1]:.4g} in {len(objective)} iterations, "
        f"{last:+.2%} in the last\n"
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
    seeds: Annotated[
        int, typer.Option(help="Repeat with this many seeds; mean and spread are reported.", min=1)
    ] = 1,
    cold_share: Annotated[
        float, typer.Option(help="Hold out this share of the tracks entirely.", min=0, max=0.9)
    ] = 0.0,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Also train the hybrid without each of its parts.")
    ] = False,
    all_slices: Annotated[
        bool, typer.Option("--all-slices", help="Print the slices of listeners as well.")
    ] = False,
) -> None:
    """Hold out the end of the log and compare the hybrid with its parts and with controls."""
    with opened(context) as (workspace, store):
        report = evaluate_workspace(
            workspace, store, core=core, seeds=seeds, cold_share=cold_share, ablations=ablations
        )
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show_report(report, all_slices=all_slices)
        out.print(f"plots: {workspace.evaluation.with_suffix('.html')}", markup=False)


def evaluate_workspace(
    workspace: Workspace,
    store: Store,
    *,
    core: int = 0,
    seeds: int = 1,
    cold_share: float = 0.0,
    ablations: bool = False,
) -> EvaluationReport:
    """Evaluate, and keep the report in the workspace as JSON and as a page."""
    from recsys.evaluation.page import render_page
    from recsys.evaluation.report import evaluate as run
    from recsys.files import write_atomically
    from recsys.publishing import workspace_data
    from recsys.training import restrict_to_core

    data, _ = workspace_data(workspace, store)
    if core:
        data = restrict_to_core(data, core)
    with progress("evaluating listeners") as advance:
        report = run(
            data,
            workspace.config,
            seeds=seeds,
            cold_share=cold_share,
            ablations=ablations,
            on_progress=advance,
        )
    write_atomically(workspace.evaluation, report.model_dump_json(indent=2))
    write_atomically(workspace.evaluation.with_suffix(".html"), render_page(report))
    return report


def show_report(report: EvaluationReport, *, all_slices: bool = False) -> None:
    """Print the report as tables."""
    from recsys.evaluation.slices import MAIN

    out.print(_protocol(report), markup=False)
    columns = [f"{metric}@{k}" for k in report.cutoffs for metric in ("recall", "ndcg")]
    for name, part in report.slices.items():
        if not all_slices and name not in MAIN:
            continue
        table = Table(
            title=f"{name}: {part.meaning}; {part.n_items} tracks, {part.n_listeners} listeners, "
            f"{part.n_relevant} relevant, {part.candidate_recall['joined']:.0%} of them among the "
            "candidates",
            title_justify="left",
        )
        table.add_column("method")
        for column in columns:
            table.add_column(column, justify="right")
        table.add_column(f"hybrid minus, {columns[-1]}", justify="right")
        for method, values in part.methods.items():
            table.add_row(
                method,
                *(_cell(values[column]) for column in columns),
                _difference(part.hybrid_minus.get(method, {}).get(columns[-1])),
                style="bold" if method == "hybrid" else "",
            )
        out.print(table)
    out.print(_beyond_table(report))


def _protocol(report: EvaluationReport) -> str:
    if report.protocol == "temporal":
        how = "global temporal split: everything after the cut is held out"
    else:
        how = "random split per listener (the log has no times): optimistic, do not compare"
    if report.cold_share:
        how += f"; {report.cold_share:.0%} of the tracks held out entirely"
    return (
        f"{how}; {report.n_train_events} events to learn from, {report.n_test_events} held out.\n"
        f"Relevant = tracks a listener takes to for the first time (relisten: again). Ranking over "
        f"the whole catalogue, mean over listeners ± half its 95 % bootstrap interval, difference "
        f"with the p of a sign-flip test, ranker: {report.ranker}, "
        f"seed {report.seed} of {len(report.seeds)}."
    )


def _beyond_table(report: EvaluationReport) -> Table:
    columns = list(next(iter(report.beyond.values())).model_dump())
    table = Table(title="what the lists of 20 are like", title_justify="left")
    table.add_column("method")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for method, figures in report.beyond.items():
        values = figures.model_dump().values()
        table.add_row(method, *("–" if value is None else f"{value:.3f}" for value in values))
    return table


def _cell(estimate: Estimate) -> str:
    """Mean and half the width of its interval."""
    return f"{estimate.mean:.3f} ±{(estimate.high - estimate.low) / 2:.3f}"


def _difference(difference: Difference | None) -> str:
    if difference is None:
        return ""
    p = f"p={difference.p:.3f}" if difference.p >= 0.001 else "p<0.001"
    return f"{difference.mean:+.3f} {p}"
