"""How the tests of the views look at a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import CHROMIUM, SIZES

Open = Callable[..., Page]
in_a_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
WINDOWS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
every_window = pytest.mark.parametrize(("size", "scheme"), WINDOWS)
"""For the main path of a view: desktop and phone, light and dark."""


def titles(page: Page, within: str = "#results") -> list[str]:
    page.wait_for_selector(f"{within} .row")
    return page.locator(f"{within} .row .title").all_inner_texts()


def drawn(page: Page, canvas: str) -> int:
    """Different colours on a canvas, once it shows: an answer does not wait for its picture."""
    expect(page.locator(canvas)).to_be_visible()
    return page.evaluate(
        """(selector) => {
            const canvas = document.querySelector(selector);
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
            copy.drawImage(canvas, 0, 0);
            const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
            return new Set(new Uint32Array(data.buffer)).size;
        }""",
        canvas,
    )


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")
