"""A small library that went the whole way, served to a real browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from api.app import create_app
from data.demo import DemoSize, write_demo_world
from data.importers.library import scan_library
from data.importers.listens import import_listens
from recsys.cli.encoder import embed_tracks
from recsys.cli.train import evaluate_workspace
from recsys.publishing import train_and_publish
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NAUGHTY = "<img src=x onerror=alert(1)>"
"""Title, artist, album and genre of one track."""
SIZE = DemoSize(n_artists=8, tracks_per_artist=3, n_listeners=80, n_events=1600, seconds=4.0)
SETTINGS = "[ranker]\nmin_listeners = 10\nmin_rows_in_leaf = 5\n[analysis]\nworkers = 2\n"
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
# A machine without a graphics card draws WebGL on the processor; Chromium wants to be asked.
_ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
              "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
              "--autoplay-policy=no-user-gesture-required"]  # fmt: skip


@dataclass(frozen=True)
class World:
    """An address, and what lies behind it."""

    address: str
    home: Path
    naughty: str = ""

    def song(self) -> Path:
        return sorted((self.home / "world" / "music").rglob("*.mp3"))[-1]


class _Quiet(WSGIRequestHandler):
    def log(self, *said: Any) -> None:
        pass


def _whole(app: WSGIApplication) -> WSGIApplication:
    """Read each answer to its end before it is sent.

    Werkzeug's server leaves a file open when the browser goes away while it is sent, which is an
    error here, and browsers go away whenever a test opens the next page.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        with closing(ClosingIterator(app(environ, start_response))) as parts:
            return [b"".join(parts)]

    return answer


@contextmanager
def served(home: Path) -> Iterator[str]:
    app = _whole(create_app(home))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("pages")
    (home / "recsys.toml").write_text(SETTINGS, "utf-8")
    demo = write_demo_world(home / "world", size=SIZE)
    broken = demo.music / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(300))
    workspace = Workspace.open(home)
    with workspace.open_store() as store:
        scan_library([demo.music], store).write_problems(workspace.problems("library-add"))
        naughty = sorted(store.tracks(), key=lambda track: track.path or "")[1]
        marked = replace(
            naughty, title=NAUGHTY, artist=NAUGHTY, album=NAUGHTY, album_artist=NAUGHTY,
            genre=NAUGHTY,
        )  # fmt: skip
        store.upsert_tracks([marked])
        import_listens(demo.listens, store)
        embed_tracks(workspace, store)
        train_and_publish(workspace, store, force=True)
        train_and_publish(workspace, store, force=True)
        evaluate_workspace(workspace, store)
    with served(home) as address:
        yield World(address, home, naughty.track_id)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("empty")
    with served(home) as address:
        yield World(address, home)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)  # as a page's own; a busy machine takes its time
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page must never do, unless a test allows it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()

    def allow(self, *parts: str) -> None:
        self.allowed += parts

    def check(self) -> None:
        left = [c for c in self.complaints if not any(part in c for part in self.allowed)]
        assert left == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages of any size and scheme; each must stay quiet and ask no other host."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def make(
        address: str, *, size: str = "desktop", scheme: str = "light", listener: str | None = None
    ) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            accept_downloads=True,
            permissions=["microphone"],
        )
        if listener is not None:
            context.add_init_script(f"localStorage.setItem('listener', '{listener}')")
        page = context.new_page()
        page.set_default_timeout(20_000)
        watch = Watch(page)
        said = watch.complaints
        page.on("pageerror", lambda error: said.append(f"error {error}"))
        page.on(
            "dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss())
        )
        page.on(
            "console",
            lambda line: line.type in ("error", "warning") and said.append(f"console {line.text}"),
        )
        host = "/".join(address.split("/")[:3])
        page.on(
            "request",
            lambda request: (
                request.url.startswith((host, "blob:", "data:"))
                or said.append(f"request {request.url}")
            ),
        )
        page.watch = watch  # type: ignore[attr-defined]
        page.goto(address)
        page.wait_for_selector("main:not([inert])")  # its script has come
        opened.append((context, watch))
        return page

    yield make
    for context, watch in opened:
        context.close()
        watch.check()
