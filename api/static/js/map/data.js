// The columns of GET /v1/map as typed arrays, and their colours.

import { call } from "../api.js";
import { hash } from "../artwork.js";

/** Ten hues that stay apart on paper and on black, the commonest genre first. */
const HUES = ["#e0603f", "#3f86d6", "#d9a21b", "#39a273", "#a368d9", "#e27fae", "#4fb3bf", "#8c9a35", "#b57c50", "#7a83e6"];
const GREY = "#8b8f97";
const RAMP = ["#4b4f78", "#7b6aa8", "#c76a8f", "#f2885f", "#fbc65f"];
const COLD = "#3f9be0";

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

/** Order in which every prefix is a fair sample, so that fewer points still show the whole. */
function shuffled(n) {
  const order = Uint32Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k--) {
    const other = hash(`map${k}`) % (k + 1);
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}

/** Map of the catalogue: `ids`, `views` (name → x, y in 0 … 1), genres, artists, listeners. */
export async function load(signal) {
  const found = await call("/v1/map", { signal });
  const order = shuffled(found.track_ids.length);
  const codes = (name) => {
    const raw = new Int32Array(bytes(found[name]));
    return Int32Array.from(order, (row) => raw[row]);
  };
  const views = {};
  for (const [name, packed] of Object.entries(found.views)) {
    const raw = new Uint16Array(bytes(packed));
    views[name] = new Float32Array(order.length * 2);
    order.forEach((row, n) => {
      views[name][2 * n] = raw[2 * row] / found.grid;
      views[name][2 * n + 1] = raw[2 * row + 1] / found.grid;
    });
  }
  const ids = Array.from(order, (row) => found.track_ids[row]);
  return { ids, at: new Map(ids.map((id, n) => [id, n])), views, genres: found.genres, genre: codes("genre"), artist: codes("artist"), listeners: codes("listeners") };
}

const rgb = (colour) => [1, 3, 5].map((n) => parseInt(colour.slice(n, n + 2), 16));

function between(ramp, share) {
  const place = Math.min(share, 0.9999) * (ramp.length - 1);
  const [from, to] = [rgb(ramp[Math.floor(place)]), rgb(ramp[Math.floor(place) + 1])];
  return from.map((value, c) => value + (to[c] - value) * (place % 1));
}

function byHue(degrees) {
  const part = (n) => {
    const k = (n + degrees / 30) % 12;
    return 255 * (0.58 - 0.62 * 0.42 * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return [part(0), part(8), part(4)];
}

/**
 * Colours by `kind` (genre, artist, listeners, cold): `group(n)` of each point (−1: other), `colour(n)`
 * as [r, g, b], and the legend as {name, colour, group}.
 */
export function colouring(map, kind) {
  if (kind === "genre") {
    const group = (n) => (map.genre[n] < HUES.length ? map.genre[n] : -1);
    const legend = map.genres.slice(0, HUES.length).map((name, code) => ({ name, colour: HUES[code], group: code }));
    if (map.genres.length > HUES.length || map.genre.includes(-1)) {
      legend.push({ name: map.genres.length > HUES.length ? "other genres" : "no genre", colour: GREY, group: -1 });
    }
    return { group, colour: (n) => rgb(HUES[group(n)] ?? GREY), legend };
  }
  if (kind === "artist") {
    return { group: (n) => map.artist[n], legend: [],
      colour: (n) => (map.artist[n] < 0 ? rgb(GREY) : byHue(hash(`artist${map.artist[n]}`) % 360)) };
  }
  if (kind === "listeners") {
    const most = Math.log1p(map.listeners.reduce((high, value) => Math.max(high, value), 1));
    return { group: () => 0, colour: (n) => between(RAMP, Math.log1p(map.listeners[n]) / most),
      legend: ["nobody", "", "some", "", "many listeners"].map((name, n) => ({ name, colour: RAMP[n] })).filter(({ name }) => name) };
  }
  const cold = (n) => (map.listeners[n] === 0 ? 1 : 0);
  return { group: cold, colour: (n) => rgb(cold(n) ? COLD : GREY),
    legend: [{ name: "cold: nobody took to it yet", colour: COLD, group: 1 }, { name: "somebody did", colour: GREY, group: 0 }] };
}

/** Place of something that is not on the map: among its nearest tracks, the nearer the heavier. */
export function among(map, view, items) {
  let [x, y, total] = [0, 0, 0];
  for (const { track_id: id, score } of items.slice(0, 5)) {
    const n = map.at.get(id);
    if (n === undefined) continue;
    const weight = Math.max(score ?? 1, 1e-3) ** 4;
    x += weight * map.views[view][2 * n];
    y += weight * map.views[view][2 * n + 1];
    total += weight;
  }
  return total ? [x / total, y / total] : null;
}
