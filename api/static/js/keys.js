// Shortcuts: space, j and k, l, s, / and ?. They rest while somebody types.

import * as player from "./player.js";

const TYPING = "input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable]";
const PRESSABLE = "button, a, input, select, summary, canvas";

function rows() {
  return [...document.querySelectorAll("main .row")];
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement.closest(".row"));
  const to = all[Math.max(0, Math.min(all.length - 1, at + by))] ?? all[0];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

/** Press the button `act` of the focused row; false where no row is focused, or it has none. */
function press(act) {
  const button = document.activeElement.closest?.(".row")?.querySelector(`[data-act^="${act}"]`);
  button?.click();
  return Boolean(button);
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  l: () => press("like") || (player.current() && player.act("like", player.current())),
  s: () => press("skip") || player.skip(),
  n: () => player.next(),
  "/": () => document.getElementById("search").focus(),
  "?": () => document.getElementById("help").showModal(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
  if (event.key === " ") {
    const row = event.target.closest?.(".row");
    if (row === event.target) row.querySelector(".cover").click();
    else if (event.target.closest?.(PRESSABLE)) return;
    else player.toggle();
    event.preventDefault();
  } else if (event.key === "Enter" && event.target.matches?.(".row")) {
    event.target.querySelector(".cover").click();
  } else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

for (const opener of document.querySelectorAll("[data-help]")) opener.addEventListener("click", KEYS["?"]);
