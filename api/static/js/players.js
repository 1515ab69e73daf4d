// Who plays a track or an artist, for a key that may see listeners.

import { call, link } from "./api.js";
import { artwork } from "./artwork.js";
import { counted, el } from "./dom.js";
import { maySee } from "./listeners.js";
import { fill } from "./states.js";

const MOST = 8;

/** Fill the section `place` with the listeners of GET `address`; it stays hidden where there are none. */
export async function players(place, address, signal) {
  const list = el("ul", { class: "people" });
  place.querySelector("div").replaceChildren(list);
  await fill(list, async () => {
    if (!(await maySee(signal)).all) return [];
    const { items } = await call(`${address}?limit=${MOST}`, { signal });
    place.hidden = !items.length;
    return items.map((one) => el("li", {}, person(one)));
  }, { signal, quiet: true });
  if (list.querySelector(".failed")) place.hidden = false;
}

/** Link to the list of a listener {user_id, display_name, plays}. */
export function person({ user_id: id, display_name: name, plays }) {
  return el("a", { class: "person", href: link("/for-you", { listener: id }) },
    el("span", { class: "person-art" }, artwork({ track_id: id, artist: id })),
    el("span", {}, el("b", {}, name || id), el("span", { class: "hint" }, counted(plays, "play"))));
}
