from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Route, expect

from tests.pages.conftest import World, served
from tests.pages.looking import Open, every_window, fits, in_a_browser, titles

pytestmark = in_a_browser


def test_listeners_are_offered_where_none_is_chosen(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you")
    expect(page.locator("#results .person")).to_have_count(18)
    last = page.locator("#results .person").last
    name = last.locator("b").inner_text()
    last.click()
    expect(page.locator("#greeting")).to_have_text(f"For {name}")
    titles(page)


@every_window
def test_a_like_and_a_skip_change_the_list_at_once(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/for-you", size=size, scheme=scheme)
    page.click("#stranger")
    expect(page.locator("#results-note")).to_contain_text("Nothing known of this listener")
    before = titles(page)
    page.locator("#results .row").nth(2).get_by_role("button", name="Like").click()
    expect(page.locator("#announcer")).to_contain_text(f"Liked {before[2]}")
    expect(page.locator("#results-note")).to_contain_text("From model")
    liked = titles(page)
    assert before[2] not in liked
    assert page.locator("#results .why").first.inner_text()
    page.locator("#results .row").nth(0).get_by_role("button", name="Skip").click()
    expect(page.locator("#announcer")).to_contain_text(f"Skipped {liked[0]}")
    page.wait_for_function(
        "(gone) => document.querySelector('#results .title').textContent !== gone", arg=liked[0]
    )
    assert page.evaluate("document.activeElement.dataset.act") == "skip"
    assert fits(page)


def test_a_track_that_nobody_took_to_yet_has_a_badge(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you")

    def carried(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["items"][0]["sources"] = ["audio", "carried"]
        body["items"][1]["sources"] = ["collaborative", "carried"]
        route.fulfill(response=answer, json=body)

    page.route("**/recommendations?*", carried)
    page.goto(f"{world.address}/for-you?listener=listener0001")
    titles(page)
    expect(page.locator("#results .row").nth(0)).to_contain_text("new here")
    expect(page.locator("#results .row").nth(1)).not_to_contain_text("new here")


def test_dials_ask_for_another_list(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001")
    titles(page)
    with page.expect_response("**/recommendations?*popularity=-1*") as answer:
        page.locator("[name=popularity]").fill("-1")
    assert answer.value.ok
    with page.expect_response("**/recommendations?*mode=relisten*") as answer:
        page.locator("[value=relisten]").check()
    assert answer.value.ok


@pytest.mark.parametrize(
    ("form", "size", "scheme"),
    [
        ("M3U8", "desktop", "light"),
        ("XSPF", "phone", "dark"),
        ("JSPF", "desktop", "dark"),
        ("M3U8", "phone", "light"),
    ],
)
def test_a_list_is_saved_as_a_playlist_that_others_can_read(
    world: World, open_page: Open, form: str, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001", size=size, scheme=scheme)
    listed = titles(page)
    page.get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=form).click()
    assert download.value.suggested_filename == f"For listener0001.{form.lower()}"
    text = Path(download.value.path()).read_text("utf-8")
    if form == "XSPF":
        names = {"x": "http://xspf.org/ns/0/"}
        saved = [node.text for node in ET.fromstring(text).findall(".//x:track/x:title", names)]
    elif form == "JSPF":
        saved = [track["title"] for track in json.loads(text)["playlist"]["track"]]
    else:
        saved = [line.rpartition(" - ")[2] for line in text.splitlines() if "EXTINF" in line]
    assert saved == listed


def test_what_the_listener_knows_says_so_and_bars_tell_the_order_of_a_mixed_list(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001")
    titles(page)
    with page.expect_response("**/recommendations?*mode=mix*") as answer:
        page.locator("[value=mix]").check()
    items = answer.value.json()["items"]
    assert max(item["score"] for item in items) < 0.1  # turns, and no likeness
    known = [not item["sources"] for item in items]
    assert {*known} == {True, False}
    expect(page.locator("#results .row")).to_have_count(len(items))
    expect(page.locator("#results .sources", has_text="your history")).to_have_count(sum(known))
    bars = page.locator("#results [role=meter]")
    shares = [float(bar.get_attribute("aria-valuenow") or 0) for bar in bars.all()]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.12)


def test_a_list_begins_in_the_mode_of_the_settings(
    world: World, tmp_path: Path, open_page: Open
) -> None:
    (tmp_path / "recsys.toml").write_text('[lists]\nmode = "relisten"\n', "utf-8")
    with served(tmp_path) as address:
        page = open_page(f"{address}/for-you")
        assert page.locator("[name=mode]:checked").get_attribute("value") == "relisten"
    page = open_page(f"{world.address}/for-you")
    assert page.locator("[name=mode]:checked").get_attribute("value") == "discover"


def test_a_pressed_row_answers_before_the_player_is_drawn(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0002")
    listed = titles(page)
    at_once = page.evaluate(
        """() => {
            const row = document.querySelector("#results .row");
            row.querySelector(".cover").click();
            const marked = row.matches(".playing:has(.icon-pause)");
            return [marked, document.querySelector("#player").hidden];
        }"""
    )
    assert at_once == [True, True]
    expect(page.locator("#player")).to_be_visible()
    # Covers of what waits are drawn once somebody looks at them.
    expect(page.locator("#queue .artwork")).to_have_count(0)
    page.get_by_role("button", name="Queue", exact=True).click()
    expect(page.locator("#queue b")).to_have_text(listed[1:])


def test_playing_shows_the_player_and_tells_what_was_heard(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0002")
    first = titles(page)[0]
    page.locator("#results .cover").first.click()
    expect(page.locator("#player .now-title")).to_have_text(first)
    assert page.evaluate("navigator.mediaSession.metadata.title") == first  # for a lock screen
    page.wait_for_function("() => Number(document.querySelector('#player input').value) > 2.2")
    with page.expect_request(lambda r: r.url.endswith("/v1/events")) as sent:
        page.get_by_role("button", name="Next", exact=True).click()
    event = sent.value.post_data_json["events"][0]
    assert event["kind"] == "play"
    assert 0.3 < event["play_ratio"] <= 1
    second = page.locator("#player .now-title").inner_text()
    page.click("nav >> text=Map")
    page.wait_for_selector("#legend li")
    expect(page.locator("#player .now-title")).to_have_text(second)  # the music went on


PLAYED = """async (id) => {
    const { did } = await import("/static/js/listener.js");
    const old = document.querySelector("#results .tracks");
    await did("play", { track_id: id }, 0.9);
    while (old.isConnected) await new Promise((later) => setTimeout(later, 20));
}"""
FOCUSED = """() => {
    const active = document.activeElement;
    return [active.closest(".row")?.dataset.track, active.dataset.act ?? active.className];
}"""


def test_the_keyboard_stays_in_the_list_when_something_was_played(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0011")
    titles(page)
    rows = page.locator("#results .row")
    track = rows.nth(2).get_attribute("data-track")
    rows.nth(2).get_by_role("button", name="Like").focus()
    page.evaluate(PLAYED, rows.nth(0).get_attribute("data-track"))
    assert page.evaluate(FOCUSED) == [track, "like"]
    # What it is on goes: the same of what stands there now takes over.
    at = page.evaluate(
        "() => [...document.activeElement.closest('ol').children]"
        ".indexOf(document.activeElement.closest('.row'))"
    )
    page.locator(f"[data-track='{track}'] .title").focus()
    page.evaluate(PLAYED, track)
    assert page.locator(f"#results [data-track='{track}']").count() == 0
    assert page.evaluate(FOCUSED) == [rows.nth(at).get_attribute("data-track"), "title"]
    # Nor does it come back from elsewhere.
    page.locator("#search").focus()
    page.evaluate(PLAYED, rows.nth(0).get_attribute("data-track"))
    expect(page.locator("#search")).to_be_focused()


def test_a_press_that_could_not_be_told_keeps_the_keyboard(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0012")
    page.watch.allow("503")  # type: ignore[attr-defined]
    titles(page)
    problem = {"status": 503, "detail": "the disk is gone"}
    page.route("**/v1/events", lambda route: route.fulfill(status=503, json=problem))
    like = page.locator("#results [data-act=like]").nth(1)
    like.press("Enter")
    expect(page.locator("#announcer")).to_contain_text("the disk is gone")
    expect(like).to_be_enabled()
    expect(like).to_be_focused()


def test_familiar_tracks_of_someone_new_are_none_and_the_page_says_why(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/for-you")
    page.click("#stranger")
    expect(page.locator("#results-note")).to_contain_text("this is what most people play")
    page.locator("[value=relisten]").check()
    said = page.locator("#results .message")
    expect(said).to_contain_text("Nothing has been played yet: turn the dial to Discover.")
    expect(said).not_to_contain_text("Familiar")
    expect(page.locator("#results-note")).to_have_text("")
    page.locator("[value=discover]").check()
    assert titles(page)


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("discover", "Turn the dial to Familiar"),
        ("mix", "hidden or left out: add tracks"),
        ("relisten", "turn the dial to Discover"),
    ],
)
def test_an_empty_list_names_a_way_out_of_its_mode(
    world: World, open_page: Open, mode: str, says: str
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001")
    titles(page)

    def nothing(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"items": [], "fallback": False})

    page.route("**/recommendations?*", nothing)
    page.locator("[name=diversity]").fill("1")
    page.locator(f"[value={mode}]").check()
    expect(page.locator("#results .message")).to_contain_text(says)
    expect(page.locator("#results-note")).to_have_text("")


def test_the_last_play_outlives_the_page(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0013")
    track = page.locator("#results .row").first.get_attribute("data-track")
    page.evaluate(
        """() => {
            const before = fetch;
            globalThis.fetch = (address, how) => {
                if (String(address).endsWith("/v1/events")) {
                    sessionStorage.setItem("sent", JSON.stringify([how.keepalive, how.body]));
                }
                return before(address, how);
            };
        }"""
    )
    page.locator("#results .cover").first.click()
    page.wait_for_function("() => Number(document.querySelector('#player input').value) > 2.2")
    page.goto(f"{world.address}/docs")
    keepalive, body = json.loads(page.evaluate("sessionStorage.getItem('sent')"))
    assert json.loads(body)["events"][0]["track_id"] == track
    assert keepalive is True
