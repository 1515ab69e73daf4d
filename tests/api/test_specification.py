"""What the OpenAPI document promises, against everything that schemathesis makes of it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from api import gunicorn_conf
from api.cursors import MAX_LENGTH
from bench.serving.fuzz import fuzz
from data.tracks import Track
from tests.api.served import at
from tests.api.whole import whole

PHASES = ("examples", "fuzzing", "stateful")
"""The systematic phase takes minutes and is left to the benchmark."""
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The whole application behind a socket, and a key for it."""
    made = whole(tmp_path_factory.mktemp("whole"))
    with at(made.app) as address:
        yield made, address


def test_no_request_gets_an_answer_that_the_document_does_not_promise(served):
    made, address = served
    outcome = fuzz(address, made.app.spec, made.key, examples=8, phases=PHASES)
    assert outcome.errors == []
    assert outcome.findings == []
    documented = {
        f"{method.upper()} {path}"
        for path, operations in made.app.spec["paths"].items()
        for method in operations
    }
    assert outcome.operations >= documented
    assert {200, 201, 204, 404, 422} <= set(outcome.statuses)


def test_null_is_no_object_without_fields(served):
    made, _ = served
    made.store.upsert_tracks([Track("kept", title="Kept")])
    client, headers = made.app.test_client(), {"Authorization": f"Bearer {made.key}"}
    for method, path in (
        ("PUT", "/v1/tracks/kept"),
        ("PUT", "/v1/users/u01"),
        ("POST", "/v1/events"),
    ):
        answer = client.open(path, method=method, data="null", headers=headers | JSON)
        assert (answer.status_code, answer.json["detail"]) == (
            422,
            "expected a JSON object, received null",
        )
    assert made.store.track("kept").title == "Kept"


def test_a_track_is_withdrawn_by_true_and_by_nothing_like_it(served):
    made, _ = served
    made.store.upsert_tracks([Track("kept", title="Kept")])
    client, headers = made.app.test_client(), {"Authorization": f"Bearer {made.key}"}
    for value in (1, "true", "yes"):
        answer = client.patch("/v1/tracks/kept", json={"withdrawn": value}, headers=headers)
        assert answer.status_code == 422
    assert made.store.track("kept").title == "Kept"


def test_the_document_says_who_is_refused_and_which_ids_and_times_there_are(served):
    made, _ = served
    paths = made.app.spec["paths"]
    erase = paths["/v1/users/{user_id}"]["delete"]
    assert {"401", "403", "422", "429", "503"} <= set(erase["responses"])
    assert erase["parameters"][0]["schema"]["maxLength"] == 512
    assert set(paths["/health/live"]["get"]["responses"]) == {"200", "default"}
    assert paths["/v1/events"]["post"]["requestBody"]["required"] is True
    event = made.app.spec["components"]["schemas"]["EventIn"]["properties"]
    assert {choice.get("minimum") for choice in event["timestamp"]["anyOf"]} == {0, None}
    assert "414" in paths["/v1/users/{user_id}/events"]["get"]["responses"]
    longest = max(len(quote("\U0001f3b5" * 512)), MAX_LENGTH)
    assert gunicorn_conf.limit_request_line > longest + 200
