// The card beside the pointer, and the legend: small things that lie on the map.

import { artwork } from "../artwork.js";
import { el } from "../dom.js";

const EDGE = 8;

/** Show `track` beside the screen position (x, y), within the stage. */
export function showTip(tip, track, [x, y], { width, height }) {
  tip.replaceChildren(
    el("span", { class: "tip-art" }, artwork(track)),
    el("span", {}, el("b", {}, track.title || track.track_id), el("span", { class: "hint" }, [track.artist, track.genre].filter(Boolean).join(" · "))));
  tip.hidden = false;
  const within = (value, most) => Math.max(EDGE, Math.min(value, most - EDGE));
  tip.style.translate = `${within(x + 16, width - tip.offsetWidth)}px ${within(y - tip.offsetHeight - 14, height - tip.offsetHeight)}px`;
}

/** Rows of a legend; those with a group are buttons, `only` is pressed, `choose(group)` picks one. */
export function legendRows(legend, only, choose) {
  return legend.map((entry) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = entry.colour;
    if (entry.group === undefined) return el("li", {}, swatch, entry.name);
    return el("li", {}, el("button", { type: "button", "aria-pressed": String(only === entry.group), onclick: () => choose(entry.group) }, swatch, entry.name));
  });
}
