// Lists of tracks: one row a track, with what can be done about it.

import { link } from "./api.js";
import { artwork } from "./artwork.js";
import { calm, el, icon, iconButton, minutes } from "./dom.js";
import * as player from "./player.js";

const SOURCES = {
  history: "your history", collaborative: "taste", item_item: "played together", audio: "sound", bridge: "predicted taste",
  carried: "neighbours' taste", artist: "artist you play", label: "label you play", popular: "popular", rising: "rising", audio_centres: "kinds of sound", hybrid: "sound and taste",
};
const SCORES = { name: "Score", text: (item) => item.score.toFixed(3) };
/** Scores that tell an order and nothing more: bars run from the lowest to the best of the list. */
export const RANKED = { ...SCORES, relative: true };
const NEW = new Set(["artist", "label", "bridge", "carried"]);

/** What a score fills of its bar: cosines fill themselves; of others, and of `relative` ones, the lowest fills a little and the best all. */
function shares(items, relative = false) {
  const scores = items.map((item) => item.score).filter(Number.isFinite);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  if (!relative && low >= 0 && high <= 1.0001) return (score) => score;
  return (score) => (high === low ? 1 : 0.12 + (0.88 * (score - low)) / (high - low));
}

/**
 * Ordered list of tracks.
 *
 * `acts` are functions from a track to buttons; `mark` gives a note for a track, such as "also in
 * taste"; `why` shows reasons and sources; `by` gives what stands below a title. `meters` says what scores are:
 * their name, the text of a track's, and whether they only tell an order (`RANKED`).
 */
export function trackList(items, { acts = [], why = false, by = artistAndAlbum, mark = null, label = "Tracks", scores = true, meters = SCORES } = {}) {
  const share = shares(items, meters.relative);
  const list = el("ol", { class: "tracks", "aria-label": label });
  list.append(...items.map((item, n) => row(item, { acts, why, by, mark, scores, meters, share, play: () => start(items, n) })));
  return list;

  function start(all, n) {
    if (player.current()?.track_id === all[n].track_id) player.toggle();
    else player.play(all, n);
  }
}

function row(item, { acts, why, by, mark, scores, meters, share, play }) {
  const name = item.title || item.track_id;
  const note = mark?.(item);
  const sources = item.sources ?? [];
  const fresh = sources.length > 0 && sources.some((source) => NEW.has(source)) && !sources.includes("collaborative");
  return el("li", { class: "row", "data-track": item.track_id, tabindex: -1 },
    el("button", { type: "button", class: "cover", "aria-label": `Play ${name}`, onclick: play }, artwork(item), el("span", { class: "cover-icon" }, icon("play"))),
    el("div", { class: "what" },
      el("a", { class: "title", href: link("/track", { id: item.track_id }) }, name),
      el("span", { class: "by" }, by(item)),
      (why || note || fresh) && el("span", { class: "why" },
        fresh && el("span", { class: "badge" }, "new here"),
        note && el("span", { class: "badge soft" }, note),
        why && item.reason && el("span", { class: "reason" }, item.reason),
        why && sources.length > 0 && el("span", { class: "sources" }, el("span", { class: "visually-hidden" }, "Proposed by "),
          sources.map((source, n) => [n > 0 && " · ", SOURCES[source] ?? source])))),
    scores && Number.isFinite(item.score) && meter(meters.name, meters.text(item), share(item.score)),
    el("span", { class: "length" }, minutes(item.duration)),
    acts.length > 0 && el("div", { class: "acts" }, acts.map((act) => act(item))));
}

function artistAndAlbum({ artist, album }) {
  return [artist && el("a", { href: link("/artist", { name: artist }) }, artist), artist && album && " · ", album];
}

/** A bar that fills `share` of its width; `text` is what it says. */
export function meter(name, text, share) {
  const part = Math.max(0.02, Math.min(1, share));
  const bar = el("div", { class: "score", role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 1,
    "aria-valuenow": part.toFixed(2), "aria-valuetext": text, title: text }, el("span"));
  bar.firstChild.style.width = `${part * 100}%`;
  return bar;
}

/** Button of a row; `name` is an icon. */
export function rowAct(name, words, onclick) {
  return (item) => iconButton(name, `${words} ${item.title || item.track_id}`, (event) => onclick(item, event.currentTarget), { "data-act": words.toLowerCase() });
}

const HOLDS = [".cover", ".title", ".by a", "[data-act=like]", "[data-act=skip]", "[data-act=hide]", "[data-act='more like']", "[data-act='less like']", "[data-act=queue]"];

/** Where in the rows of `place` the keyboard is, for `refocus`; null where it is elsewhere. */
export function focused(place) {
  const active = document.activeElement;
  const row = place.contains(active) && active.closest(".row");
  if (!row) return null;
  return { track: row.dataset.track, at: [...place.querySelectorAll(".row")].indexOf(row), hold: HOLDS.find((hold) => active.matches(hold)) };
}

/** Put the keyboard back there; where the track is gone, on what stands in its place. */
export function refocus(place, { track, at, hold }) {
  if (document.activeElement !== document.body && !place.contains(document.activeElement)) return; // it went on meanwhile
  const rows = [...place.querySelectorAll(".row")];
  const row = rows.find((one) => one.dataset.track === track) ?? rows[Math.min(at, rows.length - 1)];
  const held = (hold && row?.querySelector(hold)) ?? row;
  held?.focus({ preventScroll: true });
}

/**
 * Replace the list in `place` by `list`, letting rows glide from where they were (FLIP).
 *
 * The keyboard stays where it is in the list, or comes back to `left`, where it was before.
 */
export function glide(place, list, left = null) {
  const spot = focused(place) ?? left;
  const were = new Map([...place.querySelectorAll(".row")].map((old) => [old.dataset.track, old.getBoundingClientRect().top]));
  place.replaceChildren(list);
  if (spot) refocus(place, spot);
  if (calm.matches || !were.size) return;
  for (const one of list.children) {
    const from = were.get(one.dataset.track);
    const by = from === undefined ? null : from - one.getBoundingClientRect().top;
    if (by) one.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 420, easing: "cubic-bezier(.2,.8,.2,1)" });
    if (by === null) one.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 420 });
  }
}

/** Keep marking the row of what plays, until `signal` fires. */
export function followPlayer(place, signal) {
  const mark = () => {
    const now = player.current()?.track_id;
    for (const one of place.querySelectorAll(".row")) {
      const here = one.dataset.track === now;
      if (!here && !one.classList.contains("playing")) continue;
      one.classList.toggle("playing", here);
      if (here) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
      one.querySelector(".cover-icon").replaceChildren(icon(here && player.playing() ? "pause" : "play"));
    }
  };
  player.onPlayer(mark, signal);
  mark();
}
