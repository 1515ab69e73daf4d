from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

PROBLEM_KEYS = {"type", "title", "status", "detail", "errors", "request_id"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/v1//tracks/x", 404),
        ("GET", "/static/nothing.css", 404),
        ("DELETE", "/v1/events", 405),
        ("GET", "/v1/tracks/ghost", 404),
        ("GET", "/v1/tracks/ghost/similar", 404),
        ("GET", "/v1/users/ada/recommendations?n=0", 422),
        ("POST", "/v1/events", 415),
        ("POST", "/v1/similar", 422),
    ],
)
def test_every_error_has_the_one_shape(client, method, path, status):
    response = client.open(path, method=method)
    body = json.loads(response.data)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert set(body) == PROBLEM_KEYS
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]


def test_405_names_the_allowed_methods(client):
    assert "POST" in client.get("/v1/events").headers["Allow"]


def test_an_unexpected_error_tells_the_log_and_not_the_client(client, world, capsys):
    world.live.error = RuntimeError("password=hunter2")
    response = client.get("/v1/users/ada/recommendations", headers={"X-Request-ID": "r-1"})
    assert response.status_code == 500
    assert "hunter2" not in response.get_data(as_text=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (logged,) = [line for line in lines if line["event"] == "unhandled"]
    assert logged["request_id"] == response.get_json()["request_id"] == "r-1"
    assert "hunter2" in logged["exception"]


@pytest.mark.parametrize("token", ["abc-123", "A" * 64, "a.b_c"])
def test_a_sane_request_id_is_kept(client, token):
    response = client.get("/health/live", headers={"X-Request-ID": token})
    assert response.headers["X-Request-ID"] == token


@pytest.mark.parametrize("token", ["", "a b", "A" * 65, '"}{', "é"])
def test_an_odd_request_id_is_replaced(client, token):
    response = client.get("/health/live", headers={"X-Request-ID": token})
    assert re.fullmatch(r"[0-9a-f]{24}", response.headers["X-Request-ID"])


@pytest.mark.parametrize("path", ["/", "/docs", "/v1/tracks/ghost", "/static/css/base.css"])
def test_every_response_carries_the_security_headers(client, path):
    with client.get(path) as response:
        headers = response.headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_access_log_has_the_route_but_nobody_in_it(client, capsys):
    client.get("/v1/users/ada-lovelace/recommendations?n=7")
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert entry["route"] == "/v1/users/<id:user_id>/recommendations"
    assert (entry["method"], entry["status"]) == ("GET", 200)
    assert entry["milliseconds"] >= 0
    assert "lovelace" not in line


def test_the_openapi_document_lists_every_route(app, client):
    spec = client.get("/openapi.json").get_json()
    listed = {(method.upper(), path) for path, ops in spec["paths"].items() for method in ops}
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}
        if rule.endpoint.split(".")[0] not in {"static", "openapi", "pages"}
    }
    assert listed == served
    assert "servers" not in spec
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(spec)))
    assert references <= set(spec["components"]["schemas"])


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_use_nothing_inline_and_nothing_from_elsewhere(client, path):
    html = client.get(path).get_data(as_text=True)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert addresses
    assert all(address.startswith(("/", "#")) for address in addresses)


def test_the_docs_page_names_every_operation_and_field(client):
    html = client.get("/docs").get_data(as_text=True)
    spec = client.get("/openapi.json").get_json()
    assert all(f"<code>{path}</code>" in html for path in spec["paths"])
    for schema in spec["components"]["schemas"].values():
        assert all(f"<code>{field}</code>" in html for field in schema.get("properties", {}))


def test_the_server_settings_leave_the_application_to_the_workers():
    code = (
        "import sys, api.gunicorn_conf\n"
        "sys.exit(' '.join({'flask', 'prometheus_client', 'numpy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_loads_no_training_library():
    code = (
        "import sys, api.app\n"
        "heavy = {'tensorflow', 'keras', 'librosa', 'numba', 'pandas'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
