from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.pages.conftest import NAUGHTY, World
from tests.pages.looking import Open, drawn, every_window, fits, in_a_browser, titles

pytestmark = in_a_browser


@every_window
def test_a_track_shows_its_sound_and_both_kinds_of_neighbours(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/track?id={world.naughty}", size=size, scheme=scheme)
    expect(page.locator("h1")).to_have_text(NAUGHTY)
    label = page.request.get(f"{world.address}/v1/tracks/{world.naughty}").json()["label"]
    expect(page.locator(".hero .facts")).to_contain_text(f"on {label}")
    sound, taste = titles(page, "#in-sound"), titles(page, "#in-taste")
    shared = len(set(sound) & set(taste))
    expect(page.locator("#agreement")).to_contain_text(f"{shared} of" if shared else "no track")
    expect(page.locator("#in-sound .badge")).to_have_count(shared)
    page.wait_for_selector(".hero .spectrogram:visible")
    assert drawn(page, ".hero .spectrogram") > 50
    assert fits(page)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"analysis": "failed", "analysis_reason": NAUGHTY}, f"not analysed: {NAUGHTY}"),
        ({"analysis": "pending", "analysis_reason": None}, "waiting to be analysed"),
        ({"analysis": None, "has_audio": False}, "no audio here"),
    ],
)  # fmt: skip
def test_a_track_says_where_its_audio_stands(
    world: World, open_page: Open, state: dict[str, object], says: str
) -> None:
    page = open_page(f"{world.address}/docs")

    def changed(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | state)

    page.route(f"**/v1/tracks/{world.naughty}", changed)
    page.goto(f"{world.address}/track?id={world.naughty}")
    expect(page.locator(".hero .facts")).to_contain_text(says)


def test_who_plays_a_track_is_named_and_led_to(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/docs")
    asked = page.request.get(f"{world.address}/v1/tracks/{world.naughty}/players?limit=8").json()
    page.goto(f"{world.address}/track?id={world.naughty}")
    expect(page.locator("#players .person b")).to_have_text(
        [one["user_id"] for one in asked["items"]]
    )
    page.locator("#players .person").first.click()
    page.wait_for_url(f"**/for-you?listener={asked['items'][0]['user_id']}")


def test_without_the_right_to_see_listeners_nobody_is_named(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/docs")
    reader = {"access": "key", "scopes": ["read"]}
    page.route("**/v1/session", lambda route: route.fulfill(json=reader))
    page.goto(f"{world.address}/track?id={world.naughty}")
    titles(page, "#in-taste")
    expect(page.locator(".hero .facts")).to_contain_text("listener")
    expect(page.locator("#players")).to_be_hidden()


@pytest.mark.parametrize(("listeners", "says"), [(0, "cold: nobody"), (2, "nearly cold: 2 plays")])
def test_a_track_says_how_cold_it_is(
    world: World, open_page: Open, listeners: int, says: str
) -> None:
    page = open_page(f"{world.address}/docs")
    counts = {"track_id": "x", "plays": listeners, "listeners": listeners, "last_played_at": None}
    page.route(f"**/{world.naughty}/listeners", lambda route: route.fulfill(json=counts))
    page.goto(f"{world.address}/track?id={world.naughty}")
    expect(page.locator(".hero .cold")).to_contain_text(says)


def test_a_track_that_taste_cannot_place_says_so_and_not_that_something_failed(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/docs")
    page.watch.allow("409")  # type: ignore[attr-defined]
    problem = {"type": "urn:recsys:problem:not-analysed", "status": 409, "detail": "no listeners"}
    page.route("**/similar?*collaborative*", lambda route: route.fulfill(status=409, json=problem))
    page.goto(f"{world.address}/track?id={world.naughty}")
    assert titles(page, "#in-sound")
    expect(page.locator("#in-taste .message")).to_contain_text("Too few listeners")
    expect(page.locator("#in-taste .message.failed")).to_have_count(0)


def test_neighbours_that_failed_are_asked_for_again(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/docs")
    page.watch.allow("503")  # type: ignore[attr-defined]
    problem = {"status": 503, "detail": "busy"}
    page.route("**/similar?*", lambda route: route.fulfill(status=503, json=problem))
    page.goto(f"{world.address}/track?id={world.naughty}")
    expect(page.locator("#in-sound .failed")).to_contain_text("busy")
    page.unroute("**/similar?*")
    page.locator("#in-sound").get_by_role("button", name="Try again").click()
    assert titles(page, "#in-sound")
