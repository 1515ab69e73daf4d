"""``recsys embeddings``: the audio vectors, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import NotReadyError
from recsys.cli.output import err, out
from recsys.cli.session import opened

if TYPE_CHECKING:
    from data.store import Store

app = typer.Typer(help="Take audio vectors elsewhere.", no_args_is_help=True)


@app.callback()
def noun() -> None:
    """Take audio vectors elsewhere."""


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--output", "-o", help="File to write: .parquet or .npz.")],
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder id [default: the current encoder].", show_default=False),
    ] = None,
) -> None:
    """Write track ids and their audio vectors to a parquet or numpy file."""
    from audio_model.encoder import EncoderCard
    from data.exporters.vectors import check_target, export_vectors
    from data.ids import IdMap

    check_target(file)
    with opened(context) as (workspace, store), err.status("writing"):
        encoder_id = encoder or EncoderCard.read(workspace.encoder_dir()).encoder_id
        dimension = vector_dimension(store, encoder_id)
        embedded = store.embedded(encoder_id)
        ids = [track.track_id for track in store.tracks() if track.track_id in embedded]
        vectors = store.embeddings(encoder_id, IdMap(ids), dimension)
        export_vectors(file, ids, vectors, encoder_id)
    out.print(f"{len(ids)} vectors of {dimension} numbers by {encoder_id}: {file}", markup=False)


def vector_dimension(store: Store, encoder_id: str) -> int:
    """Length of the encoder's vectors in the store.

    Raises
    ------
    NotReadyError
        If the store has none of this encoder.
    """
    dimensions = store.dimensions()
    if encoder_id not in dimensions:
        others = ", ".join(sorted(dimensions))
        raise NotReadyError(
            f"no track has a vector of encoder {encoder_id!r}: run `recsys embed`"
            + (f", or name one that there are vectors of: --encoder {others}" if others else "")
        )
    return dimensions[encoder_id]
