from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Page, Route, expect

from bench.pages import PAN, made_up_map, pace
from tests.pages.conftest import CHROMIUM, NAUGHTY, SIZES, World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
Open = Callable[..., Page]
ENDS = [("desktop", "light"), ("phone", "dark")]


def titles(page: Page, within: str = "#results") -> list[str]:
    page.wait_for_selector(f"{within} .row")
    return page.locator(f"{within} .row .title").all_inner_texts()


def drawn(page: Page, canvas: str) -> int:
    """Different colours on a canvas."""
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


# Find similar


@pytest.mark.parametrize(("size", "scheme"), ENDS)
def test_a_dropped_in_song_shows_its_spectrogram_and_finds_itself(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(world.address, size=size, scheme=scheme)
    expect(page.locator(".gallery a")).to_have_count(24)
    page.set_input_files("#file", world.song())
    found = titles(page)
    assert found[0] in world.song().stem
    assert drawn(page, "#spectrogram") > 50
    expect(page.locator("#query-title")).to_have_text(world.song().name)
    expect(page.locator("#query-note")).to_contain_text("0:04 of sound")
    assert fits(page)


def test_more_and_less_like_refine_the_question(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.set_input_files("#file", world.song())
    before = titles(page)
    page.locator("#results .row").nth(4).get_by_role("button", name="More like").click()
    expect(page.locator(".seed")).to_have_count(1)
    page.wait_for_function(
        "(was) => document.querySelectorAll('#results .title').length &&"
        " [...document.querySelectorAll('#results .title')].map(t => t.textContent).join() !== was",
        arg=",".join(before),
    )
    assert before[4] not in titles(page)  # seeds never come back
    page.locator("#results .row").nth(0).get_by_role("button", name="Less like").click()
    expect(page.locator(".seed.less")).to_have_count(1)
    page.get_by_role("button", name=f"Forget {before[4]}").click()
    expect(page.locator(".seed")).to_have_count(1)


def test_a_recording_of_the_room_is_a_question_too(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.evaluate("navigator.mediaDevices.getUserMedia({audio: true})")
    page.click("#record")
    expect(page.locator("#query-note")).to_contain_text("s left")
    page.wait_for_selector("#results .row", timeout=40_000)
    expect(page.locator("#query-title")).to_have_text("The room")
    assert drawn(page, "#spectrogram") > 50


@pytest.mark.parametrize(
    ("fails", "says"),
    [("NotAllowedError", "allow the microphone"), ("NotFoundError", "plug one in")],
)
def test_a_microphone_that_cannot_be_used_says_what_to_do(
    world: World, open_page: Open, fails: str, says: str
) -> None:
    page = open_page(world.address)
    page.wait_for_selector(".gallery a")
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('no', name)); }",
        fails,
    )
    page.click("#record")
    expect(page.locator("#results .message.failed")).to_contain_text(says)
    expect(page.locator("#query")).to_be_hidden()


def test_a_file_dropped_anywhere_on_the_view_is_the_question(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    page.wait_for_selector(".gallery a")
    content = base64.b64encode(world.song().read_bytes()).decode()
    page.evaluate(
        """(content) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "dropped.mp3", { type: "audio/mpeg" }));
            const target = document.querySelector("#results-title");
            for (const type of ["dragenter", "dragover", "drop"]) {
                const how = { dataTransfer, bubbles: true, cancelable: true };
                const event = new DragEvent(type, how);
                // Whoever does not prevent it lets the browser open the file instead of the page.
                if (target.dispatchEvent(event)) throw new Error(`${type} was not taken`);
            }
        }""",
        content,
    )
    expect(page.locator("#query-title")).to_have_text("dropped.mp3")
    assert titles(page)
    assert drawn(page, "#spectrogram") > 50


@pytest.mark.parametrize("size", SIZES)
def test_every_row_has_a_bar_for_its_score(world: World, open_page: Open, size: str) -> None:
    page = open_page(world.address, size=size)
    page.set_input_files("#file", world.song())
    titles(page)
    bars = page.locator("#results .row [role=meter]")
    assert bars.count() == page.locator("#results .row").count()
    expect(bars.first).to_be_visible()
    widths = [bars.nth(n).locator("span").bounding_box()["width"] for n in (0, bars.count() - 1)]
    assert widths[0] > widths[1] > 0


def test_a_track_found_by_typing_with_a_typo_becomes_the_question(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    name = page.locator(".gallery b").first.inner_text()
    page.locator("#seed-search").press_sequentially(name[:-1] + "x")
    page.locator(".found li").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?track=*")
    assert titles(page)


@pytest.mark.parametrize(
    ("content", "says"), [(b"hello" * 100, "does not begin like"), (b"fLaC" + bytes(500), "")]
)
def test_a_file_that_is_no_music_is_refused_in_words(
    world: World, open_page: Open, tmp_path: Path, content: bytes, says: str
) -> None:
    page = open_page(world.address)
    page.watch.allow("Failed to load resource")  # type: ignore[attr-defined]
    song = tmp_path / "song.flac"
    song.write_bytes(content)
    page.set_input_files("#file", song)
    expect(page.locator("#results .message.failed")).to_contain_text(says)


# For you


@pytest.mark.parametrize(("size", "scheme"), ENDS)
def test_a_like_and_a_skip_change_the_list_at_once(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/for-you", size=size, scheme=scheme)
    page.click("#stranger")
    expect(page.locator("#results-note")).to_contain_text("Nothing is known of this listener")
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


@pytest.mark.parametrize("form", ["M3U8", "XSPF", "JSPF"])
def test_a_list_is_saved_as_a_playlist_that_others_can_read(
    world: World, open_page: Open, form: str
) -> None:
    page = open_page(f"{world.address}/for-you?listener=listener0001")
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


# Map


def ready_map(page: Page) -> None:
    page.wait_for_selector("#legend button")
    page.wait_for_function("() => document.querySelector('#map-state').children.length === 0")


@pytest.mark.parametrize(("size", "scheme"), ENDS)
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


@pytest.mark.parametrize(("size", "scheme"), ENDS)
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


# Track, artist, quality, library


@pytest.mark.parametrize(("size", "scheme"), ENDS)
def test_a_track_shows_its_sound_and_both_kinds_of_neighbours(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/track?id={world.naughty}", size=size, scheme=scheme)
    expect(page.locator("h1")).to_have_text(NAUGHTY)
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


@pytest.mark.parametrize(("size", "scheme"), ENDS)
def test_an_artist_shows_tags_sound_and_both_kinds_of_neighbours(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(world.address, size=size, scheme=scheme)
    track = next(
        track
        for track in page.request.get(f"{world.address}/v1/tracks?limit=30").json()["items"]
        if track["artist"] != NAUGHTY
    )
    page.goto(f"{world.address}/artist?{urlencode({'name': track['artist']})}")
    sound, taste = titles(page, "#in-sound"), titles(page, "#in-taste")
    assert track["artist"] not in {*sound, *taste}
    assert len(set(sound)) == len(sound) == 8
    expect(page.locator("#agreement")).to_contain_text("Ear and listeners")
    expect(page.locator(".hero .facts")).to_contain_text(track["genre"])
    page.wait_for_selector(".sounding .spectrogram:visible")
    assert drawn(page, ".sounding .spectrogram") > 50
    assert page.locator("#players .person").count() > 0
    assert fits(page)
    page.locator("#in-sound .cover").first.click()
    expect(page.locator("#player .now-by")).to_contain_text(sound[0])
    page.locator("#in-sound .title").first.click()
    expect(page.locator("h1")).to_have_text(sound[0])


def test_an_artist_page_lists_the_tracks_and_plays_them(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    track = page.request.get(f"{world.address}/v1/tracks?limit=1").json()["items"][0]
    page.goto(f"{world.address}/track?id={track['track_id']}")
    page.click(".hero-by a")
    expect(page.locator("h1")).to_have_text(track["artist"])
    found = page.request.get(f"{world.address}/v1/artists/{track['artist']}").json()
    assert titles(page) == [one["title"] for one in found["items"]]
    page.get_by_role("button", name="Play all").click()
    expect(page.locator("#player")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), ENDS)
def test_quality_compares_with_every_baseline_and_switches_versions(
    world: World, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(f"{world.address}/quality", size=size, scheme=scheme)
    expect(page.locator("#report .chart")).to_contain_text("Random")
    # How the versions did, in their order.
    expect(page.locator("#versions .chart circle")).to_have_count(2)
    assert page.locator("#report .chart circle").count() >= 8
    page.get_by_label("Over").select_option(index=1)
    page.get_by_text("As a table").click()
    assert page.locator("details table tbody tr").count() >= 8
    other = page.locator(".version:not(.current) code").first.inner_text()
    first = page.locator(".version").first.locator("code").inner_text()
    # Back to the older one, or forward again, whichever test came before.
    name = "Roll back to it" if other != first else "Make it live"
    page.get_by_role("button", name=name).click()
    expect(page.locator(".version.current code")).to_have_text(other)
    assert fits(page)


@pytest.mark.parametrize(("size", "scheme"), ENDS)
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


@pytest.mark.parametrize("size", SIZES)
def test_the_names_of_a_chart_can_be_read(world: World, open_page: Open, size: str) -> None:
    page = open_page(f"{world.address}/quality", size=size)
    page.wait_for_selector("#report .chart")
    heights = page.evaluate(
        "[...document.querySelectorAll('#report .chart .name, #versions .chart .tick')]"
        ".map((text) => text.getBoundingClientRect().height)"
    )
    assert len(heights) > 8
    assert min(heights) > 11


def test_listeners_are_offered_where_none_is_chosen(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/for-you")
    expect(page.locator("#results .person")).to_have_count(18)
    last = page.locator("#results .person").last
    name = last.locator("b").inner_text()
    last.click()
    expect(page.locator("#greeting")).to_have_text(f"For {name}")
    titles(page)
