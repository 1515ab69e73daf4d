// Track: what it is, how it looks as sound, and its neighbours by ear and by taste side by side.

import { call, link, maybe, path } from "../api.js";
import { artwork } from "../artwork.js";
import { counted, el, icon, minutes } from "../dom.js";
import * as player from "../player.js";
import { show } from "../spectrogram.js";
import { fill, message } from "../states.js";
import { followPlayer, rowAct, trackList } from "../tracks.js";

const LENGTH = 12;

export function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const id = query.get("id");
  if (!id) {
    part("track").append(message("Which track?", "Search for one above, or choose one from a list."));
    main.querySelector(".columns").hidden = true;
    return;
  }

  fill(part("track"), async () => {
    const [track, plays] = await Promise.all([
      call(path`/v1/tracks/${id}`, { signal }),
      maybe(path`/v1/tracks/${id}/listeners`, signal),
    ]);
    document.title = `${track.title || id} – recsys`;
    return head(track, plays);
  }, { signal, rows: 2 });

  neighbours();

  async function neighbours() {
    const similar = (space) => call(`${path`/v1/tracks/${id}/similar`}?${new URLSearchParams({ n: LENGTH, space })}`, { signal });
    const both = { sound: similar("audio"), taste: similar("collaborative") };
    const ids = Object.fromEntries(Object.entries(both).map(([name, asked]) =>
      [name, asked.then((found) => new Set(found.items.map((item) => item.track_id)), () => new Set())]));
    const column = (place, own, other, words, none) => fill(place, async () => {
      const [found, others] = [await both[own], await ids[other]];
      if (!found.items.length) return message("No neighbours", none);
      return trackList(found.items, { label: place.id, acts: [rowAct("queue", "Queue", (track) => player.enqueue([track]))], mark: (item) => others.has(item.track_id) && words });
    }, { signal, rows: 8 }).then((there) => there && followPlayer(place, signal));
    await Promise.all([
      column(part("in-sound"), "sound", "taste", "in taste, too", "Nothing in the library sounds like it."),
      column(part("in-taste"), "taste", "sound", "in sound, too", "Too few listeners play it to tell: for now its sound speaks for it."),
    ]);
  }

  function head(track, plays) {
    const canvas = el("canvas", { class: "spectrogram", role: "img", "aria-label": "Mel spectrogram: time runs to the right, pitch upwards", hidden: true });
    if (track.has_audio) spectrum(canvas);
    const fact = (value) => value && el("li", {}, value);
    return el("div", { class: "hero" },
      el("div", { class: "hero-art" }, artwork(track)),
      el("div", { class: "hero-what" },
        el("h1", { tabindex: -1 }, track.title || id),
        el("p", { class: "hero-by" }, track.artist && el("a", { href: link("/artist", { name: track.artist }) }, track.artist), track.album && el("span", {}, track.artist ? ` · ${track.album}` : track.album)),
        el("ul", { class: "facts" }, fact(track.genre), fact(track.label), fact(track.year && String(track.year)), fact(minutes(track.duration)), plays && warmth(plays), sound(track)),
        el("div", { class: "head-acts" },
          el("button", { type: "button", class: "primary", onclick: () => player.play([track]) }, icon("play", 18), "Play"),
          el("button", { type: "button", class: "quiet", onclick: () => player.enqueue([track]) }, icon("queue", 18), "Queue"),
          el("button", { type: "button", class: "quiet", onclick: () => player.act("like", track) }, icon("like", 18), "Like"),
          el("a", { class: "button quiet", href: link("/map", { track: id }) }, icon("map", 18), "On the map"),
          el("a", { class: "button quiet", href: link("/", { track: id }) }, icon("search", 18), "Refine"))),
      canvas);
  }

  function sound({ has_audio: has, analysis, analysis_reason: reason }) {
    if (analysis === "failed") return el("li", { class: "warning" }, `not analysed: ${reason || "no reason is known"}`);
    if (analysis === "pending") return el("li", {}, "waiting to be analysed");
    return !has && el("li", {}, "no audio here");
  }

  function warmth({ listeners, plays }) {
    if (!listeners) return el("li", { class: "cold" }, "cold: nobody here has played it yet");
    return el("li", {}, `${counted(plays, "play")} by ${counted(listeners, "listener")}`);
  }

  async function spectrum(canvas) {
    try {
      const response = await fetch(path`/v1/tracks/${id}/audio`, { signal });
      if (response.ok && (await show(canvas, await response.arrayBuffer())) && !signal.aborted) canvas.hidden = false;
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }
}
