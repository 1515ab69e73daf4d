// Track: what it is, how it looks as sound, who plays it, and its neighbours by ear and by taste.

import { call, link, maybe, path } from "../api.js";
import { artwork } from "../artwork.js";
import { counted, el, icon, minutes } from "../dom.js";
import { neighbours } from "../neighbours.js";
import * as player from "../player.js";
import { players } from "../players.js";
import { showTrack, spectrogramCanvas } from "../spectrogram.js";
import { fill, message } from "../states.js";
import { followPlayer, rowAct, trackList } from "../tracks.js";

const LENGTH = 12;
const FEW = 3; // listeners who say little about whom a track is for

export function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const id = query.get("id");
  if (!id) {
    part("track").append(message("Which track?", "Search for one above, or choose one from a list."));
    main.querySelector(".near").hidden = true;
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

  players(part("players"), path`/v1/tracks/${id}/players`, signal);
  neighbours(main, {
    ask: async (space) => (await call(`${path`/v1/tracks/${id}/similar`}?${new URLSearchParams({ n: LENGTH, space })}`, { signal })).items,
    key: (item) => item.track_id,
    noun: "track",
    none: { sound: "Nothing in the library sounds like it.", taste: "Too few listeners play it to tell: for now its sound speaks for it." },
    list: (items, place, mark) => {
      const made = trackList(items, { label: place.id, acts: [rowAct("queue", "Queue", (track) => player.enqueue([track]))], mark });
      queueMicrotask(() => followPlayer(made, signal));
      return made;
    },
  }, signal);

  function head(track, plays) {
    const canvas = spectrogramCanvas();
    if (track.has_audio) showTrack(canvas, id, signal);
    const fact = (value) => value && el("li", {}, value);
    return el("div", { class: "hero" },
      el("div", { class: "hero-art" }, artwork(track)),
      el("div", { class: "hero-what" },
        el("h1", { tabindex: -1 }, track.title || id),
        el("p", { class: "hero-by" }, track.artist && el("a", { href: link("/artist", { name: track.artist }) }, track.artist), track.album && el("span", {}, track.artist ? ` · ${track.album}` : track.album)),
        el("ul", { class: "facts" }, fact(track.genre), fact(track.label && `on ${track.label}`), fact(track.year && String(track.year)), fact(minutes(track.duration)), plays && warmth(plays), sound(track)),
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
    const played = `${counted(plays, "play")} by ${counted(listeners, "listener")}`;
    return listeners <= FEW ? el("li", { class: "cold" }, `nearly cold: ${played}`) : el("li", {}, played);
  }
}
