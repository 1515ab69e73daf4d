from __future__ import annotations

import re
from importlib import resources

import pytest
from playwright.sync_api import expect

from data.categories import ARTIST, LABEL, LEVELS
from ranker import sources
from recsys.evaluation.judging import METRICS
from recsys.evaluation.methods import FUSION, HYBRID, RELISTENING, RRF, short_name
from tests.pages.conftest import SIZES, World
from tests.pages.looking import Open, every_window, fits, in_a_browser

pytestmark = in_a_browser


@every_window
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


PLAIN = {"random", "recent_popular", "item_knn", "ease"}
ABLATIONS = {f"{HYBRID}_without_{part}" for part in ("audio", "collaborative", "bridge")}


def named(table: str) -> set[str]:
    """What the page has a name for."""
    script = resources.files("api").joinpath("static/js/views/quality.js").read_text("utf-8")
    found = re.search(rf"^const {table} = {{(.*?)}};", script, re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(re.findall(r"(\w+): \"", found[1]))


def test_exactly_what_an_evaluation_compares_has_a_name() -> None:
    kinds = [getattr(sources, kind) for kind in sources.__all__ if kind.endswith("Source")]
    own = {kind.name for kind in kinds if isinstance(getattr(kind, "name", None), str)}
    every = {short_name(name) for name in own | {LEVELS[ARTIST], LEVELS[LABEL]}}
    assert named("NAMES") == every | PLAIN | ABLATIONS | {HYBRID, FUSION, RRF, *RELISTENING}
    assert named("METRICS") == set(METRICS)


def test_what_a_listener_played_stands_beside_the_hybrid(world: World, open_page: Open) -> None:
    page = open_page(f"{world.address}/quality")
    page.get_by_label("Over").select_option("relisten")
    expect(page.locator("#report .chart")).to_contain_text("Own plays, latest first")
    expect(page.locator("#report .chart")).not_to_contain_text("play count")
