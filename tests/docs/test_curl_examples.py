"""Every ``curl`` command of the API's documentation, run as it stands against a whole service."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from api.app import build_app
from api.auth import Guard
from api.services import Services
from data.events import Event, EventKind
from data.listeners import Profile
from data.tracks import Track
from recsys.files import write_pointer
from recsys.versions import versions
from tests.api.kept import tone
from tests.api.served import at
from tests.api.whole import whole
from tests.recsys import bigger

DOCUMENT = Path(__file__).parents[2] / "docs" / "http-api.md"
ONE, OTHER, ADDED = "aeebd808f333d6d0", "706aca7c5dc3784c", "t-17"
OF_THE_PAGE = ("$KEY", "cookies")
"""What examples say that need a service which asks for keys."""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def commands() -> list[str]:
    """The commands in their order; one may go over several lines."""
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    found = [
        re.findall(r"^curl\b.*?(?=^\w|\Z)", block, re.DOTALL | re.MULTILINE) for block in blocks
    ]
    return [command for block in found for command in block]


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """A service without keys and one with them over the same workspace, and a folder to be in."""
    folder = tmp_path_factory.mktemp("curl")
    made = whole(folder)
    made.workspace.evaluation.write_text('{"format": 2}', "utf-8")
    (folder / "song.mp3").write_bytes(tone(3.0))
    kept: Services = made.app.extensions["recsys"]
    opened = build_app(replace(kept, guard=Guard()))
    with at(opened) as address, at(made.app) as guarded:
        yield made, address, guarded, folder


def prepare(made, folder):
    """What the examples take to be there."""
    write_pointer(made.workspace.models, versions(made.workspace.models)[-1])
    path = str(folder / "music" / "tone.wav")
    made.store.upsert_tracks(
        [
            replace(bigger.track(1), path=path),
            Track(ADDED, artist="The Warm Divers", title="Warm Hotel"),
        ]
    )
    made.store.set_withdrawn([ADDED], False)
    made.store.listeners.put("ada", Profile())
    made.store.add_events([Event("c1f0", "ada", bigger.track_id(1), EventKind.LIKE, 1e9)])


@pytest.mark.parametrize("command", commands(), ids=lambda c: re.sub(r"\s+", " ", c)[:70])
def test_an_example_is_answered_with_success(services, command) -> None:
    made, address, guarded, folder = services
    prepare(made, folder)
    address = guarded if any(sign in command for sign in OF_THE_PAGE) else address
    known = {
        "http://127.0.0.1:8000": address,
        ONE: bigger.track_id(1),
        OTHER: bigger.track_id(2),
        "$KEY": made.key,
        "The%20Warm%20Divers/similar": "artist%201/similar",
        r"20\d{6}T\d+-\w+": versions(made.workspace.models)[0],
    }
    if "/queries/" in command:
        upload = f"curl -sS -F file=@song.mp3 {address}/v1/similar"
        answer = subprocess.run(upload.split(), cwd=folder, capture_output=True, text=True)
        found = re.search(r'"query_id": ?"([\w-]+)"', answer.stdout)
        assert found is not None, answer.stdout
        known[r"(?<=queries/)[\w-]+"] = found[1]
    for pattern, text in known.items():
        command = re.sub(pattern if "\\" in pattern else re.escape(pattern), text, command)
    command = command.replace("curl", "curl -sS --fail-with-body", 1)
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"


def test_there_are_examples_of_every_kind() -> None:
    said = "\n".join(commands())
    assert len(commands()) > 40
    assert all(f"-X {method}" in said for method in ("PUT", "PATCH", "DELETE", "POST"))
