from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import expect

from tests.pages.conftest import NAUGHTY, World
from tests.pages.looking import Open, drawn, every_window, fits, in_a_browser, titles

pytestmark = in_a_browser


@every_window
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
