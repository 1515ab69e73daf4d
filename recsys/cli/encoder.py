"""``recsys encoder`` and ``recsys embed``: from sound to vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import NotReadyError
from recsys.cli.output import INCOMPLETE, err, out, progress, show_problems
from recsys.cli.session import opened

if TYPE_CHECKING:
    from audio_model.train import TrainProgress
    from data.store import Store
    from recsys.analysis import AnalysisReport
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
) -> None:
    """Train the contrastive encoder on the library's audio and make it the current one."""
    with opened(context) as (workspace, store):
        folder = train_on_library(workspace, store, recipe=recipe, steps=steps)
        out.print(f"encoder {folder.name} is trained and current; next: recsys embed")


def train_on_library(
    workspace: Workspace, store: Store, *, recipe: str | None = None, steps: int | None = None
) -> Path:
    """Train on every track with audio; returns the encoder's folder."""
    from audio_model.quiet import muted_stderr
    from audio_model.recipes import recipe_named

    paths = [Path(track.path) for track in store.tracks() if track.path is not None]
    if not paths:
        raise NotReadyError(
            "the library has no audio to train on: run `recsys library add FOLDER` first"
        )
    config = workspace.config
    chosen = recipe_named(recipe or config.encoder.recipe)
    with muted_stderr():  # TensorFlow introduces itself, whatever TF_CPP_MIN_LOG_LEVEL says
        from audio_model.train import train_encoder

    with progress(f"training {chosen.name}") as advance:

        def on_progress(state: TrainProgress) -> None:
            advance(state.step, state.steps)

        folder = train_encoder(
            paths,
            chosen,
            out=workspace.encoders,
            cache=workspace.cache,
            seed=config.seed,
            steps=steps or config.encoder.steps,
            workers=config.analysis.workers,
            on_progress=on_progress,
        )
    workspace.use_encoder(folder.name)
    return folder


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
