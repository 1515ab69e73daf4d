"""From tables to what training starts from, through the product's own importers and store."""

from __future__ import annotations

from pathlib import Path

from bench.quality.vectors import Vectors
from data.importers.catalogue import import_catalogue
from data.importers.listens import import_listens
from data.store import Store
from recsys.training import TrainingData, load_training_data


def load(log: Path, catalogue: Path, vectors: Vectors | None, scratch: Path) -> TrainingData:
    """Import both tables into a store in `scratch`, put the vectors beside them, read it all."""
    store = Store.open(f"sqlite:///{scratch / 'recsys.db'}")
    try:
        tracks = import_catalogue(catalogue, store)
        listens = import_listens(log, store)
        print(
            f"{tracks.created} tracks, {listens.created} events, {listens.n_problems} rows left out"
        )
        if vectors is None:
            return load_training_data(store, "none", 1)
        known = {track.track_id for track in store.tracks()}
        store.put_embeddings(
            vectors.encoder_id,
            [
                (track_id, vector, "")
                for track_id, vector in zip(vectors.ids, vectors.vectors, strict=True)
                if track_id in known
            ],
        )
        return load_training_data(
            store, vectors.encoder_id, vectors.vectors.shape[1], vectors.content
        )
    finally:
        store.close()


def load_demo(home: Path) -> TrainingData:
    """The demo world: rendered, analysed by the shipped encoder, with its log."""
    from data.demo import write_demo_world
    from data.importers.library import scan_library
    from recsys.cli.encoder import embed_tracks
    from recsys.publishing import workspace_data
    from recsys.workspace import Workspace

    workspace = Workspace.open(home)
    store = workspace.open_store()
    try:
        world = write_demo_world(home / "world")
        scan_library([world.music], store)
        import_listens(world.listens, store)
        embed_tracks(workspace, store)
        return workspace_data(workspace, store)[0]
    finally:
        store.close()
