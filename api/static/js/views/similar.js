// Find similar: a file, a recording or a track becomes a question, and likes and unlikes refine it.

import { call, path, upload, link } from "../api.js";
import { artwork } from "../artwork.js";
import { announce, calm, el, icon, minutes } from "../dom.js";
import { canRecord, record } from "../microphone.js";
import { give } from "../own-sound.js";
import { saveMenu } from "../playlist.js";
import * as player from "../player.js";
import { search } from "../search.js";
import { MOST_BYTES, show } from "../spectrogram.js";
import { failure, fill, message } from "../states.js";
import { followPlayer, glide, rowAct, trackList } from "../tracks.js";
import { turns } from "../turns.js";
import { go } from "../app.js";

const LENGTH = 20;
const COVERS = 24; // whole rows of two, three, four or six
const RECORD_S = 10;
const ROOM = "The room";

export function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const results = part("results");
  let asked = null; // {name, seed: {query_id} or {track_id}}
  let seeds = []; // {track, weight}
  let under = new AbortController();
  let shown = [];
  const nextList = turns(signal);
  const nextSound = turns(signal); // the file asked about, there to be heard

  part("results-acts").append(
    el("a", { class: "button quiet", href: link("/map", { query: 1 }), onclick: () => sessionStorage.setItem("map-query", JSON.stringify({ name: asked.name, items: shown })) }, icon("map", 18), "On the map"),
    ...saveMenu(() => `Sounds like ${asked?.name ?? "this"}`, () => shown));
  part("results-acts").hidden = true;
  if (!main.dataset.version) part("file").disabled = part("record").disabled = true;
  else if (!query.has("track")) suggest();
  if (!canRecord()) part("record").hidden = true;

  /** Covers to begin with, where nothing has been asked. */
  async function suggest() {
    const own = begin(); // whatever is asked for meanwhile ends it
    part("results-title").textContent = "Or begin with one of these";
    await fill(results, async () => {
      const { items } = await call(`/v1/tracks?limit=${COVERS}`, { signal: own });
      if (!items.length) return message("The library is empty", "Add a folder of music with recsys library add FOLDER, then run recsys embed and recsys train.");
      return el("ul", { class: "gallery" }, items.map((track) => el("li", {}, el("a", { href: link("/", { track: track.track_id }) },
        el("span", { class: "gallery-art" }, artwork(track)), el("b", {}, track.title || track.track_id), el("span", { class: "hint" }, track.artist ?? "")))));
    }, { signal: own, rows: 3 });
  }

  function begin() {
    part("results-title").textContent = "Sounds alike";
    under.abort();
    under = new AbortController();
    signal.addEventListener("abort", () => under.abort(), { signal: under.signal });
    return under.signal;
  }

  function head(name, hint, art = null) {
    part("query").hidden = false;
    part("query-title").textContent = name;
    part("query-note").textContent = hint;
    part("query-art").replaceChildren(art ?? icon(name === ROOM ? "mic" : "hear", 28));
    part("query-art").classList.toggle("drawn", Boolean(art));
    part("seeds").replaceChildren();
    part("spectrogram").hidden = part("results-acts").hidden = true;
    nextSound();
    seeds = [];
  }

  async function spectrum(bytes, own) {
    const canvas = part("spectrogram");
    if ((await show(canvas, bytes)) && !own.aborted) canvas.hidden = false;
  }

  async function send(file, name = file.name) {
    const most = Number(main.dataset.maxUploadMb);
    const bar = part("bar");
    const own = begin();
    head(name, "Sending …");
    part("file").value = ""; // the same file may be chosen again
    if (file.size > most * 2 ** 20) {
      part("query-note").textContent = "";
      part("cancel").hidden = bar.hidden = true;
      results.setAttribute("aria-busy", "false");
      results.replaceChildren(failure({ status: 413, message: `The file has ${(file.size / 2 ** 20).toFixed(0)} MB; ${most} MB is the most.` }));
      return;
    }
    give(part("query-sound"), file, nextSound());
    part("cancel").hidden = bar.hidden = false;
    bar.value = 0;
    results.setAttribute("aria-busy", "true");
    // The service draws for browsers that cannot, and only once this one has tried.
    const here = file.size > MOST_BYTES ? Promise.resolve() : file.arrayBuffer().then((bytes) => spectrum(bytes, own)).catch(console.error);
    const onprogress = (share) => {
      if (share < 1) bar.value = share;
      else bar.removeAttribute("value");
      part("query-note").textContent = share < 1 ? `Sending, ${Math.round(share * 100)}%` : "Listening to it …";
    };
    let worked = false;
    worked = await fill(results, async () => {
      const found = await upload("/v1/similar", { file, n: LENGTH }, { signal: own, onprogress });
      asked = { name, seed: found.query_id && { query_id: found.query_id } };
      part("query-note").textContent = `${minutes(found.duration)} of sound`;
      if (found.spectrogram_url) here.then(() => part("spectrogram").hidden && !own.aborted && drawn(found.spectrogram_url)).catch(console.error);
      return list(found.items);
    }, { signal: own });
    if (under.signal === own) {
      part("cancel").hidden = bar.hidden = true;
      if (!worked) part("query-note").textContent = "";
      reveal();
    }
  }

  async function drawn(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = part("spectrogram");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    canvas.hidden = false;
  }

  function list(items) {
    shown = items;
    part("results-acts").hidden = !items.length;
    if (!items.length) return message("Nothing alike", "No track of the catalogue has been analysed: run recsys embed, then recsys train.");
    const acts = asked?.seed ? [
      rowAct("more", "More like", (track) => refine(track, 1)),
      rowAct("less", "Less like", (track) => refine(track, -1)),
    ] : [];
    acts.push(rowAct("queue", "Queue", (track) => player.enqueue([track])));
    const made = trackList(items, { acts, label: "Sounds alike" });
    const own = nextList();
    queueMicrotask(() => followPlayer(made, own));
    return made;
  }

  async function refine(track, weight) {
    seeds = [...seeds.filter((seed) => seed.track.track_id !== track.track_id), { track, weight }];
    announce(weight > 0 ? `More like ${track.title || track.track_id}` : `Less like ${track.title || track.track_id}`);
    await ask();
  }

  function forget(seed) {
    const at = seeds.indexOf(seed);
    seeds = seeds.filter((one) => one !== seed);
    ask();
    const others = part("seeds").querySelectorAll("button");
    (others[Math.min(at, others.length - 1)] ?? results.querySelector(".row"))?.focus({ preventScroll: true });
  }

  async function ask() {
    part("seeds").replaceChildren(...seeds.map((seed) =>
      el("li", { class: seed.weight > 0 ? "seed" : "seed less" }, icon(seed.weight > 0 ? "more" : "less", 16), seed.track.title || seed.track.track_id,
        el("button", { type: "button", class: "act small", "aria-label": `Forget ${seed.track.title || seed.track.track_id}`, onclick: () => forget(seed) }, icon("close", 16)))));
    const own = begin();
    results.setAttribute("aria-busy", "true");
    try {
      const body = { n: LENGTH, seeds: [{ ...asked.seed, weight: 1 }, ...seeds.map(({ track, weight }) => ({ track_id: track.track_id, weight }))] };
      const { lists } = await call("/v1/recommendations", { method: "POST", body, signal: own });
      glide(results, list(lists[0].items));
    } catch (error) {
      if (error.name !== "AbortError") results.replaceChildren(failure(error, ask));
    } finally {
      if (under.signal === own) results.setAttribute("aria-busy", "false");
    }
  }

  async function fromTrack(id) {
    const own = begin();
    head(id, "");
    await fill(results, async () => {
      const [track, found] = await Promise.all([
        call(path`/v1/tracks/${id}`, { signal: own }),
        call(`${path`/v1/tracks/${id}/similar`}?n=${LENGTH}`, { signal: own }),
      ]);
      head(track.title || id, [track.artist, track.album].filter(Boolean).join(" · "), artwork(track));
      asked = { name: track.title || id, seed: { track_id: id } };
      return list(found.items);
    }, { signal: own });
  }

  function reveal() {
    part("query").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" });
  }

  const chosen = () => part("file").files[0] && send(part("file").files[0]);
  part("sound").addEventListener("submit", (event) => event.preventDefault());
  part("file").addEventListener("change", chosen);
  part("cancel").addEventListener("click", () => {
    under.abort();
    nextSound();
    part("query").hidden = true;
    results.replaceChildren(message("Given up", "Nothing was kept."));
    part("file").focus();
  });
  const drop = main.querySelector(".drop");
  // Anywhere on the view: a file that misses would open in place of the page.
  for (const type of ["dragenter", "dragover"]) {
    addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    }, { signal });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"), { signal });
  addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file && main.dataset.version) send(file);
  }, { signal });
  part("record").addEventListener("click", async () => {
    const own = begin();
    head(ROOM, "Listening …");
    part("cancel").hidden = part("bar").hidden = false;
    let file;
    try {
      file = await record(RECORD_S, { signal: own, ontick: (level, left) => {
        part("bar").value = level;
        part("query-note").textContent = `Listening, ${Math.max(0, Math.ceil(left))} s left`;
      } });
    } catch (error) {
      if (under.signal !== own) return; // something else is the question now
      part("cancel").hidden = part("bar").hidden = true;
      if (error.name === "AbortError") return;
      part("query").hidden = true;
      const what = error.name === "NotAllowedError" ? "The browser may not listen: allow the microphone beside the address, then press again."
        : error.name === "NotFoundError" ? "No microphone is there: plug one in, or drop a file." : `The microphone cannot be used: ${error.message}`;
      results.replaceChildren(message("Nothing was recorded", what, [], "failed"));
      return;
    }
    await send(file, ROOM);
  });
  search(part("seed-search"), (track) => go(link("/", { track: track.track_id })), signal);
  if (query.has("track")) fromTrack(query.get("track"));
  else chosen(); // before this script was there
}
