// Who listens here, and what they do: every play, like, skip and hide becomes an event.

import { call, path } from "./api.js";
import { newId } from "./dom.js";

const KEY = "listener";
const RECENT = "recent-listeners";
const changes = new EventTarget();

export function listener() {
  return localStorage.getItem(KEY);
}

export function become(user) {
  localStorage.setItem(KEY, user);
  localStorage.setItem(RECENT, JSON.stringify([user, ...recent().filter((id) => id !== user)].slice(0, 8)));
}

export function recent() {
  return JSON.parse(localStorage.getItem(RECENT) ?? "[]");
}

/** Name for somebody new. */
export function stranger() {
  return `guest-${newId(3)}`;
}

/** Tell the service what the listener did; resolves to false where nobody has been chosen. */
export async function did(kind, track, ratio) {
  const user = listener();
  if (!user) return false;
  const event = { event_id: newId(), user_id: user, track_id: track.track_id, kind };
  if (ratio !== undefined) event.play_ratio = ratio;
  await call("/v1/events", { method: "POST", body: { events: [event] }, keepalive: true }); // the last play is told when the page is left
  changes.dispatchEvent(new CustomEvent("did", { detail: { kind, track, ratio } }));
  return true;
}

/** Call `react({kind, track, ratio})` after each event until `signal` fires. */
export function onDid(react, signal) {
  changes.addEventListener("did", (event) => react(event.detail), { signal });
}

export const recommendationsOf = (user) => path`/v1/users/${user}/recommendations`;
