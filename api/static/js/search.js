// Finding a track by its name while typing: a combobox (WAI-ARIA 1.2) over GET /v1/tracks.

import { call } from "./api.js";
import { artwork } from "./artwork.js";
import { el } from "./dom.js";

const WAIT_MS = 140;
const MOST = 8;
let made = 0;

/** Make `input` offer tracks; `choose(track)` is called with the one that was picked. */
export function search(input, choose, signal) {
  const id = `found-${++made}`;
  const list = el("ul", { id, class: "found", role: "listbox", "aria-label": "Tracks found", hidden: true });
  input.after(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" })) {
    input.setAttribute(name, value);
  }
  let found = [];
  let at = -1;
  let waiting;
  let asked = new AbortController();

  function show(items, note = "") {
    found = items;
    at = -1;
    list.replaceChildren(...items.map((track, n) =>
      el("li", { id: `${id}-${n}`, role: "option", "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); pick(n); } },
        el("span", { class: "found-art" }, artwork(track)),
        el("span", {}, el("b", {}, track.title || track.track_id), el("span", { class: "hint" }, track.artist ?? "")))));
    if (note) list.append(el("li", { class: "hint", role: "option", "aria-disabled": "true", "aria-selected": "false" }, note));
    list.hidden = !list.children.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  }

  function mark(to) {
    at = (to + found.length) % found.length;
    [...list.children].forEach((option, n) => option.setAttribute("aria-selected", String(n === at)));
    input.setAttribute("aria-activedescendant", `${id}-${at}`);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  function pick(n) {
    const track = found[n];
    input.value = "";
    show([]);
    if (track) choose(track);
  }

  async function ask() {
    asked.abort();
    asked = new AbortController();
    const text = input.value.trim();
    if (!text) return show([]);
    try {
      const answer = await call(`/v1/tracks?${new URLSearchParams({ query: text, limit: MOST })}`, { signal: asked.signal });
      show(answer.items, answer.items.length ? "" : "No track is called that.");
    } catch (error) {
      if (error.name !== "AbortError") show([], error.message);
    }
  }

  const on = (type, react) => input.addEventListener(type, react, { signal });
  on("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, WAIT_MS);
  });
  on("blur", () => show([]));
  on("keydown", (event) => {
    if (event.key === "ArrowDown" && found.length) mark(at + 1);
    else if (event.key === "ArrowUp" && found.length) mark(at < 0 ? -1 : at - 1);
    else if (event.key === "Enter" && found.length) pick(Math.max(at, 0));
    else if (event.key === "Escape") show([]);
    else return;
    event.preventDefault();
  });
}
