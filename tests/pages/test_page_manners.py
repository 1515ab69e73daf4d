from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.pages.conftest import NAUGHTY, World
from tests.pages.looking import Open, every_window, fits, in_a_browser

pytestmark = in_a_browser
SETTLED = {
    "/": ".gallery a",
    "/for-you?listener=listener0001": "#results .row",
    "/map?track={naughty}": "#beside .row",
    "/track?id={naughty}": "#in-taste .row",
    "/artist?name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E": "#in-sound .row",
    "/quality": ".version",
    "/library": "#library table",
    "/docs": ".method",
}
"""Each view → what is there once it is complete."""


def visit(world: World, open_page: Open, view: str, **how: str) -> Page:
    page = open_page(world.address + view.format(naughty=world.naughty), **how)
    page.wait_for_selector(SETTLED[view])
    return page


@pytest.mark.parametrize("view", SETTLED)
@every_window
def test_axe_finds_nothing_serious(
    world: World, open_page: Open, view: str, size: str, scheme: str
) -> None:
    page = visit(world, open_page, view, size=size, scheme=scheme)
    found = [
        f"{part['id']}: {node['html'][:160]}"
        for part in Axe().run(page).response["violations"]
        if part["impact"] in ("serious", "critical")
        for node in part["nodes"][:3]
    ]
    assert found == []
    assert fits(page)


@pytest.mark.parametrize("view", [view for view in SETTLED if view != "/docs"])
def test_markup_in_tags_stays_text(world: World, open_page: Open, view: str) -> None:
    page = visit(world, open_page, view)
    page.locator("#search").fill(NAUGHTY)
    expect(page.locator(".found li").first).to_contain_text(NAUGHTY)
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("/", "recsys library add"),
        ("/for-you", "recsys train"),
        ("/map", "recsys train"),
        ("/quality", "recsys evaluate"),
        ("/library", "recsys train"),
        ("/track", "Which track?"),
        ("/artist", "Which artist?"),
    ],
)
def test_an_empty_workspace_says_what_to_do(
    empty: World, open_page: Open, view: str, says: str
) -> None:
    page = open_page(empty.address + view)
    page.watch.allow("404", "503")  # type: ignore[attr-defined]
    expect(page.locator("main")).to_contain_text(says)


def test_an_error_of_the_service_shows_with_a_way_to_try_again(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    page.watch.allow("500")  # type: ignore[attr-defined]

    def fail(route: Route) -> None:
        problem = {"status": 500, "detail": "something failed here", "request_id": "r17"}
        route.fulfill(status=500, json=problem)

    page.route("**/recommendations?*", fail)
    page.goto(f"{world.address}/for-you?listener=ada")
    expect(page.locator(".message.failed")).to_contain_text("something failed here (r17)")
    page.unroute("**/recommendations?*")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("#results .row")


def test_a_slow_answer_is_announced(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.wait_for_selector(".gallery a")
    page.clock.install()
    held: list[Route] = []
    page.route("**/recommendations?*", lambda route: held.append(route))
    page.click("nav >> text=For you")
    page.fill("#user", "ada")
    page.click("#who button:has-text('Go')")
    page.wait_for_selector(".skeleton")
    page.clock.run_for(8500)
    expect(page.locator("#results")).to_contain_text("Still at it")
    held[0].continue_()
    page.wait_for_selector("#results .row")


def test_a_slow_analysis_is_announced_and_can_be_given_up(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.wait_for_selector(".gallery a")
    page.clock.install()
    page.route("**/v1/similar", lambda _: None)
    page.set_input_files("#file", world.song())
    expect(page.locator("#query-note")).to_have_text("Sending …")
    expect(page.locator("#spectrogram")).to_be_visible()  # drawn before any answer
    page.clock.run_for(8500)
    expect(page.locator("#results")).to_contain_text("Still at it")
    page.click("#cancel")
    expect(page.locator("#results")).to_contain_text("Given up")
    expect(page.locator("#query")).to_be_hidden()


@pytest.mark.parametrize(
    ("view", "asks", "place"),
    [
        ("/", "**/v1/tracks?*", "#results"),
        ("/map", "**/v1/map", "#map-state"),
        ("/track?id={naughty}", "**/v1/tracks/*", "#track"),
        ("/artist?name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "**/v1/artists/*", "#results"),
        ("/quality", "**/v1/evaluation", "#report"),
        ("/quality", "**/v1/models", "#versions"),
        ("/library", "**/v1/library", "#library"),
    ],
)
def test_every_view_says_what_failed_and_lets_try_again(
    world: World, open_page: Open, view: str, asks: str, place: str
) -> None:
    page = open_page(f"{world.address}/docs")
    page.watch.allow("503")  # type: ignore[attr-defined]
    problem = {"status": 503, "detail": "the disk is gone", "request_id": "r9"}
    page.route(asks, lambda route: route.fulfill(status=503, json=problem))
    page.goto(world.address + view.format(naughty=world.naughty))
    failed = page.locator(f"{place} .message.failed")
    expect(failed).to_contain_text("the disk is gone (r9)")
    page.unroute(asks)
    failed.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(0)
    if view == "/map":
        expect(page.locator("#legend")).to_contain_text("24 tracks")


def test_an_unknown_track_and_artist_are_named_problems(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/track?id=ghost")
    page.watch.allow("404")  # type: ignore[attr-defined]
    expect(page.locator("#track .message")).to_contain_text("ghost")
    page.goto(f"{world.address}/artist?name=Nobody")
    expect(page.locator("#artist .message")).to_contain_text("Nobody")


def test_the_keyboard_goes_through_lists_plays_and_likes(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0003")
    page.wait_for_selector("#results .row")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("#results .row").nth(1)
    expect(second).to_be_focused()
    title = second.locator(".title").inner_text()
    page.keyboard.press(" ")
    expect(page.locator("#player .now-title")).to_have_text(title)
    page.keyboard.press("l")
    expect(page.locator("#announcer")).to_contain_text(f"Liked {title}")
    expect(page.locator("#announcer")).to_be_in_viewport()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_a_press_fades_nothing_which_a_software_renderer_is_slow_at(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0007")
    page.wait_for_selector("#results .row")
    expect(page.locator("#announcer")).not_to_be_in_viewport()
    page.route("**/v1/events", lambda _: None)  # told, and not answered yet
    page.locator("#results [data-act=like]").first.click()
    page.wait_for_selector(".row.told [data-act=like]:disabled")
    faded = page.evaluate(
        """() => [...document.querySelectorAll(".row.told, .row.told *, #announcer")]
            .filter((part) => Number(getComputedStyle(part).opacity) < 1).length"""
    )
    assert faded == 0


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_rows_glide_unless_somebody_asked_for_less_motion(
    world: World, open_page: Open, wish: str, moves: bool
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0006")
    page.emulate_media(reduced_motion=wish)  # type: ignore[arg-type]
    page.wait_for_selector("#results .row")
    page.evaluate(
        """() => {
            globalThis.moved = 0;
            const animate = Element.prototype.animate;
            Element.prototype.animate = function (...how) {
                globalThis.moved += 1;
                return animate.apply(this, how);
            };
        }"""
    )
    gone = page.locator("#results .row").first.get_attribute("data-track")
    page.locator("#results .row").first.get_by_role("button", name="Hide").click()
    expect(page.locator(f"#results [data-track='{gone}']")).to_have_count(0)
    assert (page.evaluate("globalThis.moved") > 0) is moves


def test_a_track_without_an_artist_leaves_no_link_in_the_player(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/docs")
    play = """async (track) => (await import("/static/js/player.js")).play([track])"""
    by = page.locator("#player .now-by")
    for artist in (None, "Mira Okafor", None):
        title = f"by {artist}"
        page.evaluate(play, {"track_id": world.naughty, "title": title, "artist": artist})
        expect(page.locator("#player .now-title")).to_have_text(title)
        expect(by).to_have_text(artist or "")
        assert (by.get_attribute("href") is None) is (artist is None)


def test_back_returns_and_the_chosen_theme_stays(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001", scheme="light")
    page.locator("#results .title").first.click()
    page.wait_for_url("**/track?id=*")
    page.wait_for_function("() => document.activeElement.closest('#main')")  # the focus came along
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.go_back()
    page.wait_for_selector("#results .row")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 18, 20)"


def test_a_key_is_asked_for_where_the_service_wants_one(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.watch.allow("401")  # type: ignore[attr-defined]
    given: list[str | None] = []

    def session(route: Route) -> None:
        given.append(route.request.headers.get("authorization"))
        page.unroute("**/recommendations?*")
        route.fulfill(status=201, json={"access": "session", "scopes": ["read"]})

    page.route("**/v1/session", session)
    page.route(
        "**/recommendations?*",
        lambda route: route.fulfill(status=401, json={"title": "Unauthorized", "status": 401}),
    )
    page.goto(f"{world.address}/for-you?listener=ada")
    page.locator("#key-dialog input").fill("secret")
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("#results .row")
    assert given == ["Bearer secret"]
