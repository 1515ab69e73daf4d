"""``recsys encoder`` and ``recsys embed``: from sound to vectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from audio_model.quiet import muted_stderr
from recsys.cli.output import INCOMPLETE, err, out, progress, show_problems
from recsys.cli.session import opened

if TYPE_CHECKING:
    from audio_model.fitting import TrainProgress
    from data.store import Store
    from recsys.analysis import AnalysisReport
    from recsys.encoder_training import EncoderTraining
    from recsys.workspace import Workspace

app = typer.Typer(help="Train the audio encoder.", no_args_is_help=True)


@app.callback()
def noun() -> None:
    """Train the audio encoder."""


@app.command("train")
def train(
    context: typer.Context,
    recipe: Annotated[
        str | None, typer.Option(help="Recipe [default: encoder.recipe].", show_default=False)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps [default: the recipe's].", min=1, show_default=False)
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start with new weights.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Use the new encoder even if it is not better.")
    ] = False,
) -> None:
    """Train the encoder further on the library's audio, and use the result if it is better."""
    with opened(context) as (workspace, store):
        with muted_stderr():  # TensorFlow introduces itself, whatever TF_CPP_MIN_LOG_LEVEL says
            import audio_model.train  # noqa: F401
        from recsys.encoder_training import train_on_library

        with progress("training the encoder") as advance:

            def on_progress(state: TrainProgress) -> None:
                advance(state.step, state.steps, _course(state))

            training = train_on_library(
                workspace,
                store,
                recipe=recipe,
                steps=steps,
                from_scratch=from_scratch,
                force=force,
                on_progress=on_progress,
            )
        out.print(outcome(training), markup=False)


def _course(state: TrainProgress) -> str:
    """How training goes, behind its progress bar."""
    if state.stage == "decode":
        return "decoding"
    course = f"loss {state.loss:.3f} accuracy {state.accuracy:.2f}"
    if state.probe is not None:
        course += f" probe {state.probe.score:.3f} rank {state.probe.effective_rank:.0f}"
    return course


def outcome(training: EncoderTraining) -> str:
    """What came out of a training, in two lines."""
    origin = f"from {training.started_from}" if training.started_from else "from scratch"
    if training.probe is None or training.probe_before is None:
        verdict = "the library is too small to hold tracks out, so neither was judged"
    else:
        verdict = (
            f"on tracks of artists it has not heard: probe {training.probe.score:.3f} "
            f"against {training.probe_before.score:.3f} of {training.before}"
        )
    if training.taken:
        following = f"encoder {training.trained} is trained and current; next: recsys embed"
    else:
        following = (
            f"encoder {training.before} stays current; `recsys encoder train --force` takes the "
            "new one all the same"
        )
    return f"{training.trained} was trained {origin}; {verdict}\n{following}"


def embed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Analyse the tracks that have no vector of the current encoder; resumes where it stopped."""
    with opened(context) as (workspace, store):
        report = embed_tracks(workspace, store)
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "encoder_id": report.encoder_id,
                        "analysed": report.analysed,
                        "unchanged": report.unchanged,
                        "without_audio": report.without_audio,
                        "failed": [
                            {"path": problem.where, "reason": problem.reason}
                            for problem in report.failed
                        ],
                    }
                )
            )
        else:
            out.print(summary(report), markup=False)
        show_problems(report.failed, len(report.failed), workspace.problems("embed"))
        if report.failed:
            raise typer.Exit(INCOMPLETE)


def embed_tracks(workspace: Workspace, store: Store) -> AnalysisReport:
    """Run the analysis with a progress bar."""
    from recsys.analysis import embed_library

    encoder_dir = workspace.encoder_dir()
    if not store.n_tracks():
        err.print("the catalogue is empty: run `recsys library add FOLDER`")
    with progress("analysing") as advance:
        return embed_library(store, encoder_dir, workspace.config.analysis, on_progress=advance)


def summary(report: AnalysisReport) -> str:
    """One line about an analysis."""
    return (
        f"{report.analysed} analysed ({report.seconds / 3600:.1f} h of audio), "
        f"{report.unchanged} had a vector, {report.without_audio} without audio, "
        f"{len(report.failed)} failed"
    )
