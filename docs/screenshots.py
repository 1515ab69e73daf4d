"""Take the pictures of the web page that the documentation shows: `make screenshots URL=…`.

Needs a running service over the demo world, Playwright (among the development requirements) and
Chromium. Writes ``<view>-<size>-<scheme>.png`` into ``docs/images``. The page names Inter and P052
first, both free; without them it falls back to what the system has.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZES = {"desktop": (1280, 860, 1.0), "phone": (390, 844, 2.0)}
"""Name → width and height in CSS pixels, and device pixels to one of them."""
MAX_BYTES = 300_000
PATIENCE_MS = 120_000
COLOURS = 256
REFINED = 2  # without it, the few pixels of a legend get the colours of others
# A machine without a graphics card draws WebGL on the processor; Chromium wants to be asked.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@dataclass(frozen=True)
class Shot:
    """A view to take: its address, and what is there once it is complete."""

    name: str
    address: str
    ready: str
    song: FilePayload | None = None
    """A file to drop in."""


def shots(listener: str, track: str, artist: str, song: FilePayload) -> list[Shot]:
    """Every picture of the documentation."""
    return [
        Shot("similar", "/", "#results .row", song=song),
        Shot("for-you", f"/for-you?listener={listener}", "#results .row"),
        Shot("map", f"/map?track={track}", "#beside .row"),
        Shot("track", f"/track?id={track}", "#in-taste .row"),
        Shot("artist", f"/artist?{urlencode({'name': artist})}", "#in-taste .row"),
        Shot("quality", "/quality", ".version"),
        Shot("library", "/library", "#library .card"),
    ]


def take(browser: Browser, url: str, shot: Shot, size: str, scheme: str) -> bytes:
    """PNG of a view with a palette, since a repository should carry little."""
    width, height, scale = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url + shot.address)
    if shot.song is not None:
        page.set_input_files("#file", shot.song)
    page.wait_for_selector(shot.ready)
    _settle(page)
    picture = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    small = io.BytesIO()
    picture.convert("RGB").quantize(COLOURS, kmeans=REFINED).save(small, "PNG", optimize=True)
    return small.getvalue()


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # a frame of the map, the fonts


def main() -> None:
    """Take every picture.

    Raises
    ------
    SystemExit
        If a picture is larger than a repository should carry.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="address of a running service")
    parser.add_argument("--listener", default="listener0001", help="whose list to show")
    parser.add_argument("--into", type=Path, default=IMAGES, help="folder for the pictures")
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        asked = playwright.request.new_context()
        first = asked.get(f"{arguments.url}/v1/tracks?limit=1").json()["items"][0]
        track = first["track_id"]
        audio = asked.get(f"{arguments.url}/v1/tracks/{quote(track, safe='')}/audio")
        song: FilePayload = {
            "name": f"{first['title']}.mp3",
            "mimeType": "audio/mpeg",
            "buffer": audio.body(),
        }
        for shot in shots(arguments.listener, track, first["artist"], song):
            for size in SIZES:
                for scheme in ("light", "dark"):
                    content = take(browser, arguments.url, shot, size, scheme)
                    path = arguments.into / f"{shot.name}-{size}-{scheme}.png"
                    if len(content) > MAX_BYTES:
                        sys.exit(f"{path.name} has {len(content):,} bytes, more than {MAX_BYTES:,}")
                    path.write_bytes(content)
                    sys.stdout.write(f"{path.name}: {len(content):,} bytes\n")
        browser.close()


if __name__ == "__main__":
    main()
