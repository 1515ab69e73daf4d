"""Take the pictures of the web page that the documentation shows.

    recsys --home demo-data serve --port 8765        # in another terminal
    python docs/screenshots.py http://127.0.0.1:8765

Needs Playwright (among the development requirements) and Chromium. Writes
``page-<size>-<scheme>.png`` into ``docs/images``: desktop and phone, light and dark.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZES = {"desktop": (1180, 960, 1.0), "phone": (390, 844, 2.0)}
"""Name → width and height in CSS pixels, and device pixels to one of them."""
MAX_BYTES = 300_000


def take(browser: Browser, address: str, size: str, scheme: str, into: Path) -> Path:
    """Picture of the page at `address` once its list has come.

    Raises
    ------
    SystemExit
        If the picture is larger than a repository should carry.
    """
    width, height, scale = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#list .row", timeout=60_000)
    if size == "phone":  # the list lies below the forms
        page.evaluate("document.querySelector('#results').scrollIntoView()")
    path = into / f"page-{size}-{scheme}.png"
    page.screenshot(path=path)
    context.close()
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path.name} has {path.stat().st_size:,} bytes, at most {MAX_BYTES:,} are wanted")
    return path


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="address of a running service")
    parser.add_argument("--listener", default="listener0001", help="whose list to show")
    parser.add_argument("--into", type=Path, default=IMAGES, help="folder for the pictures")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    address = f"{arguments.url}/?{urlencode({'listener': arguments.listener})}"
    arguments.into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size in SIZES:
            for scheme in ("light", "dark"):
                path = take(browser, address, size, scheme, arguments.into)
                sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")
        browser.close()


if __name__ == "__main__":
    main()
