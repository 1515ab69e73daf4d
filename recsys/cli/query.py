"""``recsys recommend`` and ``recsys similar``."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from data.errors import ParameterError, UnknownTrackError
from recsys.cli.output import err, out
from recsys.cli.session import opened

if TYPE_CHECKING:
    from data.store import Store
    from recsys.filters import Filters
    from recsys.recommender import RecommendationList, Recommender
    from recsys.workspace import Workspace

E = TypeVar("E", bound=Enum)

Count = Annotated[int, typer.Option("-n", help="Length of the list.", min=1, max=1000)]
Genres = Annotated[list[str] | None, typer.Option("--genre", help="Only this genre; repeatable.")]
Artists = Annotated[
    list[str] | None, typer.Option("--artist", help="Only this artist; repeatable.")
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", help="Only this record label; repeatable.")
]
YearFrom = Annotated[int | None, typer.Option(help="Released this year or later.")]
YearTo = Annotated[int | None, typer.Option(help="Released this year or earlier.")]
AsJson = Annotated[bool, typer.Option("--json", help="List as JSON.")]


def recommend(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the listener.")],
    n: Count = 20,
    mode: Annotated[
        str | None,
        typer.Option(
            help="discover (new tracks), relisten (known ones) or mix; as set by default.",
            show_default=False,
        ),
    ] = None,
    genre: Genres = None,
    artist: Artists = None,
    label: Labels = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Id of a track that is not wanted; repeatable.")
    ] = None,
    popularity: Annotated[
        float | None, typer.Option(help="Towards little-known (-1) or popular (1) tracks.")
    ] = None,
    diversity: Annotated[
        float | None, typer.Option(help="0 to 1: how much tracks should differ.")
    ] = None,
    max_per_artist: Annotated[
        int | None, typer.Option(help="Tracks of one artist; 0 for any number.")
    ] = None,
    new_tracks: Annotated[
        float | None, typer.Option(help="0 to 1: share kept for tracks nobody has taken to.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="With --json: the numbers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tracks for a listener: new ones, known ones, or both."""
    with opened(context) as (workspace, store):
        from recsys.lists import Mode

        recommender = current_recommender(workspace, store)
        dials = {
            "popularity": popularity,
            "diversity": diversity,
            "max_per_artist": max_per_artist,
            "new_tracks": new_tracks,
        }
        answer = recommender.recommend(
            user,
            n,
            mode=None if mode is None else parsed(Mode, mode, "--mode"),
            filters=filters(genre, artist, label, year_from, year_to, exclude),
            dials=recommender.dials.turned(dials),
            explain=explain,
        )
        if answer.fallback:
            # Tracks that no source proposed: nobody's listening speaks for any.
            unheard = not any(item.sources for item in answer.items)
            instead = (
                "nobody else has played anything either, so the list is what is typical of the "
                "library; `recsys similar TRACK` goes by the sound of one track"
                if unheard
                else "the list is what most listeners play"
            )
            said = f"nothing known about listener {user!r} leads to a track: {instead}"
            err.print(said, markup=False)
        show_list(answer, store, as_json=as_json)


def similar(
    context: typer.Context,
    track: Annotated[str, typer.Argument(help="Id of a track, or an audio file.")],
    n: Count = 20,
    space: Annotated[
        str | None, typer.Option(help="audio, collaborative or hybrid; for tracks, not files.")
    ] = None,
    genre: Genres = None,
    artist: Artists = None,
    label: Labels = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    as_json: AsJson = False,
) -> None:
    """Tracks like a track of the catalogue, or like any audio file."""
    from audio_model.pool import AnalysisPool

    with opened(context) as (workspace, store):
        from recsys.similar import Space

        recommender = current_recommender(workspace, store)
        wanted = filters(genre, artist, label, year_from, year_to)
        chosen = None if space is None else parsed(Space, space, "--space")
        try:
            answer = recommender.similar(track, n, space=chosen, filters=wanted)
        except UnknownTrackError:
            if not os.path.isfile(track):  # noqa: PTH113  (no error for what is too long)
                raise
            limits = workspace.config.analysis.limits
            with AnalysisPool(recommender.encoder_dir, 1, limits) as pool:
                vector = pool.analyse(Path(track)).vector
            answer = recommender.similar_to_vector(vector, n, filters=wanted)
        show_list(answer, store, as_json=as_json)


def filters(
    genre: list[str] | None,
    artist: list[str] | None,
    label: list[str] | None,
    year_from: int | None,
    year_to: int | None,
    exclude: list[str] | None = None,
) -> Filters:
    """Filters of the options."""
    from recsys.filters import Filters

    return Filters(
        tuple(genre or ()),
        tuple(artist or ()),
        tuple(label or ()),
        year_from,
        year_to,
        frozenset(exclude or ()),
    )


def parsed(kind: type[E], value: str, option: str) -> E:
    """The choice that `value` names.

    Raises
    ------
    ParameterError
        If it names none.
    """
    try:
        return kind(value)
    except ValueError as error:
        choices = ", ".join(str(each.value) for each in kind)
        raise ParameterError(f"expected {option} to be one of {choices}, got {value!r}") from error


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
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        # Looked up at each line: whoever calls this as a function may have changed it since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
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
            | ({} if item.explanation is None else {"explanation": asdict(item.explanation)})
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
