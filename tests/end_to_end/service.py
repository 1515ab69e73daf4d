"""`recsys serve` as a process, and a client for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.end_to_end.command import environment

T = TypeVar("T")
PATIENCE = 120.0
"""Seconds; many times what anything here takes on an idle machine."""


@dataclass(frozen=True)
class Reply:
    """Status, headers and body of one response."""

    status: int
    kind: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """One running server, seen from outside."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log

    def get(self, path: str) -> Reply:
        return self._send(urllib.request.Request(self.address + path))

    def post(self, path: str, content: object) -> Reply:
        return self.send("POST", path, content)

    def send(self, method: str, path: str, content: object = None) -> Reply:
        """Request with a body of JSON, or without one."""
        headers = {} if content is None else {"Content-Type": "application/json"}
        body = None if content is None else json.dumps(content).encode()
        address = self.address + path
        return self._send(urllib.request.Request(address, body, headers, method=method))

    def upload(self, path: str, file: Path, *, method: str = "POST", **fields: str) -> Reply:
        edge = uuid.uuid4().hex
        name = file.name.encode("utf-8", "replace")
        parts = [
            b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (key.encode(), text.encode())
            for key, text in fields.items()
        ] + [
            b'Content-Disposition: form-data; name="file"; filename="%s"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n%s" % (name, file.read_bytes())
        ]
        body = b"".join(b"--%s\r\n%s\r\n" % (edge.encode(), part) for part in parts)
        body += b"--%s--\r\n" % edge.encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self._send(urllib.request.Request(self.address + path, body, headers, method=method))

    def version(self) -> str:
        return str(self.get("/health/ready").json()["model_version"])

    def descendants(self) -> list[int]:
        """Ids of the processes below the server."""
        found = _children(self.process.pid)
        for pid in found:
            found += _children(pid)
        return found

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def _send(self, request: urllib.request.Request) -> Reply:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return Reply(response.status, response.headers["Content-Type"], response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers["Content-Type"], error.read())


@contextmanager
def served(home: Path, scratch: Path) -> Iterator[Service]:
    """Server over `home` that answers; its temporary files go to ``scratch/tmp``."""
    (scratch / "tmp").mkdir(parents=True)
    log = scratch / "server.log"
    port = free_port()
    command = [sys.executable, "-m", "recsys", "--home", home, "serve", "--port", str(port)]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command,
            env=environment({"TMPDIR": str(scratch / "tmp")}),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        service = Service(process, f"http://127.0.0.1:{port}", log)
        try:
            until(lambda: _answers(service), log.read_text)
            yield service
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


def until(poll: Callable[[], T], explain: Callable[[], str] = str, seconds: float = PATIENCE) -> T:
    """First result of `poll` that is true."""
    deadline = time.monotonic() + seconds
    while not (found := poll()):
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _answers(service: Service) -> bool:
    assert service.process.poll() is None, service.log.read_text()
    try:
        return service.get("/health/live").status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for task in (sorted(tasks.iterdir()) if tasks.exists() else [])
        for child in (task / "children").read_text("ascii").split()
    ]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
