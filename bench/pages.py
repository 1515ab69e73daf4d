"""How quickly the web page shows, answers and moves, in Chromium without a graphics card.

    python -m bench.pages --url http://127.0.0.1:8000 [--out bench/results/pages.json]

Needs a running service over the demo world (``recsys demo``), Playwright and Chromium. Each view is
opened in browser contexts of its own, so with nothing in a cache. A reaction is what the browser's
Event Timing says: from the input until the next picture, in steps of 8 ms; the time until the list
that an input asks for stands there is told beside it, and the processor time that the page took for
both, which others on the machine do not lengthen (steps of 10 ms, without what draws pixels). The
map pans over made-up points; a canvas of the same size that is only cleared tells what the machine
would give at best at that moment.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from bench.machine import describe_machine

SIZE = {"width": 1280, "height": 860}
LISTENER = "listener0001"
# A machine without a graphics card draws WebGL on the processor; Chromium wants to be asked.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
TARGETS = {"first_paint_ms": 1000, "reaction_ms": 100, "frames_a_second": 30}
GENRES, ARTISTS, GRID = 12, 5_000, 65_535

PAINTED = """() => new Promise((tell) => {
  new PerformanceObserver((seen) => {
    const [entry] = seen.getEntriesByName("first-contentful-paint");
    if (entry) tell(entry.startTime);
  }).observe({ type: "paint", buffered: true });
})"""
REACTIONS = """() => {
  globalThis.reactions = [];
  new PerformanceObserver((seen) => globalThis.reactions.push(...seen.getEntries()
    .filter((entry) => entry.interactionId).map((entry) => entry.duration)))
    .observe({ type: "event", durationThreshold: 16, buffered: false });
}"""
PAN = """async (seconds) => {
  const canvas = document.getElementById("points");
  canvas.setPointerCapture = () => {}; // no pointer stands behind these events
  const at = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, clientX: x, clientY: y, bubbles: true }));
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const [cx, cy] = [left + width / 2, top + height / 2];
  const frame = () => new Promise(requestAnimationFrame);
  at("pointerdown", cx, cy);
  const [began, times] = [await frame(), []];
  for (let now = began; now - began < seconds * 1000; now = await frame()) {
    times.push(now);
    const turn = (now - began) / 700;
    at("pointermove", cx + 160 * Math.sin(turn), cy + 110 * Math.sin(1.7 * turn));
  }
  at("pointerup", cx, cy);
  return times;
}"""
BLANK = """async (seconds) => {
  document.body.replaceChildren();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1000, 770];
  document.body.append(canvas);
  const gl = canvas.getContext("webgl", { antialias: false, alpha: false });
  const frame = () => new Promise(requestAnimationFrame);
  const [began, times] = [await frame(), []];
  for (let now = began; now - began < seconds * 1000; now = await frame()) {
    times.push(now);
    gl.clearColor(now % 1000 / 1000, 0.5, 0.5, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }
  return times;
}"""


def views(track: str, artist: str) -> dict[str, tuple[str, str]]:
    """Each view → its address, and what is there once it is complete."""
    return {
        "find similar": ("/", ".gallery a"),
        "for you": (f"/for-you?listener={LISTENER}", "#results .row"),
        "map": ("/map", "#legend li"),
        "track": (f"/track?id={track}", "#in-taste .row"),
        "artist": (f"/artist?{urlencode({'name': artist})}", "#results .row"),
        "quality": ("/quality", "#report .chart"),
        "library": ("/library", "#library .card"),
    }


def opened(browser: Browser, address: str) -> Page:
    """A page in a context of its own."""
    page = browser.new_context(viewport=SIZE, reduced_motion="reduce").new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    return page


def first_paint(browser: Browser, address: str, ready: str, repeats: int) -> dict[str, float]:
    """Milliseconds from asking for a view until something, and until everything, is there."""
    painted, complete = [], []
    for _ in range(repeats):
        page = opened(browser, address)
        page.wait_for_selector(ready)
        complete.append(page.evaluate("performance.now()"))
        painted.append(page.evaluate(PAINTED))
        page.context.close()
    return {
        "first_paint_ms": round(median(painted)),
        "first_paint_ms_worst": round(max(painted)),
        "complete_ms": round(median(complete)),
    }


def reaction(
    page: Page, do: Callable[[], object], done: Callable[[], object], repeats: int
) -> dict[str, float]:
    """Milliseconds from an input until the next picture, and until what it asks for is there."""
    shown, answered, worked = [], [], []
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable")

    def processor() -> float:
        found = browser.send("Performance.getMetrics")["metrics"]
        return next(1000 * one["value"] for one in found if one["name"] == "ProcessTime")

    for _ in range(repeats):
        page.evaluate("globalThis.reactions.length = 0")
        before = processor()
        began = page.evaluate("performance.now()")
        do()
        done()
        answered.append(page.evaluate("performance.now()") - began)
        page.wait_for_timeout(200)  # entries come after their frame
        worked.append(processor() - before)
        shown.append(page.evaluate("Math.max(8, ...globalThis.reactions)"))  # under 16 none is told
    return {
        "reaction_ms": median(shown),
        "reaction_ms_worst": max(shown),
        "answer_ms": round(median(answered)),
        "processor_ms": round(median(worked)),
    }


def reactions(browser: Browser, url: str, repeats: int) -> dict[str, dict[str, float]]:
    """Reactions to what people do most."""
    page = opened(browser, f"{url}/for-you")
    page.click("#stranger")
    page.wait_for_selector("#results .row")
    page.evaluate(REACTIONS)
    first = "document.querySelector('#results .row').dataset.track"

    def changed(act: str) -> dict[str, float]:
        button = page.locator(f"#results .row [data-act={act}]").first

        def do() -> None:
            page.evaluate(f"globalThis.was = {first}")
            button.click()

        return reaction(
            page, do, lambda: page.wait_for_function(f"() => {first} !== globalThis.was"), repeats
        )

    found = {"like": changed("like"), "skip": changed("skip")}

    def pick() -> None:
        page.keyboard.press("Escape")
        page.locator("#user").click()

    found["choose a listener"] = reaction(
        page, pick, lambda: page.wait_for_selector(".who-field li"), repeats
    )
    page.keyboard.press("Escape")

    def search() -> None:
        page.fill("#search", "")
        page.wait_for_selector(".search li", state="detached")
        page.press("#search", "t")

    found["search"] = reaction(page, search, lambda: page.wait_for_selector(".search li"), repeats)
    page.fill("#search", "")
    covers = page.locator("#results .cover")
    found["play and pause"] = reaction(
        page, lambda: covers.first.click(), lambda: page.wait_for_selector("#player b, #player a"),
        repeats,
    )  # fmt: skip
    page.context.close()
    page = opened(browser, f"{url}/map")
    page.wait_for_selector("#legend button")
    page.evaluate(REACTIONS)
    found["colour of the map"] = reaction(
        page,
        lambda: page.locator("#legend button").first.click(),
        lambda: page.wait_for_selector("#legend button"),
        repeats,
    )
    page.context.close()
    return found


def made_up_map(n: int, seed: int = 0) -> dict[str, object]:
    """Answer of ``GET /v1/map`` with `n` points in clouds, one a genre."""
    dice = np.random.default_rng(seed)
    genre = dice.integers(0, GENRES, n)
    middle = dice.uniform(0.15, 0.85, (GENRES, 2))
    places = np.clip(middle[genre] + dice.normal(0, 0.05, (n, 2)), 0, 1) * GRID

    def column(values: np.ndarray, kind: str) -> str:
        return base64.b64encode(values.astype(kind).tobytes()).decode()

    return {
        "track_ids": [f"t{row}" for row in range(n)],
        "views": {"pca": column(places.round().ravel(), "<u2")},
        "grid": GRID,
        "genres": [f"genre {code}" for code in range(GENRES)],
        "genre": column(genre, "<i4"),
        "artist": column(dice.integers(0, ARTISTS, n), "<i4"),
        "listeners": column(dice.zipf(1.6, n).clip(0, 10_000) - 1, "<i4"),
        "model_version": "made up",
        "request_id": "bench",
    }


def pace(times: list[float]) -> dict[str, float]:
    """Frames a second, and the frame that 5 % of frames are slower than."""
    apart = np.diff(times)
    return {
        "frames_a_second": round(1000 / float(apart.mean()), 1),
        "frame_ms_p95": round(float(np.quantile(apart, 0.95)), 1),
    }


def panning(browser: Browser, url: str, n: int, seconds: float, rounds: int) -> dict[str, object]:
    """Frames a second of the map with `n` points and of an empty canvas, in turns."""
    body = json.dumps(made_up_map(n))
    page = browser.new_context(viewport=SIZE, reduced_motion="reduce").new_page()
    page.set_default_timeout(120_000)
    page.route("**/v1/map", lambda route: route.fulfill(body=body, content_type="application/json"))
    page.goto(f"{url}/map")
    page.wait_for_selector("#legend button")
    page.wait_for_timeout(1500)
    page.evaluate(PAN, 1)  # shaders are compiled, buffers there
    blank = browser.new_context(viewport=SIZE).new_page()
    maps, blanks, loads = [], [], []
    for _ in range(rounds):
        blank.bring_to_front()
        blanks.append(pace(blank.evaluate(BLANK, seconds)))
        page.bring_to_front()
        maps.append(pace(page.evaluate(PAN, seconds)))
        loads.append(round(os.getloadavg()[0], 1))
        said = page.locator("#legend .hint").inner_text()
    page.context.close()
    blank.context.close()
    return {
        "points": n,
        "says": said,
        "map": maps,
        "blank_canvas": blanks,
        "load_average": loads,
        "share_of_blank": round(
            median(one["frames_a_second"] for one in maps)
            / median(one["frames_a_second"] for one in blanks),
            2,
        ),
    }


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="a running service over the demo world")
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round of panning")
    parser.add_argument("--only-map", action="store_true")
    parser.add_argument("--out", type=Path, help="where the report goes")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    report: dict[str, object] = {
        "machine": describe_machine(),
        "load_average_before": os.getloadavg(),
        "targets": TARGETS,
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        report["chromium"] = browser.version
        if not given.only_map:
            asked = playwright.request.new_context()
            track = asked.get(f"{given.url}/v1/tracks?limit=1").json()["items"][0]
            report["views"] = {
                name: first_paint(browser, given.url + address, ready, given.repeats)
                for name, (address, ready) in views(track["track_id"], track["artist"]).items()
            }
            report["reactions"] = reactions(browser, given.url, given.repeats)
        report["panning"] = panning(browser, given.url, given.points, given.seconds, 3)
        browser.close()
    report["load_average_after"] = os.getloadavg()
    text = json.dumps(report, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
