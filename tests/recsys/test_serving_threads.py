from __future__ import annotations

import os

import pytest

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
