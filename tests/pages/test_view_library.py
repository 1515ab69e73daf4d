from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.pages.conftest import NAUGHTY, World
from tests.pages.looking import Open, every_window, fits, in_a_browser

pytestmark = in_a_browser


@every_window
def test_the_library_says_what_was_left_out_and_why(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/library", size=size, scheme=scheme)
    expect(page.locator("#library")).to_contain_text("24 of 24 files analysed")
    expect(page.locator("#library td").first).to_contain_text("broken.flac")
    assert fits(page)


def test_a_library_that_is_being_analysed_is_looked_at_again(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/docs")
    done = iter([7, 24])

    def behind(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"analysed": next(done)})

    page.route("**/v1/library", behind)
    page.goto(f"{world.address}/library")
    expect(page.locator("#library")).to_contain_text("7 of 24 files analysed")
    expect(page.locator("#library")).to_contain_text("17 files still to be listened to")
    expect(page.locator("#library")).to_contain_text("24 of 24 files analysed")


def test_what_the_service_could_not_analyse_is_named_and_led_to(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/docs")
    left = {"step": "the service", "total": 1, "rows": [{"where": NAUGHTY, "reason": "no music"}]}

    def refused(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"failed": 1, "problems": [left]})

    page.route("**/v1/library", refused)
    page.goto(f"{world.address}/library")
    row = page.locator("#library tbody tr")
    expect(row).to_contain_text("no music")
    expect(row.get_by_role("link")).to_have_text(NAUGHTY)
    assert "id=" in (row.get_by_role("link").get_attribute("href") or "")
