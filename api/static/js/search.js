// Finding a track by its name while typing, over GET /v1/tracks.

import { call } from "./api.js";
import { artwork } from "./artwork.js";
import { combobox } from "./combobox.js";
import { el } from "./dom.js";

const MOST = 8;

/** Make `input` offer tracks; `choose(track)` is called with the one that was picked. */
export function search(input, choose, signal) {
  combobox(input, {
    label: "Tracks found",
    choose,
    ask: async (text, asked) => {
      const { items } = await call(`/v1/tracks?${new URLSearchParams({ query: text, limit: MOST })}`, { signal: asked });
      return { items, note: items.length ? "" : "No track is called that." };
    },
    option: (track) => [
      el("span", { class: "found-art" }, artwork(track)),
      el("span", {}, el("b", {}, track.title || track.track_id), el("span", { class: "hint" }, track.artist ?? "")),
    ],
  }, signal);
}
