"""``recsys encoder report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from audio_model.quiet import muted_stderr
from recsys.cli.output import INCOMPLETE, err, out, progress, show_problems
from recsys.cli.session import opened

if TYPE_CHECKING:
    from audio_model.encoder import EncoderCard
    from data.store import Store
    from recsys.encoder_report.controls import Control
    from recsys.encoder_report.schema import EncoderReport, Estimate
    from recsys.workspace import Workspace


def report(
    context: typer.Context,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder id [default: the current one].", show_default=False)
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Id of an encoder to stand beside; repeatable.", show_default=False),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("-o", help="Folder to write into [default: in the workspace].",
                     show_default=False),
    ] = None,
    controls: Annotated[
        bool, typer.Option(help="Compare with an untrained network and MFCC statistics.")
    ] = True,
    tracks: Annotated[int, typer.Option(help="Most tracks that are judged.", min=10)] = 5000,
    robustness: Annotated[
        int, typer.Option(help="Tracks whose changed copies are looked up; 0 = none.", min=0)
    ] = 50,
    split: Annotated[
        Path | None,
        typer.Option(help="Official split: a table of track_id and split.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:  # fmt: skip
    """Measure an encoder on the library's labels; writes numbers, pictures and a page."""
    from audio_model.encoder import EncoderCard
    from data.importers.track_split import read_split
    from recsys.encoder_report.build import HTML_FILE, ReportOptions, report_on_encoder
    from recsys.encoder_report.subjects import encoder_folder

    with opened(context) as (workspace, store):
        chosen = encoder_folder(workspace, encoder)
        card = EncoderCard.read(chosen)
        target = (folder or workspace.encoder_report(card.encoder_id)).absolute()
        options = ReportOptions(
            against=tuple(encoder_folder(workspace, name) for name in against or ()),
            controls=_controls(workspace, store, card) if controls else {},
            max_tracks=tracks,
            robustness_tracks=robustness,
            split=None if split is None else read_split(split),
            seed=workspace.config.seed,
        )
        found, failed = report_on_encoder(workspace, store, chosen, target, options, progress)
        if as_json:
            typer.echo(json.dumps(found.model_dump(), indent=2))
        else:
            show_report(found)
        err.print(f"written to {target / HTML_FILE}", markup=False)
        if failed:
            show_problems(failed, len(failed), workspace.problems("embed"))
            raise typer.Exit(INCOMPLETE)


def _controls(workspace: Workspace, store: Store, card: EncoderCard) -> dict[str, Control]:
    """The controls; loads TensorFlow and librosa."""
    with muted_stderr():  # TensorFlow introduces itself, whatever TF_CPP_MIN_LOG_LEVEL says
        from recsys.encoder_report.mfcc import MFCCControl
        from recsys.encoder_report.untrained import UntrainedControl

    analysis = workspace.config.analysis
    return {
        "untrained": UntrainedControl(
            card, workspace.cache, analysis.workers, workspace.config.seed
        ),
        "mfcc": MFCCControl(store, analysis.workers, analysis.limits),
    }


def show_report(report: EncoderReport) -> None:
    """Print the report as tables."""
    left_out = "".join(f"; {count} {reason}" for reason, count in report.left_out.items())
    out.print(
        f"encoder {report.encoder_id} on {report.n_tracks} tracks{left_out}.\n"
        "Mean over tracks ± half its 95 % bootstrap interval; in the genre rows, neighbours by "
        f"the same artist don't count; linear probe: {report.linear_probe_split}.",
        markup=False,
    )
    names = list(report.methods)
    table = Table("metric", *names)
    for metric in report.methods[names[0]].metrics:
        table.add_row(metric, *(_cell(report.methods[name].metrics[metric]) for name in names))
    for row, digits in (("effective_rank", 1), ("hubness_skewness", 2), ("hubness_orphans", 3)):
        values = [getattr(report.methods[name], row) for name in names]
        table.add_row(row, *(f"{value:.{digits}f}" for value in values))
    out.print(table)
    if report.robustness is not None:
        copies = Table(
            "change", "cosine", "median rank", "first",
            title=f"changed copies of {report.robustness.n_tracks} tracks, looked up among "
            f"{report.robustness.n_candidates}",
            title_justify="left",
        )  # fmt: skip
        for name, found in report.robustness.distortions.items():
            copies.add_row(
                name, _cell(found.cosine), f"{found.median_rank:g}", f"{found.first.mean:.0%}"
            )
        out.print(copies)
    for name, reason in report.absent.items():
        out.print(f"{name}: absent, {reason}", markup=False)


def _cell(estimate: Estimate) -> str:
    """Mean and half the width of its interval."""
    return f"{estimate.mean:.3f} ±{(estimate.high - estimate.low) / 2:.3f}"
