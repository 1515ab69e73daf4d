// Map: the catalogue by sound; look around, listen, catch points, walk from one track to another.

import { call, link, path } from "../api.js";
import { announce, counted, el, icon } from "../dom.js";
import { become, listener, recommendationsOf } from "../listener.js";
import { pickListener } from "../listeners.js";
import { load } from "../map/data.js";
import { steer } from "../map/hand.js";
import { Preview } from "../map/preview.js";
import { Scene } from "../map/scene.js";
import { showTip } from "../map/tip.js";
import { saveMenu } from "../playlist.js";
import * as player from "../player.js";
import { search } from "../search.js";
import { failure, fill, message } from "../states.js";
import { followPlayer, rowAct, trackList } from "../tracks.js";
import { turns } from "../turns.js";
import { note } from "../app.js";

const NAMES = { tsne: "t-SNE", pca: "PCA" };
const NEIGHBOURS = 12;
const STEPS = 12;
const MOST_CAUGHT = 200;
const MOST_CLOSE_UP = 8;
const SPARSE = 40; // √n of a map that shows all its points well apart

export async function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const state = part("map-state");
  if (!main.dataset.version) {
    state.append(message("There is no map yet", "It is drawn from the sound of the library: run recsys embed, then recsys train."));
    return;
  }
  let map;
  const there = await fill(state, async () => {
    map = await load(signal);
    return map.ids.length ? [] : message("The map is empty", "No track has been analysed: run recsys embed, then recsys train.");
  }, { signal, rows: 1, retry: () => mount(main, query, signal) });
  if (!there || !map.ids.length) return;
  const scene = new Scene(map, { points: part("points"), overlay: part("overlay"), legend: part("legend"), stage: part("stage") }, signal);
  if (!scene.works) {
    state.append(message("This browser draws no map", "It has no WebGL, or it is switched off. Neighbours are on the page of each track."));
    return;
  }
  const { cloud } = scene;
  const preview = new Preview(signal);
  const known = new Map();
  const nextPanel = turns(signal);
  let looping = false;
  let from = null; // where a path begins that has no end yet

  async function track(n) {
    const id = map.ids[n];
    if (!known.has(id)) {
      known.set(id, call(path`/v1/tracks/${id}`, { signal }).catch((error) => {
        known.delete(id); // whoever wants it next asks again
        throw error;
      }));
    }
    return known.get(id);
  }

  /** The track, or null where it was withdrawn since the map was drawn. */
  const offered = (n) => track(n).catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });

  async function hover(px, py) {
    const n = cloud.pick(px, py);
    if (n === scene.hovered) return;
    scene.mark({ hovered: n });
    part("points").classList.toggle("over-point", n >= 0);
    if (n < 0) return leave();
    preview.hear(map.ids[n]);
    const found = await track(n).catch(() => null);
    if (found && scene.hovered === n) showTip(part("tip"), found, cloud.toScreen(...scene.at(n)), cloud);
  }

  function leave() {
    scene.mark({ hovered: -1 });
    part("tip").hidden = true;
    preview.stop();
  }

  /** Open the panel beside the map; `work(signal)` gives its list. Returns the signal, which fires when another panel opens or none. */
  function beside(title, hint, extra, work) {
    const own = nextPanel();
    from = null;
    const body = el("div", {});
    const begin = async () => {
      if (await fill(body, work, { signal: own, retry: begin })) followPlayer(body, own);
    };
    part("beside").replaceChildren(
      el("header", { class: "results-head" },
        el("div", {}, el("h2", {}, title), hint && el("p", { class: "hint" }, hint)),
        el("button", { type: "button", class: "act", "aria-label": "Close", onclick: forget }, icon("close"))),
      el("div", { class: "head-acts" }, extra), body);
    part("beside").hidden = false;
    main.classList.add("with-beside");
    begin();
    return own;
  }

  function forget() {
    nextPanel();
    from = null;
    part("beside").hidden = true;
    main.classList.remove("with-beside");
    scene.mark({ chosen: -1, marks: [], line: [] });
    note(new URLSearchParams());
    part("points").focus();
  }

  const rows = (items, label) => trackList(items, { label, scores: false, acts: [rowAct("queue", "Queue", (one) => player.enqueue([one]))] });
  const gathered = (title, items) => [
    el("button", { type: "button", class: "primary", onclick: () => items().length && player.play(items()) }, icon("play", 18), "Play"),
    ...saveMenu(title, items),
  ];

  async function choose(n) {
    if (from !== null && n !== from) return walk(from, n);
    scene.mark({ chosen: n, marks: [], line: [] });
    note(new URLSearchParams({ track: map.ids[n] }));
    const found = await track(n);
    if (scene.chosen !== n) return;
    const name = found.title || found.track_id;
    beside(name, [found.artist, found.genre, found.year].filter(Boolean).join(" · "), [
      el("button", { type: "button", class: "primary", onclick: () => player.play([found]) }, icon("play", 18), "Play"),
      el("a", { class: "button quiet", href: link("/track", { id: found.track_id }) }, "Open"),
      el("button", { type: "button", class: "quiet", onclick: () => { from = n; announce(`Path from ${name}: choose where it leads`); } }, icon("path", 18), "Path to …"),
    ], async (own) => {
      const { items } = await call(`${path`/v1/tracks/${found.track_id}/similar`}?n=${NEIGHBOURS}`, { signal: own });
      scene.mark({ marks: scene.marksOf(items, "caught") });
      return rows(items, "Neighbours");
    });
  }

  async function walk(start, end) {
    from = null;
    scene.mark({ chosen: -1, marks: [], line: [] });
    const [a, b] = await Promise.all([track(start), track(end)]);
    if (scene.chosen >= 0) return; // another point was chosen meanwhile
    let items = [];
    const words = (between) => [a, b].map((one) => one.title || one.track_id).join(between);
    beside("Path", words(" → "), gathered(() => words(" to "), () => items), async (own) => {
      ({ items } = await call(`/v1/paths?${new URLSearchParams({ from: a.track_id, to: b.track_id, n: STEPS })}`, { signal: own }));
      const marks = scene.marksOf(items, "step");
      scene.mark({ marks, line: marks.map(({ n }) => n) });
      return rows(items, "Path");
    });
  }

  /** Show the loop that is drawn; once it is `done`, gather the tracks in it. */
  function caught(polygon, done) {
    scene.overlay.loop = done ? [] : polygon;
    scene.overlay.draw();
    if (done) gather(polygon, "in the loop");
  }

  function gather(polygon, where) {
    const all = cloud.inside(polygon);
    const inside = all.slice(0, MOST_CAUGHT);
    loopTool(false);
    scene.mark({ chosen: -1, line: [], marks: inside.map((n) => ({ n, kind: "caught" })) });
    if (!inside.length) return announce(`Nothing ${where}`);
    let items = [];
    const whole = where[0].toUpperCase() + where.slice(1);
    const hint = all.length > inside.length ? `A sample of the ${counted(all.length, "track")} ${where}` : whole;
    beside(counted(inside.length, "track"), hint, gathered(() => "From the map", () => items), async () => {
      items = (await Promise.all(inside.map(offered))).filter(Boolean);
      return rows(items, whole);
    });
  }

  /** The loop for the keyboard: around all that can be seen. */
  function gatherView() {
    const [right, bottom] = [cloud.width, cloud.height];
    gather([[0, 0], [right, 0], [right, bottom], [0, bottom]], "in view");
    if (scene.marks.length) announce(`${counted(scene.marks.length, "track")} in view`);
  }

  function taste() {
    const user = listener();
    const whose = el("input", { "aria-label": "Listener", placeholder: user ? "Another listener" : "Choose a listener", maxlength: 512 });
    const form = el("form", { class: "who-field", onsubmit: (event) => { event.preventDefault(); be(whose.value.trim()); } }, whose);
    const be = (id) => {
      if (!id) return;
      become(id);
      taste();
    };
    scene.mark({ chosen: -1, marks: [], line: [] });
    if (!user) {
      pickListener(whose, be, beside("Whose taste?", "It is drawn into the map: what they heard, and what to play next.", form, async () => []));
      whose.focus();
      return;
    }
    const shown = beside(user, "Rings: heard and liked. In colour: what to play next.", form, async (own) => {
      const [events, found] = await Promise.all([
        call(`${path`/v1/users/${user}/events`}?limit=1000&kinds=play,like`, { signal: own }),
        call(`${recommendationsOf(user)}?n=20`, { signal: own }),
      ]);
      const heard = [...new Map(events.items.map((event) => [event.track_id, event])).values()];
      scene.mark({ marks: [...scene.marksOf(heard, "taste"), ...scene.marksOf(found.items, "wanted")] });
      return rows(found.items, "To play next");
    });
    pickListener(whose, be, shown);
  }

  function loopTool(on) {
    looping = on;
    part("points").classList.toggle("looping", on);
    tools.lasso.setAttribute("aria-pressed", String(on));
  }

  const find = (id) => {
    const n = map.at.get(id);
    if (n === undefined) return announce("It is not on the map: it came after the current model, or has no sound.");
    const closeUp = Math.min(MOST_CLOSE_UP, Math.sqrt(map.ids.length) / SPARSE);
    if (closeUp > 1) cloud.show(...scene.at(n), closeUp);
    else cloud.fit();
    return choose(n);
  };
  const said = (error) => error.name !== "AbortError" && announce(error.message);

  const tool = (name, label, act, pressed) => el("button", { type: "button", class: "act", "aria-label": label, title: label, "aria-pressed": pressed, onclick: act }, icon(name));
  const tools = {
    lasso: tool("lasso", "Lasso: draw a loop around tracks, or press Enter on the map for all in view", (event) => {
      loopTool(!looping);
      if (looping && event.detail === 0) announce("Press Enter on the map for all in view"); // the keyboard draws no loop
    }, "false"),
    hear: tool("hear", "Hear what the pointer rests on", () => {
      preview.on = !preview.on;
      tools.hear.setAttribute("aria-pressed", String(preview.on));
    }, "false"),
    taste: tool("like", "Show the listener's taste", taste),
    closer: tool("more", "Zoom in", () => cloud.zoomBy(1.6)),
    away: tool("less", "Zoom out", () => cloud.zoomBy(1 / 1.6)),
    all: tool("pan", "Show everything", () => cloud.fit()),
  };
  part("tools").append(...Object.values(tools));
  part("views").append(...Object.keys(NAMES).filter((name) => name in map.views).map((name) => el("label", {},
    el("input", { type: "radio", name: "view", value: name, checked: name === scene.view, onchange: () => scene.turn({ view: name }) }), el("span", {}, NAMES[name]))));
  part("colour").addEventListener("change", () => scene.turn({ kind: part("colour").value }));
  search(part("map-search"), (one) => find(one.track_id)?.catch(said), signal);
  steer(part("points"), cloud, {
    hover, leave, lasso: caught, looping: () => looping, whole: gatherView,
    click: (px, py) => {
      const n = cloud.pick(px, py, 20);
      if (n >= 0) choose(n).catch(said);
    },
  }, signal);

  const asked = JSON.parse(sessionStorage.getItem("map-query") ?? "null");
  if (query.has("track")) find(query.get("track"))?.catch((error) => error.name !== "AbortError" && state.replaceChildren(failure(error)));
  else if (query.has("query") && asked) {
    scene.mark({ marks: [...scene.marksOf(asked.items, "caught"), { items: asked.items, kind: "query" }] });
    beside(asked.name, "Where it would lie, among what sounds like it", [], async () => rows(asked.items, "Sounds alike"));
  }
}
