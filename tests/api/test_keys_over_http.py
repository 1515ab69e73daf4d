from __future__ import annotations

import re

import pytest

from api.app import build_app
from api.auth import Guard
from api.scopes import SESSION_COOKIE, is_declared
from data.access import Scope
from data.errors import NotFoundError, ParameterError
from data.store.keys import KeyStore
from recsys.access import Access, is_loopback, settle_access
from tests.api.conftest import make_world


@pytest.fixture
def keys(tmp_path):
    keys = KeyStore.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield keys
    keys.close()


def service(keys, access=Access.KEYS):
    world = make_world()
    object.__setattr__(world.services, "guard", Guard(keys, access))
    return build_app(world.services).test_client()


@pytest.fixture
def client(keys):
    return service(keys)


def bearing(key):
    return {"Authorization": f"Bearer {key}"}


LIST = "/v1/users/ada/recommendations"
EVENTS = {"events": [{"user_id": "ada", "track_id": "track 3", "kind": "like"}]}


def test_without_a_key_a_request_is_told_how_to_show_one(client):
    response = client.get(LIST)
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["type"] == "urn:recsys:problem:key"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="recsys"'


@pytest.mark.parametrize("key", ["recsys_guess", "", "a b", "\u00e9", "x" * 5000])
def test_a_key_that_nobody_made_is_refused(client, key):
    response = client.get(LIST, headers=bearing(key))
    assert response.status_code == 401
    assert "realm" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [
        ([Scope.READ], (200, 403, 403)),
        ([Scope.EVENTS], (403, 200, 403)),
        ([Scope.READ, Scope.EVENTS], (200, 200, 403)),
        ([Scope.ADMIN], (200, 200, 503)),  # nobody keeps models here
    ],
)
def test_a_key_may_do_what_its_scopes_say(client, keys, scopes, statuses):
    _, key = keys.create("player", scopes)
    found = (
        client.get(LIST, headers=bearing(key)),
        client.post("/v1/events", json=EVENTS, headers=bearing(key)),
        client.post("/v1/models/x/activate", headers=bearing(key)),
    )
    assert tuple(response.status_code for response in found) == statuses
    refused = [response for response in found if response.status_code == 403]
    assert all("insufficient_scope" in r.headers["WWW-Authenticate"] for r in refused)


@pytest.mark.parametrize("scopes", [[Scope.READ], [Scope.EVENTS], [Scope.READ, Scope.EVENTS]])
def test_only_an_admin_finds_out_whom_there_is(client, keys, scopes):
    _, key = keys.create("player", scopes)
    _, admin = keys.create("operator", [Scope.ADMIN])
    assert client.get("/v1/users", headers=bearing(key)).status_code == 403
    assert client.get("/v1/users?query=a").status_code == 401
    assert client.get("/v1/users", headers=bearing(admin)).status_code != 403


def test_a_revoked_key_is_refused_within_a_second(client, keys, monkeypatch):
    made, key = keys.create("player", [Scope.READ])
    assert client.get(LIST, headers=bearing(key)).status_code == 200
    keys.revoke(made.key_id)
    monkeypatch.setattr("api.auth.time.monotonic", lambda: 1e12)
    assert client.get(LIST, headers=bearing(key)).status_code == 401


def test_what_is_stored_does_not_open_the_service(client, keys, tmp_path):
    made, key = keys.create("player", [Scope.READ])
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.encode() not in stored
    assert made.key_id.encode() in stored


def test_health_pages_and_the_document_need_no_key(client):
    for path in (
        "/health/live",
        "/health/ready",
        "/",
        "/docs",
        "/openapi.json",
        "/static/icon.svg",
    ):
        with client.get(path) as response:
            assert response.status_code == 200, path
    assert client.get("/metrics").status_code == 401


def test_a_route_that_does_not_exist_is_404_for_everybody(client):
    assert client.get("/v1/nothing").status_code == 404
    assert client.delete("/v1/events").status_code == 405


def test_every_route_declares_who_may_ask(app):
    undeclared = {
        rule.endpoint for rule in app.url_map.iter_rules() if not is_declared(app, rule.endpoint)
    }
    assert undeclared == set()


def test_the_openapi_document_names_the_scope_of_every_route(client, keys):
    spec = client.get("/openapi.json").get_json()
    schemes = set(spec["components"]["securitySchemes"])
    open_routes = set()
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            for choice in operation["security"]:
                ((scheme, (scope,)),) = choice.items()
                assert scheme in schemes
                assert scope in list(Scope)
            if not operation["security"]:
                open_routes.add((method, path))
    assert open_routes == {
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/v1/session"),
        ("post", "/v1/session"),
        ("delete", "/v1/session"),
    }


def test_no_route_that_needs_a_key_answers_without_one(client):
    spec = client.get("/openapi.json").get_json()
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method != "parameters" and operation["security"]:
                response = client.open(re.sub(r"{\w+}", "x", path), method=method.upper())
                assert response.status_code == 401, (method, path)


# Until there is a key


def test_on_loopback_the_first_key_closes_the_service(keys, monkeypatch):
    client = service(keys, Access.UNTIL_KEYS)
    assert client.get(LIST).status_code == 200
    assert client.get("/v1/session").get_json()["access"] == "open"
    made, _ = keys.create("first", [Scope.READ])
    keys.revoke(made.key_id)  # and revoking it does not open it again
    monkeypatch.setattr("api.auth.time.monotonic", lambda: 1e12)
    assert client.get(LIST).status_code == 401


def test_without_keys_a_name_that_was_made_to_point_here_is_refused(keys):
    client = service(keys, Access.UNTIL_KEYS)
    response = client.get(LIST, headers={"Host": "evil.example:8000"})
    assert response.status_code == 421
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert client.get(LIST, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("auth", "host", "any_keys", "access"),
    [
        ("auto", "127.0.0.1", False, Access.UNTIL_KEYS),
        ("auto", "::1", False, Access.UNTIL_KEYS),
        ("auto", "localhost", True, Access.UNTIL_KEYS),
        ("auto", "0.0.0.0", True, Access.KEYS),
        ("keys", "127.0.0.1", True, Access.KEYS),
        ("off", "0.0.0.0", False, Access.OPEN),
    ],
)
def test_access_follows_from_setting_address_and_keys(auth, host, any_keys, access):
    assert settle_access(auth, host, any_keys=any_keys) is access


@pytest.mark.parametrize(
    ("auth", "host"), [("auto", "0.0.0.0"), ("auto", "music.example"), ("keys", "127.0.0.1")]
)
def test_a_service_that_needs_keys_and_has_none_does_not_start(auth, host):
    with pytest.raises(ParameterError, match="recsys keys create"):
        settle_access(auth, host, any_keys=False)


def test_loopback_is_told_by_address():
    assert is_loopback("127.8.9.1")
    assert is_loopback("[::1]")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost.example")


# Pages


def session(client, key):
    response = client.post("/v1/session", headers=bearing(key))
    assert response.status_code == 201
    return response


def test_a_page_trades_its_key_for_a_cookie_that_scripts_and_other_sites_do_not_get(client, keys):
    _, key = keys.create("page", [Scope.READ, Scope.EVENTS])
    cookie = session(client, key).headers["Set-Cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert key not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert client.get("/v1/session").get_json() == {
        "access": "session",
        "scopes": ["read", "events"],
    }
    assert client.get(LIST).status_code == 200


def test_over_tls_the_cookie_is_for_tls_only(client, keys):
    _, key = keys.create("page", [Scope.READ])
    response = client.post("/v1/session", headers=bearing(key), base_url="https://localhost")
    assert "Secure" in response.headers["Set-Cookie"].split("; ")


def test_a_session_ends_with_a_word_with_its_time_and_with_its_key(client, keys, monkeypatch):
    made, key = keys.create("page", [Scope.READ])
    session(client, key)
    client.delete("/v1/session", headers={"Sec-Fetch-Site": "same-origin"})
    assert client.get(LIST).status_code == 401
    session(client, key)
    assert client.get(LIST).status_code == 200
    keys.revoke(made.key_id)
    monkeypatch.setattr("api.auth.time.monotonic", lambda: 1e12)
    assert client.get(LIST).status_code == 401
    token = keys.open_session(made.key_id, -1.0)
    assert keys.session(token) is None


def test_a_session_needs_a_key_not_another_session(client, keys):
    assert client.post("/v1/session").status_code == 401
    _, key = keys.create("page", [Scope.READ])
    session(client, key)
    again = client.post("/v1/session", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_changes_nothing_from_another_origin(client, keys, headers, status):
    _, key = keys.create("page", [Scope.EVENTS])
    session(client, key)
    assert client.post("/v1/events", json=EVENTS, headers=headers).status_code == status


def test_where_no_key_is_asked_for_other_sites_change_nothing_either(keys):
    client = service(keys, Access.OPEN)
    assert client.post("/v1/events", json=EVENTS).status_code == 200
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = client.post("/v1/models/rollback", headers=headers)
        assert response.status_code == 403
        assert response.get_json()["type"] == "urn:recsys:problem:origin"


# Keeping keys


def test_keys_are_listed_with_those_that_were_revoked(keys):
    first, _ = keys.create("first", [Scope.READ], 60)
    second, _ = keys.create("second", [Scope.ADMIN])
    keys.revoke(first.key_id)
    listed = keys.all()
    assert [key.name for key in listed] == ["first", "second"]
    assert [key.revoked_at is None for key in listed] == [False, True]
    assert [key.requests_a_minute for key in listed] == [60, None]
    assert second.allows(Scope.EVENTS)
    assert not first.allows(Scope.EVENTS)


def test_a_key_needs_a_name_and_a_scope_and_only_what_exists_is_revoked(keys):
    with pytest.raises(ParameterError):
        keys.create(" ", [Scope.READ])
    with pytest.raises(ParameterError):
        keys.create("nothing", [])
    with pytest.raises(NotFoundError, match="recsys keys list"):
        keys.revoke("0123")
