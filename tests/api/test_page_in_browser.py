from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager

import pytest
from conftest import FLAC, MAX_UPLOAD_BYTES, make_world
from werkzeug.serving import make_server

from api.app import build_app
from data.errors import NotReadyError

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@contextmanager
def _served(error=None):
    world = make_world()
    world.live.error = error
    server = make_server("127.0.0.1", 0, build_app(world.services), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def address():
    with _served() as url:
        yield url


@pytest.fixture(scope="module")
def empty_address():
    with _served(NotReadyError("nothing has been published yet: run `recsys train`")) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(8000)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            "Content Security Policy" in message.text and complaints.append(message.text)
        ),
    )
    yield page
    context.close()
    assert complaints == []


def titles(page):
    return page.locator(".row .title").all_inner_texts()


def ask(page, user):
    page.fill("#user", user)
    page.click("#listener button")
    page.wait_for_selector(".row")


def test_a_listener_sees_a_list_with_reasons_that_fits_a_phone(page, address):
    page.goto(address)
    ask(page, "ada")
    assert page.inner_text("#results-title") == "For ada"
    assert titles(page)[:2] == ["Slow Meridian", "Glasswork"]
    assert page.inner_text(".row .why >> nth=0") == "fits your evenings"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.activeElement.id") == "results-title"


def test_an_unknown_listener_is_told_that_the_list_is_not_personal(page, address):
    page.goto(address)
    ask(page, "nobody")
    assert "popular tracks" in page.inner_text("#results-note")


def test_a_skip_renews_the_list_and_keeps_the_keyboard_in_place(page, address):
    page.goto(address)
    ask(page, "cleo")
    page.focus('[aria-label="Skip Slow Meridian"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("#results-note:has-text('Skipped Slow Meridian')")
    assert titles(page)[:2] == ["Harbour Lights", "Glasswork"]
    assert page.evaluate("document.activeElement.ariaLabel") == "Skip Glasswork"


def test_choosing_a_title_asks_for_its_like_and_back_returns(page, address):
    page.goto(address)
    ask(page, "ada")
    page.click("text=Glasswork")
    page.wait_for_selector("#results-title:has-text('Like Glasswork')")
    assert "Glasswork" not in titles(page)
    assert page.locator(".acts:visible").count() == 0
    page.go_back()
    page.wait_for_selector("#results-title:has-text('For ada')")


def test_a_link_to_an_odd_track_id_works(page, address):
    page.goto(f"{address}/?track=AC%2FDC%252F%E2%82%AC")
    page.wait_for_selector("#results-title:has-text('Like AC/DC%2F€')")


def test_an_uploaded_file_gives_a_list(page, address, tmp_path):
    song = tmp_path / "my song.flac"
    song.write_bytes(FLAC)
    page.goto(address)
    page.set_input_files("#file", song)
    page.wait_for_selector("#results-title:has-text('Sounds like my song.flac')")
    assert titles(page)[0] == "Harbour Lights"
    assert page.inner_text("#results-note") == "3:03 of audio"
    assert page.is_hidden("#progress")


def test_a_dropped_file_gives_a_list(page, address):
    page.goto(address)
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new TextEncoder().encode("fLaC....")], "dropped.flac"));
            const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true });
            document.querySelector(".drop").dispatchEvent(event);
        }"""
    )
    page.wait_for_selector("#results-title:has-text('Sounds like dropped.flac')")


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"hello", "does not begin like MP3"),
        (FLAC + b"broken", "the audio stops before"),
        (FLAC.ljust(MAX_UPLOAD_BYTES + 2**20, b"\0"), "1 MB is the most"),
    ],
)
def test_a_refused_file_shows_why(page, address, tmp_path, content, detail):
    song = tmp_path / "song.flac"
    song.write_bytes(content)
    page.goto(address)
    page.set_input_files("#file", song)
    page.wait_for_selector(f"#message.failed:has-text('{detail}')")


def test_an_unknown_track_shows_the_problem(page, address):
    page.goto(address)
    page.fill("#track-id", "<b>ghost</b>")
    page.click("#track button")
    page.wait_for_selector("#message.failed:has-text('unknown track')")
    assert page.inner_text("#results-title") == "Like <b>ghost</b>"


def test_before_the_first_model_the_page_says_what_to_do(page, empty_address):
    page.goto(empty_address)
    assert "recsys train" in page.inner_text("#empty")
    page.fill("#user", "ada")
    page.click("#listener button")
    page.wait_for_selector("#message.failed:has-text('nothing has been published yet')")
