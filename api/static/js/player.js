// The player at the foot of every page: a queue, one audio element, and what was heard told on.

import { path, link } from "./api.js";
import { artwork } from "./artwork.js";
import { afterPaint, announce, el, icon, iconButton, minutes } from "./dom.js";
import { did } from "./listener.js";

const WORTH_TELLING_S = 2;
const RESTART_S = 3;

const changes = new EventTarget();
const audio = new Audio();
audio.preload = "none";
let queue = [];
let place = -1;
let heard = 0;
let before = 0;
let drawing = false;
let shown = null;

const bar = document.getElementById("player");
const parts = {};

export const current = () => queue[place] ?? null;
export const playing = () => !audio.paused;
export const upNext = () => queue.slice(place + 1);

/** Call `react()` whenever another track plays, or playing stops or starts, until `signal` fires. */
export function onPlayer(react, signal) {
  changes.addEventListener("change", react, { signal });
}

/** Play `tracks[at]` and go on with those after it. */
export function play(tracks, at = 0) {
  tell();
  queue = [...tracks];
  load(at);
}

export function enqueue(tracks) {
  if (!current()) return play(tracks);
  queue.push(...tracks);
  announce(`${tracks.length === 1 ? tracks[0].title || tracks[0].track_id : `${tracks.length} tracks`} added to the queue`);
  changed();
}

export function toggle() {
  if (!current()) return;
  if (audio.paused) start();
  else audio.pause();
}

export function next() {
  tell();
  if (place + 1 < queue.length) load(place + 1);
  else stop();
}

export function previous() {
  if (audio.currentTime > RESTART_S || place === 0) audio.currentTime = 0;
  else {
    tell();
    load(place - 1);
  }
}

/** Skip what plays, and say so. */
export async function skip() {
  const track = current();
  if (!track) return;
  heard = 0; // a skip says more than the seconds before it
  next();
  await act("skip", track);
}

/** Send an event of the listener; says what became of it. */
export async function act(kind, track) {
  const words = { like: "Liked", skip: "Skipped", hide: "Hidden", dislike: "Disliked" };
  try {
    const told = await did(kind, track);
    announce(told ? `${words[kind]} ${track.title || track.track_id}` : "Choose a listener under For you; then this counts.");
    return told;
  } catch (error) {
    announce(error.message);
    return false;
  }
}

function load(at) {
  place = at;
  heard = before = 0;
  audio.src = path`/v1/tracks/${queue[at].track_id}/audio`;
  start();
  tellSystem(queue[at]);
  changed();
}

function start() {
  audio.play().catch((error) => {
    if (error.name === "NotAllowedError") announce("Press play: the browser wants a click first.");
  });
}

function stop() {
  audio.pause();
  audio.removeAttribute("src");
  queue = [];
  place = -1;
  tellSystem(null);
  changed();
}

/** Tell the service how much of the track was heard. */
function tell() {
  const track = current();
  const length = audio.duration || track?.duration;
  if (track && heard >= WORTH_TELLING_S && length) did("play", track, Math.min(1, heard / length)).catch(() => {});
  heard = 0;
}

/** Tell who follows what plays at once; the rest of the bar comes a picture later. */
function changed() {
  parts.toggle.replaceChildren(icon(audio.paused ? "play" : "pause", 24));
  parts.toggle.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
  if (navigator.mediaSession) navigator.mediaSession.playbackState = !current() ? "none" : audio.paused ? "paused" : "playing";
  changes.dispatchEvent(new Event("change"));
  if (drawing) return;
  drawing = true;
  afterPaint(draw);
}

function draw() {
  drawing = false;
  const track = current();
  if (track && track !== shown) {
    parts.art.replaceChildren(artwork(track));
    parts.title.textContent = track.title || track.track_id;
    parts.title.href = link("/track", { id: track.track_id });
    parts.artist.textContent = track.artist ?? "";
    if (track.artist) parts.artist.href = link("/artist", { name: track.artist });
    else parts.artist.removeAttribute("href"); // a link without a name would still take the focus
  }
  shown = track;
  bar.hidden = !track;
  document.body.classList.toggle("with-player", !bar.hidden);
  parts.count.textContent = upNext().length || "";
  if (parts.panel.matches(":popover-open")) list();
}

/** Fill the panel of what waits; covers that nobody sees would be drawn at every change. */
function list() {
  const waiting = upNext();
  parts.queue.replaceChildren(...waiting.map((waits, n) =>
    el("li", {},
      el("button", { type: "button", class: "queued", onclick: () => { tell(); load(place + 1 + n); } },
        el("span", { class: "queued-art" }, artwork(waits)),
        el("span", {}, el("b", {}, waits.title || waits.track_id), el("span", { class: "hint" }, waits.artist ?? ""))))));
  if (!waiting.length) parts.queue.append(el("li", { class: "hint" }, "Nothing is waiting."));
}

/** What plays, for the lock screen of a phone and whoever else shows it. */
function tellSystem(track) {
  if (!navigator.mediaSession) return;
  navigator.mediaSession.metadata = track && new MediaMetadata({ title: track.title || track.track_id, artist: track.artist ?? "", album: track.album ?? "" });
}

function moved() {
  const length = audio.duration || current()?.duration || 0;
  const step = audio.currentTime - before;
  if (step > 0 && step < 2) heard += step; // a jump is no listening
  before = audio.currentTime;
  parts.seek.max = length || 1;
  parts.seek.value = audio.currentTime;
  parts.seek.setAttribute("aria-valuetext", `${minutes(audio.currentTime)} of ${minutes(length)}`);
  write(parts.now, minutes(audio.currentTime));
  write(parts.length, minutes(length));
}

/** Four times a second comes the same second: only what differs is laid out again. */
function write(part, text) {
  if (part.textContent !== text) part.textContent = text;
}

function build() {
  const make = (name, tag, attributes = {}, ...children) => (parts[name] = el(tag, attributes, ...children));
  const panel = make("panel", "div", { id: "queue", popover: "", class: "queue", "aria-label": "Queue", onbeforetoggle: (event) => event.newState === "open" && list() },
    el("h2", {}, "Up next"), make("queue", "ol", {}));
  bar.append(
    el("div", { class: "now" }, make("art", "span", { class: "now-art" }),
      el("span", { class: "now-what" }, make("title", "a", { class: "now-title" }), make("artist", "a", { class: "now-by" }))),
    el("div", { class: "controls" },
      iconButton("previous", "Previous", previous),
      make("toggle", "button", { type: "button", class: "act big", onclick: toggle }),
      iconButton("next", "Next", next)),
    el("div", { class: "where" }, make("now", "span", { class: "time" }),
      make("seek", "input", { type: "range", min: 0, max: 1, step: "any", value: 0, "aria-label": "Position", oninput: () => { audio.currentTime = parts.seek.value; } }),
      make("length", "span", { class: "time" })),
    el("div", { class: "extras" },
      iconButton("like", "Like what plays", () => current() && act("like", current())),
      el("button", { type: "button", class: "act", popovertarget: "queue", "aria-label": "Queue", title: "Queue" }, icon("queue"), make("count", "span", { class: "count" }))),
    panel);
}

build();
audio.addEventListener("timeupdate", moved);
for (const type of ["play", "pause"]) audio.addEventListener(type, changed);
audio.addEventListener("ended", next);
audio.addEventListener("error", () => {
  if (!audio.hasAttribute("src")) return;
  announce(`${current()?.title || "This track"} cannot be played: its file is not here, or the service does not stream.`);
  changed();
});
for (const [action, react] of [["play", start], ["pause", () => audio.pause()], ["nexttrack", next], ["previoustrack", previous]]) {
  navigator.mediaSession?.setActionHandler(action, react);
}
addEventListener("pagehide", tell);
