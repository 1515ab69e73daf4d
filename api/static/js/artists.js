// Lists of artists: one row an artist, with a cover that plays the artist.

import { call, link, path } from "./api.js";
import { artwork } from "./artwork.js";
import { announce, el, icon } from "./dom.js";
import * as player from "./player.js";
import { meter } from "./tracks.js";

/** Ordered list of artists {name, score, track_ids}; `mark` gives a note for one. */
export function artistList(items, { label, mark = null }) {
  return el("ol", { class: "tracks", "aria-label": label }, items.map((item) => {
    const note = mark?.(item);
    return el("li", { class: "row", tabindex: -1 },
      el("button", { type: "button", class: "cover round", "aria-label": `Play ${item.name}`, onclick: () => play(item.name) },
        artwork({ track_id: item.track_ids[0], artist: item.name }), el("span", { class: "cover-icon" }, icon("play"))),
      el("div", { class: "what" },
        el("a", { class: "title", href: link("/artist", { name: item.name }) }, item.name),
        note && el("span", { class: "why" }, el("span", { class: "badge soft" }, note))),
      meter("Likeness", item.score.toFixed(3), item.score));
  }));
}

async function play(name) {
  try {
    const { items } = await call(`${path`/v1/artists/${name}`}?limit=50`);
    player.play(items);
  } catch (error) {
    announce(error.message);
  }
}
