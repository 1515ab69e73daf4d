"""``recsys recommend`` and ``recsys similar``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from data.errors import UnknownTrackError
from recsys.cli.output import err, out
from recsys.cli.session import opened

if TYPE_CHECKING:
    from data.store import Store
    from recsys.recommender import RecommendationList, Recommender
    from recsys.workspace import Workspace

Count = Annotated[int, typer.Option("-n", help="Length of the list.", min=1, max=1000)]
AsJson = Annotated[bool, typer.Option("--json", help="List as JSON.")]


def recommend(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the listener.")],
    n: Count = 20,
    as_json: AsJson = False,
) -> None:
    """Tracks for a listener, none of which they have heard."""
    with opened(context) as (workspace, store):
        answer = current_recommender(workspace, store).recommend(user, n)
        if answer.fallback:
            # Tracks that no source proposed: nobody's listening speaks for any.
            unheard = not any(item.sources for item in answer.items)
            instead = (
                "nobody else has played anything either, so the list is what is typical of the "
                "library; `recsys similar TRACK` goes by the sound of one track"
                if unheard
                else "the list is what most listeners play"
            )
            err.print(f"nothing is known about listener {user!r}: {instead}", markup=False)
        show_list(answer, store, as_json=as_json)


def similar(
    context: typer.Context,
    track: Annotated[str, typer.Argument(help="Id of a track, or an audio file.")],
    n: Count = 20,
    as_json: AsJson = False,
) -> None:
    """Tracks like a track of the catalogue, or like any audio file."""
    from audio_model.pool import AnalysisPool

    with opened(context) as (workspace, store):
        recommender = current_recommender(workspace, store)
        try:
            answer = recommender.similar(track, n)
        except UnknownTrackError:
            if not Path(track).is_file():
                raise
            limits = workspace.config.analysis.limits
            with AnalysisPool(recommender.encoder_dir, 1, limits) as pool:
                vector = pool.analyse(Path(track)).vector
            answer = recommender.similar_to_vector(vector, n)
        show_list(answer, store, as_json=as_json)


def current_recommender(workspace: Workspace, store: Store) -> Recommender:
    """Recommender of the current model, or of the newest before it that is not damaged.

    Which models were refused, and why, goes to standard error: standard output is for the list.
    """
    import structlog

    from recsys.live import LiveRecommender

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return LiveRecommender(workspace, store).current()


def show_list(answer: RecommendationList, store: Store, *, as_json: bool) -> None:
    """Print a list with the tracks' tags."""
    tracks = {
        track.track_id: track for track in store.tracks([item.track_id for item in answer.items])
    }
    if as_json:
        rows = [
            {
                "track_id": item.track_id,
                "score": item.score,
                "sources": list(item.sources),
                "reason": item.reason,
                "title": tracks[item.track_id].title,
                "artist": tracks[item.track_id].artist,
                "album": tracks[item.track_id].album,
            }
            for item in answer.items
        ]
        typer.echo(
            json.dumps(
                {
                    "items": rows,
                    "model_version": answer.model_version,
                    "fallback": answer.fallback,
                },
                ensure_ascii=False,
            )
        )
        return
    table = Table()
    for name in ("", "score", "artist", "title", "genre", "reason", "id"):
        table.add_column(
            name,
            justify="right" if name in ("", "score") else "left",
            overflow="fold" if name == "id" else "ellipsis",  # an id is for copying
        )
    for rank, item in enumerate(answer.items, start=1):
        track = tracks[item.track_id]
        cells = (
            str(rank),
            f"{item.score:.3f}",
            track.artist or "",
            track.title or "",
            track.genre or "",
            item.reason,
            item.track_id,
        )
        table.add_row(*(Text(cell) for cell in cells))
    out.print(table)
