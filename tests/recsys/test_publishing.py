"""What a bundle is published with."""

from __future__ import annotations

import json
import shutil

import numpy as np

from audio_model.encoder import EncoderCard
from data.events import Event
from data.store import Store
from data.tracks import Track
from ranker.config import RankerSettings
from recsys import publishing
from recsys.bundle import ENCODER
from recsys.config import Config
from recsys.publishing import train_and_publish
from recsys.workspace import Workspace
from tests.recsys.bad_logs import N_TRACKS, plays, track_id


def fill(workspace: Workspace, store: Store) -> None:
    card = EncoderCard.read(workspace.encoder_dir())
    store.upsert_tracks(Track(track_id(n)) for n in range(N_TRACKS))
    store.add_events(
        Event(f"e{row}", user, track_id(track), kind, when)
        for row, (user, track, kind, when) in enumerate(plays(20, 8))
    )
    vectors = np.random.default_rng(0).normal(size=(N_TRACKS, card.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store.put_embeddings(card.encoder_id, [(track_id(n), vectors[n], "") for n in range(N_TRACKS)])


def test_a_bundle_has_the_encoder_of_its_vectors_though_another_became_current_meanwhile(
    tmp_path, monkeypatch
):
    settings = RankerSettings(min_listeners=5, min_rows_in_leaf=5, trees=10, windows=1)
    workspace = Workspace(tmp_path / "home", Config(ranker=settings))
    shipped = EncoderCard.read(workspace.encoder_dir()).encoder_id
    other = workspace.encoders / "other"
    shutil.copytree(workspace.encoder_dir(), other)
    card = json.loads((other / "encoder.json").read_text("utf-8"))
    (other / "encoder.json").write_text(json.dumps(card | {"encoder_id": "other"}), "utf-8")
    fit_hybrid = publishing.fit_hybrid

    def meanwhile(*given):
        workspace.use_encoder("other")
        return fit_hybrid(*given)

    monkeypatch.setattr(publishing, "fit_hybrid", meanwhile)
    with workspace.open_store() as store:
        fill(workspace, store)
        manifest = train_and_publish(workspace, store).manifest
    assert EncoderCard.read(workspace.encoder_dir()).encoder_id == "other"
    inside = EncoderCard.read(workspace.models / manifest.version / ENCODER)
    assert (manifest.encoder_id, inside.encoder_id) == (shipped, shipped)
