// Artist: the tracks, the most played first, who plays them, and artists alike by ear and by taste.

import { call, link, path } from "../api.js";
import { artistList } from "../artists.js";
import { artwork } from "../artwork.js";
import { counted, el, icon } from "../dom.js";
import { neighbours } from "../neighbours.js";
import { saveMenu } from "../playlist.js";
import * as player from "../player.js";
import { players } from "../players.js";
import { showTrack, spectrogramCanvas } from "../spectrogram.js";
import { fill, message } from "../states.js";
import { followPlayer, rowAct, trackList } from "../tracks.js";

const COVERS = 4;
const LENGTH = 8;
const GENRES = 3;

export function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const name = query.get("name");
  let tracks = [];
  part("results-acts").hidden = true;
  if (!name) {
    part("artist").append(message("Which artist?", "Choose one from a list, or search for a track above."));
    part("own").hidden = main.querySelector(".near").hidden = true;
    return;
  }
  let asked = null; // both parts below share an answer; whoever tries again asks again
  const answer = () => (asked ??= call(`${path`/v1/artists/${name}`}?limit=200`, { signal }).catch((error) => {
    asked = null;
    throw error;
  }));
  fill(part("artist"), async () => {
    const found = await answer();
    document.title = `${found.name} – recsys`;
    const covers = found.items.slice(0, found.items.length < COVERS ? 1 : COVERS);
    return el("div", { class: "hero" },
      el("div", { class: `hero-art round covers-${covers.length}` }, covers.map(artwork)),
      el("div", { class: "hero-what" },
        el("h1", { tabindex: -1 }, found.name),
        el("ul", { class: "facts" },
          tags(found.items).map((tag) => el("li", {}, tag)),
          el("li", {}, counted(found.n_tracks, "track")),
          found.listeners ? el("li", {}, `${counted(found.plays, "play")} by ${counted(found.listeners, "listener")}`) : el("li", { class: "cold" }, "cold: nobody here has played them yet")),
        el("div", { class: "head-acts" },
          el("button", { type: "button", class: "primary", onclick: () => player.play(found.items) }, icon("play", 18), "Play all"))),
      sound(found.items[0]));
  }, { signal, rows: 2 });
  fill(part("results"), async () => {
    const found = await answer();
    tracks = found.items;
    part("results-acts").append(...saveMenu(() => found.name, () => tracks));
    part("results-acts").hidden = false;
    const most = Math.max(1, ...tracks.map((track) => track.plays));
    const made = trackList(tracks.map((track) => ({ ...track, score: track.plays / most })), {
      label: "Tracks", meters: { name: "Plays", text: (track) => counted(track.plays, "play") },
      by: (track) => [track.album, track.plays > 0 && counted(track.plays, "play")].filter(Boolean).join(" · "),
      acts: [rowAct("queue", "Queue", (track) => player.enqueue([track]))],
      mark: (track) => !track.listeners && "cold",
    });
    queueMicrotask(() => followPlayer(made, signal));
    return made;
  }, { signal });
  players(part("players"), path`/v1/artists/${name}/players`, signal);
  neighbours(main, {
    ask: async (space) => (await call(`${path`/v1/artists/${name}/similar`}?${new URLSearchParams({ n: LENGTH, space })}`, { signal })).items,
    key: (item) => item.name,
    noun: "artist",
    none: { sound: "No other artist of the library has been analysed.", taste: "Too few listeners play others to tell." },
    list: (items, place, mark) => artistList(items, { label: place.id, mark }),
  }, signal);

  /** How the track that is played most looks as sound. */
  function sound(track) {
    const canvas = spectrogramCanvas();
    const figure = el("figure", { class: "sounding", hidden: true }, canvas,
      el("figcaption", { class: "hint" }, "As sound: ", el("a", { href: link("/track", { id: track.track_id }) }, track.title || track.track_id), ", the most played track"));
    showTrack(canvas, track.track_id, signal).then(() => (figure.hidden = canvas.hidden));
    return figure;
  }
}

/** Genres of `tracks`, the commonest first, and the years they are from. */
function tags(tracks) {
  const counts = new Map();
  for (const { genre } of tracks) if (genre) counts.set(genre, (counts.get(genre) ?? 0) + 1);
  const genres = [...counts].sort(([, a], [, b]) => b - a).slice(0, GENRES).map(([genre]) => genre);
  const years = tracks.map((track) => track.year).filter(Boolean);
  const [first, last] = [Math.min(...years), Math.max(...years)];
  return years.length ? [...genres, first === last ? String(first) : `${first}–${last}`] : genres;
}
