// Picking a listener: those of GET /v1/users, as far as one may see them, and those of late.

import { call } from "./api.js";
import { artwork } from "./artwork.js";
import { combobox } from "./combobox.js";
import { counted, dated, el } from "./dom.js";
import { recent } from "./listener.js";

const PAGE = 20;
const OF_LATE = 3;

/** Make `input` offer listeners; `choose(id)` is called with the one that was picked. */
export function pickListener(input, choose, signal) {
  let seen = null; // whether the key may see who there is

  async function ask(text, asked, cursor) {
    seen ??= await maySee(asked);
    const begins = (id) => id.toLowerCase().startsWith(text.toLowerCase());
    const late = recent().filter(begins).slice(0, seen.all ? OF_LATE : undefined);
    const own = cursor ? [] : late.map((id) => ({ user_id: id, late: true }));
    if (!seen.all) {
      const note = "The key of this page may not see who there is: type the whole id.";
      if (!seen.known) seen = null; // a key may still come
      return { items: own, note };
    }
    const wanted = new URLSearchParams({ limit: PAGE });
    if (text) wanted.set("query", text);
    if (cursor) wanted.set("cursor", cursor);
    const { items, next } = await call(`/v1/users?${wanted}`, { signal: asked });
    const others = items.filter((one) => !late.includes(one.user_id));
    const none = text ? "Nobody’s id or name begins like this. Go takes it all the same." : "Nobody has listened yet.";
    return { items: [...own.map((one) => items.find(({ user_id: id }) => id === one.user_id) ?? one), ...others], next,
      note: own.length || items.length || cursor ? "" : none };
  }

  combobox(input, { label: "Listeners", ask, option, choose: (one) => choose(one.user_id), open: true }, signal);
}

/** What the key of this page may see: `all` listeners; whether a key is `known`. */
export async function maySee(signal) {
  const { access, scopes } = await call("/v1/session", { signal });
  return { all: scopes.includes("admin"), known: access !== "none" };
}

function option(one) {
  const facts = [
    one.display_name && one.user_id,
    one.plays > 0 && counted(one.plays, "play"),
    one.plays === 0 && "nothing played",
    one.last_event_at && `last ${dated(new Date(one.last_event_at * 1000))}`,
    one.late && "here of late",
  ];
  return [
    el("span", { class: "found-art round" }, artwork({ track_id: one.user_id, artist: one.user_id })),
    el("span", {}, el("b", {}, one.display_name || one.user_id), el("span", { class: "hint" }, facts.filter(Boolean).join(" · "))),
  ];
}
