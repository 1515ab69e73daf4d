from __future__ import annotations

from playwright.sync_api import Page, Route, expect

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
        now = next(done)
        state = {"analysed": now, "remaining": 24 - now}
        route.fulfill(response=answer, json=answer.json() | state)

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


def changed(page: Page, *answers: dict[str, object]) -> list[int]:
    """Have the library answer with `answers`, the last one for ever; returns one entry a look."""
    asked: list[int] = []

    def answer(route: Route) -> None:
        real = route.fetch()
        now = answers[min(len(asked), len(answers) - 1)]
        asked.append(len(asked))
        route.fulfill(response=real, json=real.json() | now)

    page.route("**/v1/library", answer)
    return asked


def left_out(step: str, *where: str) -> dict[str, object]:
    rows = [{"where": one, "reason": "no music"} for one in where]
    return {"step": step, "total": len(rows), "rows": rows}


def test_files_that_no_analysis_gets_through_are_not_waited_for(
    world: World, open_page: Open
) -> None:
    page = open_page(f"{world.address}/docs")
    state = {"analysed": 23, "remaining": 0, "problems": [left_out("embed", "noise.mp3")]}
    asked = changed(page, state)
    page.clock.install()
    page.goto(f"{world.address}/library")
    library = page.locator("#library")
    expect(library).to_contain_text("23 of 24 files analysed. Every other file has been listened")
    expect(library).to_contain_text("1 file: damaged, or no music")
    expect(library).not_to_contain_text("still to be listened to")
    page.clock.run_for(20_000)
    assert len(asked) == 1


def test_what_waits_for_the_service_needs_no_command(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/docs")
    changed(page, {"analysed": 23, "remaining": 1, "waiting": 1})
    page.goto(f"{world.address}/library")
    expect(page.locator("#library")).to_contain_text("1 file still to be listened to: the service")


def test_following_an_analysis_disturbs_nobody_who_reads(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/docs")
    folder, service = left_out("library add", "a.flac"), left_out("the service", "t1")
    behind = {"analysed": 7, "remaining": 17, "problems": [service, folder]}
    more = left_out("the service", "t1", "t2")
    asked = changed(
        page,
        behind,
        behind,
        behind | {"analysed": 8, "remaining": 16},
        behind
        | {"analysed": 9, "remaining": 0, "problems": [more, left_out("embed", "b"), folder]},
    )
    page.clock.install()
    page.goto(f"{world.address}/library")
    expect(page.locator("#library details")).to_have_count(2)
    page.locator("#library summary").last.click()  # closed by hand, the second of two
    link = page.locator("#library td a")
    link.focus()
    page.evaluate(
        "() => { globalThis.changes = 0; new MutationObserver((all) => { changes += all.length; })"
        ".observe(document.querySelector('#library'), { childList: true, subtree: true }); }"
    )

    def look_again() -> None:
        before = len(asked)
        page.clock.run_for(4100)
        page.wait_for_function(
            "() => document.querySelector('#library').getAttribute('aria-busy') === 'false'"
        )
        assert len(asked) == before + 1

    look_again()
    assert page.evaluate("globalThis.changes") == 0  # the answer was the same
    look_again()
    expect(page.locator("#library")).to_contain_text("8 of 24 files analysed")
    expect(link).to_be_focused()
    look_again()
    steps = ["the service", "embed", "library add"]
    expect(page.locator("#library summary")).to_contain_text(steps)
    expect(page.locator("#library summary").first).to_be_focused()
    opened = page.locator("#library details").evaluate_all("(all) => all.map((one) => one.open)")
    assert opened == [True, True, False]
    page.clock.run_for(20_000)
    assert len(asked) == 4
