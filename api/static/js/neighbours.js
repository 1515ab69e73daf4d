// What is near in sound and what is near in taste, side by side: where both differ is what tells most.

import { Problem } from "./api.js";
import { counted } from "./dom.js";
import { fill, message } from "./states.js";

const SPACES = { sound: "audio", taste: "collaborative" };

/**
 * Fill both columns of `main`, and say how far they agree.
 *
 * `ask(space)` resolves to the neighbours in a space (audio, collaborative), `key(item)` names one,
 * `list(items, place, mark)` makes a list of them, and `noun` is what they are. `none` says why
 * there are no neighbours in a space.
 */
export function neighbours(main, { ask, key, list, noun, none }, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const asked = { sound: ask(SPACES.sound), taste: ask(SPACES.taste) };
  const names = Object.fromEntries(Object.entries(asked).map(([name, items]) =>
    [name, items.then((found) => new Set(found.map(key)), () => new Set())]));
  const column = (place, own, other, words) => fill(place, async () => {
    const first = asked[own];
    asked[own] = null; // whoever tries again asks again
    const items = await (first ?? ask(SPACES[own])).catch(unknown);
    const others = await names[other];
    if (items instanceof Problem) return message("No neighbours", own === "sound" ? items.message : none.taste);
    if (!items.length) return message("No neighbours", none[own]);
    return list(items, place, (item) => others.has(key(item)) && words);
  }, { signal, rows: 8 });
  column(part("in-sound"), "sound", "taste", "in taste, too");
  column(part("in-taste"), "taste", "sound", "in sound, too");
  Promise.all([names.sound, names.taste]).then(([sound, taste]) => {
    if (!signal.aborted) part("agreement").textContent = agreement(sound, taste, noun);
  });
}

/** What the model cannot place in a space is no failure. */
function unknown(error) {
  if (error.type === "not-analysed") return error;
  throw error;
}

function agreement(sound, taste, noun) {
  if (!sound.size || !taste.size) return "";
  const shared = [...sound].filter((name) => taste.has(name)).length;
  const most = Math.max(sound.size, taste.size);
  if (!shared) return `Ear and listeners disagree: no ${noun} is in both lists.`;
  if (shared === most) return "Ear and listeners agree on all of them.";
  return `Ear and listeners agree on ${shared} of ${counted(most, noun)}; all the others are in one list only.`;
}
