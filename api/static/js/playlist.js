// Saving tracks as a playlist file.

import { announce, el, icon } from "./dom.js";
import { settle } from "./api.js";

const FORMATS = { m3u8: "M3U8", xspf: "XSPF", jspf: "JSPF" };
let made = 0;

async function save(format, title, tracks) {
  try {
    const body = JSON.stringify({ format, title, track_ids: tracks.map((track) => track.track_id) });
    const response = await fetch("/v1/playlists/export", { method: "POST", body, headers: { "Content-Type": "application/json" } });
    if (!response.ok) settle(response.status, await response.text());
    const address = URL.createObjectURL(await response.blob());
    el("a", { href: address, download: `${title}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    announce(`Saved ${tracks.length} tracks as ${FORMATS[format]}`);
  } catch (error) {
    announce(error.message);
  }
}

/** Button with the formats below it; `tracks()` gives what is saved, `title()` its name. */
export function saveMenu(title, tracks) {
  const id = `save-${++made}`;
  return [
    el("button", { type: "button", class: "quiet", popovertarget: id }, icon("save", 18), "Save"),
    el("div", { id, popover: "", class: "menu", "aria-label": "Save as" },
      Object.entries(FORMATS).map(([format, name]) =>
        el("button", { type: "button", onclick: (event) => { event.currentTarget.parentElement.hidePopover(); save(format, title(), tracks()); } }, name))),
  ];
}
