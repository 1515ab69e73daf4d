"""A client that nobody here wrote, generated from the document, goes through a listener's day."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.kept import tone
from tests.api.served import at
from tests.api.whole import whole
from tests.recsys import bigger

NAME = "generated_recsys_client"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def package(made, tmp_path_factory):
    """Imports the parts of the generated client by their names."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(made.app.spec), "utf-8")
    scripts = Path(sys.executable).parent
    command = [scripts / "openapi-python-client", "generate", "--path", "openapi.json"]
    command += ["--output-path", NAME, "--meta", "none"]
    variables = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # Whatever holds more than JSON (audio, pictures, JSON lines) it leaves to its user.
    for warning in done.stdout.split("WARNING")[1:]:
        assert "Unsupported content_type" in warning, warning
    sys.path.insert(0, str(folder))
    yield lambda path: importlib.import_module(f"{NAME}.{path}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture
def client(made, package):
    with (
        at(made.app) as address,
        package("client").AuthenticatedClient(address, made.key) as client,
    ):
        yield client


def test_a_listeners_day_through_a_generated_client(package, client) -> None:
    models = package("models")
    listener, liked = "ada of the client", bigger.track_id(2)

    profile = models.UserIn(display_name="Ada", locale="en-GB")
    put = package("api.users.put_users_put_user").sync(listener, client=client, body=profile)
    assert (put.user_id, put.display_name) == (listener, "Ada")

    recommend = package("api.recommendations.get_recommendations_recommend").sync
    first = recommend(listener, client=client, n=5)
    assert first.fallback is True
    assert len(first.items) == 5

    kinds = models.EventKind
    events = [
        models.EventIn(listener, bigger.track_id(n), kinds.LIKE, event_id=f"client-{n}")
        for n in (2, 8, 14)
    ]
    receipt = package("api.events.post_events_post_events").sync(
        client=client, body=models.EventBatch(events)
    )
    assert (receipt.added, receipt.duplicates) == (3, 0)

    second = recommend(
        listener, client=client, n=10, explain=True, exclude_ids=[first.items[0].track_id]
    )
    assert second.fallback is False
    assert all(bigger.sound(bigger.number(item.track_id)) == 2 for item in second.items)
    explained = second.items[0].explanation
    whole_score = explained.base + sum(explained.contributions.additional_properties.values())
    assert whole_score == pytest.approx(explained.ranker_score, abs=1e-4)

    alike = package("api.similar.get_similar_similar").sync(
        liked, client=client, space=models.Space.AUDIO, n=3
    )
    assert liked not in [item.track_id for item in alike.items]
    file = package("types").File(io.BytesIO(tone(2.0)), "a.wav", "audio/wav")
    upload = package("api.similar.post_similar_similar_to_upload").sync(
        client=client, body=models.UploadForm(file, n=3)
    )
    assert len(upload.items) == 3

    seeds = [models.SeedIn(query_id=upload.query_id), models.SeedIn(track_id=liked, weight=-1.0)]
    lists = package("api.recommendations.post_recommendations_recommend_to_many").sync(
        client=client, body=models.RecommendationBody(seeds=seeds, n=4)
    )
    assert [len(found.items) for found in lists.lists] == [4]

    page = package("api.users.get_users_user_events").sync(listener, client=client, limit=2)
    assert [event.kind for event in page.items] == [kinds.LIKE] * 2
    erased = package("api.users.delete_users_delete_user").sync(listener, client=client)
    assert erased.erased_events == 3


def test_refusals_are_typed_problems(package, client) -> None:
    answer = package("api.tracks.get_tracks_track").sync("nothing", client=client)
    assert type(answer).__name__ == "Problem"
    assert (answer.status, answer.type_) == (404, "urn:recsys:problem:unknown-track")
    stranger = package("client").AuthenticatedClient(client._base_url, "not a key")
    answer = package("api.tracks.get_tracks_track").sync(bigger.track_id(1), client=stranger)
    assert (answer.status, answer.type_) == (401, "urn:recsys:problem:key")
