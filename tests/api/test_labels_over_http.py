"""Newcomers of a record label, from the tags that are sent to the list that names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from api.app import build_app
from api.decoding import UploadDecoder
from api.services import Services
from data.store import Store
from recsys import catalogue
from recsys.recommender import Recommender
from recsys.workspace import Workspace
from tests.api.conftest import FakeLive
from tests.api.whole import QuickPool
from tests.recsys import bigger


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FlaskClient, Store]]:
    monkeypatch.setattr(catalogue, "CHECK_EVERY", 0.0)
    tracks = [
        replace(bigger.track(n), label=f"Label {bigger.sound(n)}") for n in range(bigger.N_TRACKS)
    ]
    workspace = Workspace.open(tmp_path)
    store = workspace.open_store()
    bigger.fill(store)
    store.upsert_tracks(tracks)
    live = FakeLive(Recommender(bigger.bundle(tmp_path / "bundle", tracks), store))
    decoder = UploadDecoder(QuickPool, 2)
    services = Services(store, live, decoder, max_upload_bytes=2**20, workspace=workspace)
    with build_app(services).test_client() as client:
        yield client, store
    store.close()


def test_a_new_track_of_a_label_is_listed_filtered_and_explained(service) -> None:
    client, store = service
    sent = {"title": "Late", "artist": "Nobody", "label": "Label 0; Label 3"}
    assert client.put("/v1/tracks/late", json=sent).get_json()["label"] == "Label 0"
    vector = bigger.vector_near(3, np.random.default_rng(9))
    store.put_embeddings(bigger.ENCODER, [("late", vector, "")])
    items = client.get("/v1/users/u00/recommendations?n=200").get_json()["items"]
    late = next(item for item in items if item["track_id"] == "late")
    assert late["sources"][0] == "label"
    assert late["reason"] == "new on Label 0, whose tracks you play"
    query = "/v1/users/u00/recommendations?n=200&label=label%200&label=Label%205"
    listed = [item["track_id"] for item in client.get(query).get_json()["items"]]
    labels = {client.get(f"/v1/tracks/{track}").get_json()["label"] for track in listed}
    assert "late" in listed
    assert labels == {"Label 0", "Label 5"}
    similar = client.get("/v1/tracks/t000/similar?n=200&label=Label%203").get_json()["items"]
    assert {bigger.sound(bigger.number(item["track_id"])) for item in similar} == {3}
