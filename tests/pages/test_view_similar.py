from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import SIZES, World
from tests.pages.looking import Open, drawn, every_window, fits, in_a_browser, titles

pytestmark = in_a_browser


@every_window
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


def test_the_file_asked_about_can_be_heard_without_the_player_playing_too(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    page.set_input_files("#file", world.song())
    own = page.locator("#query-sound")
    expect(own).to_be_visible()
    own.evaluate("(audio) => audio.play()")
    page.wait_for_function("() => document.querySelector('#query-sound').currentTime > 0")
    titles(page)
    page.locator("#results .cover").first.click()
    page.wait_for_function("() => document.querySelector('#query-sound').paused")
    expect(page.locator("#player button[aria-label=Pause]")).to_be_visible()
    own.evaluate("(audio) => audio.play()")
    expect(page.locator("#player button[aria-label=Play]")).to_be_visible()
    page.locator("#results .title").first.click()
    expect(page.locator("main h1")).not_to_contain_text("Play it something")
    assert own.count() == 0


def test_a_file_that_the_browser_cannot_decode_has_no_player(
    world: World, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(world.address)
    page.set_input_files("#file", world.song())
    expect(page.locator("#query-sound")).to_be_visible()
    page.watch.allow("415")  # type: ignore[attr-defined]
    broken = tmp_path / "broken.mp3"
    broken.write_text("not music")
    page.set_input_files("#file", broken)
    expect(page.locator("#results .message.failed")).to_be_visible()
    expect(page.locator("#query-sound")).to_be_hidden()


def test_a_slow_browser_still_draws_the_spectrogram_itself(world: World, open_page: Open) -> None:
    page = open_page(world.address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """() => {
            const decode = OfflineAudioContext.prototype.decodeAudioData;
            OfflineAudioContext.prototype.decodeAudioData = async function (...how) {
                await new Promise((go) => { globalThis.go = go; });
                return decode.apply(this, how);
            };
        }"""
    )
    page.set_input_files("#file", world.song())
    assert titles(page)  # the answer does not wait for it
    expect(page.locator("#spectrogram")).to_be_hidden()
    page.evaluate("globalThis.go()")
    expect(page.locator("#spectrogram")).to_be_visible()
    assert not [address for address in asked if "spectrogram" in address.rpartition("/")[2]]


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


HEARING = """() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        globalThis.stream = await ask(wanted);
        await globalThis.permission;
        return stream;
    };
}"""
SILENT = "() => globalThis.stream?.getTracks().every((track) => track.readyState === 'ended')"


def test_a_permission_that_comes_after_the_view_was_left_records_nothing(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    page.evaluate(HEARING)
    page.evaluate(
        """() => {
            globalThis.permission = new Promise((give) => { globalThis.give = give; });
            globalThis.recorders = 0;
            const Before = MediaRecorder;
            globalThis.MediaRecorder = class extends Before {
                constructor(...how) { super(...how); globalThis.recorders += 1; }
            };
        }"""
    )
    page.click("#record")
    page.wait_for_function("() => globalThis.stream")
    page.click("nav >> text=Quality")
    page.wait_for_selector("#report")
    page.evaluate("globalThis.give()")
    page.wait_for_function(SILENT, timeout=5000)
    assert page.evaluate("globalThis.recorders") == 0


def test_a_browser_that_cannot_record_lets_go_of_the_microphone(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    page.evaluate(HEARING)
    page.evaluate(
        "() => { globalThis.MediaRecorder = class { constructor() { throw Error('no codec'); } }; }"
    )
    page.click("#record")
    expect(page.locator("#results .message.failed")).to_contain_text("no codec")
    page.wait_for_function(SILENT, timeout=5000)


def test_what_replaces_a_recording_keeps_its_progress_and_its_way_out(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    page.evaluate(HEARING)
    page.route("**/v1/similar", lambda _: None)
    page.click("#record")
    expect(page.locator("#query-note")).to_contain_text("s left")
    page.set_input_files("#file", world.song())
    page.wait_for_function(SILENT)
    page.wait_for_timeout(200)  # whatever the recording still does
    expect(page.locator("#query-title")).to_have_text(world.song().name)
    expect(page.locator("#bar")).to_be_visible()
    page.click("#cancel")
    expect(page.locator("#results")).to_contain_text("Given up")


def test_a_file_that_is_too_large_ends_what_was_asked_and_leaves_nothing_of_it(
    world: World, open_page: Open
) -> None:
    page = open_page(world.address)
    page.route("**/v1/similar", lambda _: None)
    page.set_input_files("#file", world.song())
    expect(page.locator("#cancel")).to_be_visible()
    page.evaluate("() => { document.querySelector('main').dataset.maxUploadMb = '0.001'; }")
    with page.expect_event("requestfailed", lambda request: "/v1/similar" in request.url):
        page.set_input_files("#file", world.song())
    expect(page.locator("#results .message.failed")).to_contain_text("0.001 MB is the most")
    expect(page.locator("#query-note")).to_have_text("")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    for part in ("#cancel", "#bar", "#query-sound"):
        expect(page.locator(part)).to_be_hidden()
    assert page.evaluate("document.querySelector('#file').value") == ""


def test_lists_that_were_refined_away_no_longer_follow_the_player(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/?track={world.naughty}")
    titles(page)
    page.evaluate(
        """() => {
            const old = document.querySelector("#results .tracks");
            globalThis.searched = 0;
            old.querySelectorAll = () => { globalThis.searched += 1; return []; };
            globalThis.old = old;
        }"""
    )
    page.locator("#results .cover").first.click()
    assert page.evaluate("globalThis.searched") > 0
    page.locator("#results [data-act='more like']").nth(2).click()
    page.wait_for_function("() => !globalThis.old.isConnected")
    page.evaluate("globalThis.searched = 0")
    page.locator("#player .big").click()
    page.wait_for_timeout(200)
    assert page.evaluate("globalThis.searched") == 0


def test_the_keyboard_stays_where_it_is_while_a_question_is_refined(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/?track={world.naughty}")
    titles(page)
    old = page.locator("#results .tracks").element_handle()
    page.locator("#results [data-act='more like']").nth(2).press("Enter")
    page.wait_for_function("(old) => !old.isConnected", arg=old)
    third = page.locator("#results [data-act='more like']").nth(2)
    expect(third).to_be_focused()
    third.press("Enter")
    expect(page.locator(".seed")).to_have_count(2)
    page.locator(".seed button").first.press("Enter")
    expect(page.locator(".seed button")).to_have_count(1)
    expect(page.locator(".seed button")).to_be_focused()
