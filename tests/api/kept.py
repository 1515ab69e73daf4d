"""An application over a real store in a real workspace, without a model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.app import build_app
from api.services import Services
from data.store import Store
from recsys.workspace import Workspace

MAX_UPLOAD_BYTES = 2**17
SETTINGS = """
[library]
roots = ["{roots}"]
stream = {stream}
"""


@dataclass
class Kept:
    """The application, what is behind it, and a client."""

    workspace: Workspace
    store: Store
    app: APIFlask
    client: FlaskClient

    def put(self, address: str, **body: Any) -> Any:
        return self.client.put(address, json=body)

    def play(self, track_id: str, method: str = "GET", **headers: str) -> Any:
        """Ask for the audio of a track; underscores in names of headers stand for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v1/tracks/{track_id}/audio"
        # Unbuffered, the test client leaves the file open.
        return self.client.open(path, method=method, headers=sent, buffered=True)

    def upload(self, track_id: str, content: bytes) -> Any:
        form = {"file": (io.BytesIO(content), "x.bin")}
        return self.client.put(f"/v1/tracks/{track_id}/audio", data=form, buffered=True)


def keep(folder: Path, *, stream: bool = True) -> Kept:
    """Application over a workspace in `folder`; music may lie in ``folder/music``."""
    home = folder / "home"
    home.mkdir()
    (folder / "music").mkdir()
    settings = SETTINGS.format(roots=folder / "music", stream=str(stream).lower())
    (home / "recsys.toml").write_text(settings, "utf-8")
    workspace = Workspace.open(home)
    store = workspace.open_store()
    services = Services(store, None, None, MAX_UPLOAD_BYTES, workspace=workspace)  # type: ignore[arg-type]
    app = build_app(services)
    return Kept(workspace, store, app, app.test_client())


def tone(seconds: float = 1.0, hertz: float = 440.0, form: str = "WAV") -> bytes:
    """A file of sound."""
    t = np.arange(int(seconds * 8000)) / 8000
    written = io.BytesIO()
    soundfile.write(written, 0.3 * np.sin(2 * np.pi * hertz * t), 8000, format=form)
    return written.getvalue()
