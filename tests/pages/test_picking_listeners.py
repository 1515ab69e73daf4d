"""Choosing whom the page speaks for: a combobox over the listeners of the log."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.pages.conftest import NAUGHTY, SIZE, World
from tests.pages.looking import Open, every_window, fits, in_a_browser

pytestmark = in_a_browser
OFFERED = ".who-field [role=option]"


@pytest.fixture
def naughty_listener(world: World, browser: object) -> Iterator[str]:
    page = browser.new_context().request  # type: ignore[attr-defined]
    address = f"{world.address}/v1/users/{quote(NAUGHTY, safe='')}"
    page.put(address, data={"display_name": f"Zed {NAUGHTY}"})
    yield NAUGHTY
    page.delete(address)


@every_window
def test_a_listener_is_picked_by_the_beginning_of_the_id_with_keys_alone(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/for-you", size=size, scheme=scheme)
    page.locator("#user").focus()
    page.keyboard.type("LISTENER007", delay=20)
    expect(page.locator(OFFERED)).to_have_count(10)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    marked = page.locator(f"{OFFERED}[aria-selected=true]")
    expect(marked).to_contain_text("listener0071")
    expect(marked).to_contain_text("play")
    assert page.locator("#user").get_attribute("aria-activedescendant") == marked.get_attribute(
        "id"
    )
    assert fits(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/for-you?listener=listener0071")
    expect(page.locator("#greeting")).to_contain_text("listener0071")
    page.wait_for_selector("#results .row")


def test_a_click_offers_everybody_a_page_at_a_time(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001")
    page.wait_for_selector("#results .row")
    page.click("#user")
    expect(page.locator(OFFERED).nth(19)).to_be_attached()
    assert page.locator(OFFERED).count() == 20
    expect(page.locator(OFFERED).first).to_contain_text("listener0001")  # chosen of late
    # Those of the log, and whom other tests of the page have made up.
    listed = page.request.get(f"{world.address}/v1/users?limit=100").json()
    assert listed["next"] is None
    everybody = len(listed["items"])
    assert everybody >= SIZE.n_listeners
    for n in (*range(40, everybody, 20), everybody):
        page.locator(OFFERED).last.scroll_into_view_if_needed()
        expect(page.locator(OFFERED).nth(n - 1)).to_be_attached()
    expect(page.locator(OFFERED)).to_have_count(everybody)
    names = page.locator(f"{OFFERED} b").all_inner_texts()
    assert len(set(names)) == len(names)
    page.keyboard.press("ArrowUp")  # from the top to the very last
    expect(page.locator(OFFERED).last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.locator(".who-field .found")).to_be_hidden()
    expect(page.locator("#user")).to_have_attribute("aria-expanded", "false")


def test_an_option_is_picked_with_the_mouse(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you")
    page.click("#user")
    page.locator(OFFERED, has_text="listener0003").click()
    page.wait_for_url("**/for-you?listener=listener0003")


def test_whoever_is_not_in_the_list_is_taken_as_typed(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you")
    page.fill("#user", "somebody else")
    expect(page.locator(".who-field .hint")).to_contain_text("Go takes it all the same")
    page.keyboard.press("Enter")
    page.wait_for_url("**/for-you?listener=somebody+else")
    expect(page.locator("#results-note")).to_contain_text("Nothing known of this listener")


def test_markup_in_ids_and_names_of_listeners_stays_text(
    world: World, open_page: Open, naughty_listener: str
) -> None:
    page = open_page(f"{world.address}/for-you")
    page.fill("#user", "zed")
    option = page.locator(OFFERED).first
    expect(option).to_contain_text(f"Zed {NAUGHTY}")
    expect(option).to_contain_text("nothing played")
    option.click()
    expect(page.locator("#greeting")).to_contain_text(NAUGHTY)
    page.wait_for_selector("#results .row")
    assert page.locator("img").count() == 0


def test_a_key_that_may_only_read_is_not_used_to_find_out_whom_there_is(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0005")
    page.wait_for_selector("#results .row")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route(
        "**/v1/session",
        lambda route: route.fulfill(json={"access": "session", "scopes": ["read"]}),
    )
    page.click("#user")
    expect(page.locator(".who-field .hint").last).to_contain_text("type the whole id")
    assert page.locator(f"{OFFERED} b").all_inner_texts() == ["listener0005"]
    page.fill("#user", "listener0009")
    expect(page.locator(f"{OFFERED} b")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url("**/for-you?listener=listener0009")
    assert not [address for address in asked if "/v1/users?" in address]


def test_a_list_that_cannot_be_had_says_why(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you")
    page.watch.allow("500")  # type: ignore[attr-defined]
    page.route(
        "**/v1/users?*",
        lambda route: route.fulfill(status=500, json={"status": 500, "detail": "no such table"}),
    )
    page.click("#user")
    expect(page.locator(".who-field .found")).to_contain_text("no such table")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_listeners_are_offered(
    world: World, open_page: Open, scheme: str
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001", scheme=scheme)
    page.wait_for_selector("#results .row")
    page.click("#user")
    page.locator(OFFERED).nth(5).wait_for()
    page.keyboard.press("ArrowDown")
    found = [
        f"{part['id']}: {node['html'][:160]}"
        for part in Axe().run(page).response["violations"]
        if part["impact"] in ("serious", "critical")
        for node in part["nodes"][:3]
    ]
    assert found == []


def test_the_map_asks_whose_taste_to_draw_and_draws_it(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/map")
    page.wait_for_selector("#legend button")
    page.get_by_role("button", name="Show the listener's taste").click()
    expect(page.locator("#beside h2")).to_have_text("Whose taste?")
    page.keyboard.type("listener0002")
    # The first option is theirs only once the search has answered.
    page.locator("#beside [role=option]", has_text="listener0002").click()
    expect(page.locator("#beside h2")).to_have_text("listener0002")
    page.wait_for_selector("#beside .row")
    page.get_by_label("Listener", exact=True).fill("listener0004")
    page.keyboard.press("Enter")
    expect(page.locator("#beside h2")).to_have_text("listener0004")
