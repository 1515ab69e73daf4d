// For you: a listener's list, which answers each play, like, skip and hide.

import { call, link } from "../api.js";
import { el, icon } from "../dom.js";
import { become, listener, onDid, recommendationsOf, stranger } from "../listener.js";
import { maySee, pickListener } from "../listeners.js";
import { saveMenu } from "../playlist.js";
import * as player from "../player.js";
import { person } from "../players.js";
import { failure, fill, message } from "../states.js";
import { focused, followPlayer, glide, RANKED, refocus, rowAct, trackList } from "../tracks.js";
import { go, note } from "../app.js";

const LENGTH = 20;
const PEOPLE = 18;
const DIALS = ["popularity", "diversity", "new_tracks"];
const WAIT_MS = 180;
const EMPTY = {
  discover: "Everything was heard, hidden or left out. Turn the dial to Familiar, or add tracks.",
  mix: "Everything is hidden or left out: add tracks.",
  relisten: "Nothing that was played is left to list: turn the dial to Discover.",
};
const WIDE = "(min-width: 1051px)";

export function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const results = part("results");
  const dials = part("dials");
  const turned = new Set();
  let shown = [];
  let left = null; // where the keyboard was when its button was pressed
  let asked = new AbortController();

  const user = query.get("listener") ?? listener();
  part("dials-panel").open = matchMedia(WIDE).matches;
  part("results-acts").append(
    el("button", { type: "button", class: "primary", onclick: () => shown.length && player.play(shown) }, icon("play", 18), "Play"),
    ...saveMenu(() => `For ${user}`, () => shown));
  part("results-acts").hidden = true;

  const be = (id) => {
    become(id);
    go(link("/for-you", { listener: id }));
  };
  pickListener(part("user"), be, signal);
  part("user").addEventListener("focus", () => part("user").select());
  part("who").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = part("user").value.trim();
    if (id) be(id);
  });
  part("stranger").addEventListener("click", () => be(stranger()));
  if (!main.dataset.version) return;
  if (!user) {
    part("dials-panel").hidden = true;
    part("results-title").textContent = "Who listens?";
    part("results-note").textContent = "Choose a listener of your log, or be someone new and teach the list with a few likes.";
    fill(results, someListeners, { signal, rows: 3 });
    return;
  }
  become(user);
  part("user").value = user;
  part("greeting").replaceChildren("For ", el("em", {}, user));

  async function someListeners() {
    if (!(await maySee(signal)).all) return [];
    const { items } = await call(`/v1/users?limit=${PEOPLE}`, { signal });
    if (!items.length) return message("Nobody has listened yet", "Be someone new, or bring a log with recsys listens import.");
    return el("ul", { class: "people" }, items.map((one) => el("li", {}, person(one))));
  }

  function address() {
    const wanted = new URLSearchParams({ n: LENGTH, mode: dials.elements.mode.value });
    for (const name of turned) wanted.set(name, dials.elements[name].value);
    return `${recommendationsOf(user)}?${wanted}`;
  }

  async function list(own) {
    const mode = dials.elements.mode.value;
    const found = await call(address(), { signal: own });
    // What the listener knows comes from no source that proposes.
    shown = found.items.map((item) => (item.sources.length ? item : { ...item, sources: ["history"] }));
    part("results-acts").hidden = !shown.length;
    if (!shown.length) {
      part("results-note").textContent = "";
      return message("The list is empty", mode === "relisten" && found.fallback ? "Nothing has been played yet: turn the dial to Discover." : EMPTY[mode]);
    }
    part("results-note").textContent = found.fallback
      ? "Nothing known of this listener leads to a track yet: this is what most people play. Like something."
      : `From model ${found.model_version}`;
    return trackList(shown, { label: "Your list", why: true, meters: RANKED, acts: [
      rowAct("like", "Like", (track, button) => say("like", track, button)),
      rowAct("next", "Skip", (track, button) => say("skip", track, button)),
      rowAct("hide", "Hide", (track, button) => say("hide", track, button)),
    ] });
  }

  async function say(kind, track, button) {
    const row = button.closest(".row");
    left = focused(results) ?? left;
    button.disabled = true;
    row.classList.add("told");
    const told = await player.act(kind, track);
    if (!told) {
      button.disabled = false;
      row.classList.remove("told");
      if (left) refocus(results, left);
      return;
    }
    await refresh();
  }

  async function refresh() {
    asked.abort();
    asked = new AbortController();
    const own = asked.signal;
    results.setAttribute("aria-busy", "true");
    try {
      const made = await list(own);
      if (own.aborted || signal.aborted) return;
      glide(results, made, left);
      left = null;
      followPlayer(results, own);
    } catch (error) {
      if (error.name === "AbortError") return;
      part("results-acts").hidden = true;
      part("results-note").textContent = "";
      results.replaceChildren(failure(error, refresh));
    } finally {
      if (asked.signal === own) results.setAttribute("aria-busy", "false");
    }
  }

  let waiting;
  dials.addEventListener("input", (event) => {
    if (DIALS.includes(event.target.name)) turned.add(event.target.name);
    clearTimeout(waiting);
    waiting = setTimeout(refresh, WAIT_MS);
  });
  dials.addEventListener("reset", () => {
    turned.clear();
    setTimeout(refresh);
  });
  onDid(({ kind }) => kind === "play" && refresh(), signal);
  signal.addEventListener("abort", () => asked.abort());
  note(new URLSearchParams({ listener: user }));
  const begin = async () => {
    if (await fill(results, list, { signal: asked.signal, retry: begin })) followPlayer(results, asked.signal);
  };
  begin();
}
