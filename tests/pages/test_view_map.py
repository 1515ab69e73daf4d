from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from bench.pages import PAN, made_up_map, pace
from tests.pages.conftest import NAUGHTY, World
from tests.pages.looking import Open, every_window, fits, in_a_browser, titles

pytestmark = in_a_browser


def ready_map(page: Page) -> None:
    page.wait_for_selector("#legend button")
    page.wait_for_function("() => document.querySelector('#map-state').children.length === 0")


def ring(page: Page) -> tuple[float, float] | None:
    """Where on the page the ring around the chosen point is: the middle of what has its colour."""
    return page.evaluate(
        """() => {
            const overlay = document.querySelector("#overlay");
            const accent = getComputedStyle(overlay).accentColor.match(/\\d+/g).map(Number);
            const { width, height } = overlay;
            const copy = new OffscreenCanvas(width, height).getContext("2d");
            copy.drawImage(overlay, 0, 0);
            const { data } = copy.getImageData(0, 0, width, height);
            let [x, y, n] = [0, 0, 0];
            for (let at = 0; at < data.length; at += 4) {
                const far = accent.reduce((sum, part, c) => sum + Math.abs(part - data[at + c]), 0);
                if (data[at + 3] < 250 || far > 12) continue;
                x += (at / 4) % width;
                y += Math.floor(at / 4 / width);
                n += 1;
            }
            const box = overlay.getBoundingClientRect();
            const scale = box.width / width;
            return n ? [box.left + (x / n) * scale, box.top + (y / n) * scale] : null;
        }"""
    )


def hover_over_the_ring(page: Page) -> None:
    for shake in range(20):  # the panel has just opened, and the map takes up its new width
        spot = ring(page)
        if spot:
            page.mouse.move(spot[0] + shake % 2, spot[1])
        page.wait_for_timeout(100)
        if page.locator("#tip").is_visible():
            return


def marked(page: Page) -> int:
    """Pixels that lie over the points."""
    return page.evaluate(
        """() => {
            const overlay = document.querySelector("#overlay");
            const { width, height } = overlay;
            const copy = new OffscreenCanvas(width, height).getContext("2d");
            copy.drawImage(overlay, 0, 0);
            const { data } = copy.getImageData(0, 0, width, height);
            return data.filter((value, at) => at % 4 === 3 && value).length;
        }"""
    )


@every_window
def test_the_map_draws_switches_views_and_opens_what_is_clicked(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/map", size=size, scheme=scheme)
    ready_map(page)
    with page.expect_response("**/similar?*"):
        page.locator("#map-search").fill("a")
        page.locator(".found li").first.click()
    chosen = page.locator("#beside h2").inner_text()
    assert len(titles(page, "#beside")) >= 5
    assert chosen not in titles(page, "#beside")
    page.locator("[value=pca]").check()
    page.locator("#colour").select_option("cold")
    expect(page.locator("#legend")).to_contain_text("cold")
    assert fits(page)


def test_points_are_on_the_canvas_and_answer_the_pointer(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/map?track={world.naughty}")
    ready_map(page)
    page.wait_for_selector("#beside .row")
    hover_over_the_ring(page)
    expect(page.locator("#tip b")).to_have_text(NAUGHTY)


def test_what_the_pointer_rests_on_is_heard_once_that_is_switched_on(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/map?track={world.naughty}")
    ready_map(page)
    page.wait_for_selector("#beside .row")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hover_over_the_ring(page)
    assert not [address for address in asked if address.endswith("/audio")]
    page.mouse.move(5, 5)
    page.get_by_role("button", name="Hear what the pointer rests on").click()
    with page.expect_request(lambda request: request.url.endswith(f"{world.naughty}/audio")):
        hover_over_the_ring(page)


@every_window
def test_a_lasso_catches_tracks_that_can_be_saved(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/map", size=size, scheme=scheme)
    ready_map(page)
    page.get_by_role("button", name="Lasso").click()
    box = page.locator("#points").bounding_box()
    assert box is not None
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.55), (0.5, 0.99), (0.01, 0.55)]
    around = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    for x, y in around:
        page.mouse.move(x, y)
    page.mouse.up()
    expect(page.locator("#beside h2")).to_contain_text("tracks")
    inside = titles(page, "#beside")
    assert len(inside) > 3
    page.locator("#beside").get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        page.locator("#beside").get_by_role("button", name="JSPF").click()
    saved = json.loads(Path(download.value.path()).read_text("utf-8"))["playlist"]["track"]
    assert [track["title"] for track in saved] == inside


def test_a_path_leads_from_one_track_to_another(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/map?track={world.naughty}")
    ready_map(page)
    page.wait_for_selector("#beside .row")
    page.get_by_role("button", name="Path to").click()
    far = page.request.get(f"{world.address}/v1/tracks?limit=30").json()["items"]
    goal = next(track for track in far if track["track_id"] != world.naughty)
    page.locator("#map-search").fill(goal["title"])
    page.locator(".found li").first.click()
    expect(page.locator("#beside h2")).to_have_text("Path")
    steps = titles(page, "#beside")
    assert steps[0] == NAUGHTY
    assert steps[-1] == goal["title"]
    assert ring(page)  # the line is drawn in the same colour


def test_a_listener_is_drawn_into_the_map(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/map", listener="listener0001")
    ready_map(page)
    before = marked(page)
    page.get_by_role("button", name="Show the listener's taste").click()
    expect(page.locator("#beside h2")).to_have_text("listener0001")
    assert titles(page, "#beside")
    assert marked(page) > before
    assert ring(page)  # what to play next


def test_a_song_that_was_dropped_in_is_drawn_into_the_map(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.set_input_files("#file", world.song())
    alike = titles(page)
    page.get_by_role("link", name="On the map").click()
    ready_map(page)
    expect(page.locator("#beside h2")).to_have_text(world.song().name)
    assert titles(page, "#beside") == alike
    assert ring(page)


def find(page: Page, title: str) -> None:
    page.locator("#map-search").fill(title)
    page.locator(".found li").first.click()


def another(page: Page, world: World) -> dict[str, str]:
    """A track that is not the naughty one and is called as no other."""
    tracks = page.request.get(f"{world.address}/v1/tracks?limit=30").json()["items"]
    called = [track["title"] for track in tracks]
    return next(
        track
        for track in tracks
        if track["track_id"] != world.naughty and called.count(track["title"]) == 1
    )


def test_a_path_that_was_begun_is_forgotten_with_its_panel(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/map?track={world.naughty}")
    ready_map(page)
    page.wait_for_selector("#beside .row")
    page.get_by_role("button", name="Path to").click()
    page.get_by_role("button", name="Close").click()
    goal = another(page, world)
    find(page, goal["title"])
    expect(page.locator("#beside h2")).to_have_text(goal["title"])


def test_a_point_that_could_not_be_asked_about_is_asked_about_again(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/map")
    page.watch.allow("503")  # type: ignore[attr-defined]
    ready_map(page)
    goal = another(page, world)
    address = f"**/v1/tracks/{goal['track_id']}"
    problem = {"status": 503, "detail": "the disk is gone"}
    page.route(address, lambda route: route.fulfill(status=503, json=problem))
    find(page, goal["title"])
    expect(page.locator("#announcer")).to_contain_text("the disk is gone")
    # Nor is it left out of a loop in silence.
    page.get_by_role("button", name="Lasso").click()
    page.locator("#points").press("Enter")
    expect(page.locator("#beside .message.failed")).to_contain_text("the disk is gone")
    page.unroute(address)
    page.locator("#beside").get_by_role("button", name="Try again").click()
    assert goal["title"] in titles(page, "#beside")
    find(page, goal["title"])
    expect(page.locator("#beside h2")).to_have_text(goal["title"])


def test_what_is_in_view_becomes_a_playlist_without_a_pointer(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/map")
    ready_map(page)
    page.get_by_role("button", name="Lasso").press("Enter")
    expect(page.locator("#announcer")).to_contain_text("Press Enter on the map")
    page.locator("#points").press("Enter")
    expect(page.locator("#beside h2")).to_have_text("24 tracks")
    expect(page.locator("#announcer")).to_have_text("24 tracks in view")
    assert len(titles(page, "#beside")) == 24
    for _ in range(4):
        page.locator("#points").press("+")
    page.get_by_role("button", name="Lasso").press("Enter")
    page.locator("#points").press("Enter")
    expect(page.locator("#beside h2")).not_to_have_text("24 tracks")
    inside = titles(page, "#beside")
    assert 0 < len(inside) < 24
    page.locator("#beside").get_by_role("button", name="Save").press("Enter")
    with page.expect_download() as download:
        page.locator("#beside").get_by_role("button", name="JSPF").press("Enter")
    saved = json.loads(Path(download.value.path()).read_text("utf-8"))["playlist"]["track"]
    assert [track["title"] for track in saved] == inside


def test_panels_that_were_replaced_follow_nothing_any_more(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/map", listener="listener0001")
    ready_map(page)
    page.get_by_role("button", name="Show the listener's taste").click()
    titles(page, "#beside")
    page.evaluate(
        """() => {
            globalThis.searched = 0;
            const list = document.querySelector("#beside > div:last-child");
            list.querySelectorAll = () => { globalThis.searched += 1; return []; };
            globalThis.field = document.querySelector("#beside input");
        }"""
    )
    page.locator("#beside .cover").first.click()
    assert page.evaluate("globalThis.searched") > 0
    find(page, another(page, world)["title"])
    page.wait_for_function("() => !globalThis.field.isConnected")
    page.evaluate("globalThis.searched = 0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#player .big").click()
    page.evaluate("globalThis.field.click()")  # would offer listeners
    page.wait_for_timeout(200)
    assert page.evaluate("globalThis.searched") == 0
    assert not [address for address in asked if "/v1/users" in address or "/session" in address]


def test_a_path_that_comes_after_its_panel_was_closed_draws_nothing(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/map?track={world.naughty}")
    ready_map(page)
    page.wait_for_selector("#beside .row")
    held: list[Route] = []
    page.route("**/v1/paths?*", lambda route: held.append(route))
    page.get_by_role("button", name="Path to").click()
    find(page, another(page, world)["title"])
    expect(page.locator("#beside h2")).to_have_text("Path")
    page.wait_for_function("() => document.querySelector('#beside .skeleton')")
    with page.expect_event("requestfailed", lambda request: "/v1/paths" in request.url):
        page.get_by_role("button", name="Close").click()
    assert len(held) == 1
    assert not ring(page)


@pytest.mark.slow
def test_a_map_of_a_hundred_thousand_points_pans_smoothly_or_says_that_it_thinned_them(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/quality")
    body = json.dumps(made_up_map(100_000))
    page.route("**/v1/map", lambda route: route.fulfill(body=body, content_type="application/json"))
    page.click("nav >> text=Map")
    page.wait_for_selector("#legend button", timeout=60_000)
    page.wait_for_timeout(1500)
    pace_of = [pace(page.evaluate(PAN, 1.5))["frames_a_second"] for _ in range(2)]
    said = page.locator("#legend .hint").inner_text()
    assert said.startswith("100,000 tracks")
    assert "of them while it moves" in said or pace_of[-1] >= 30
