from __future__ import annotations

import os

import pytest
from gunicorn.util import parse_address

from recsys.cli.serve import run_server


@pytest.mark.parametrize(("own", "expected"), [(None, "1"), ("3", "3")])
def test_linear_algebra_has_one_thread_unless_somebody_wants_more(
    workspace, monkeypatch, own, expected
):
    began = []
    monkeypatch.setattr(os, "execve", lambda *given: began.append(given))
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if own is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", own)
    run_server(workspace)
    [(_, _, variables)] = began
    assert variables["OPENBLAS_NUM_THREADS"] == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("::1", "[::1]:8000"), ("[::1]", "[::1]:8000"), ("127.0.0.1", "127.0.0.1:8000")],
)
def test_the_address_that_the_server_is_given_is_one_that_it_can_read(
    workspace, monkeypatch, capsys, host, expected
):
    began = []
    monkeypatch.setattr(os, "execve", lambda *given: began.append(given))
    run_server(workspace, host=host)
    [(_, command, _)] = began
    assert command[command.index("--bind") + 1] == expected
    assert parse_address(expected) == (expected.removesuffix(":8000").strip("[]"), 8000)
    assert f"http://{expected} " in capsys.readouterr().err.replace("\n", " ")
