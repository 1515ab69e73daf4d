// What the map shows: a view, its colours, and what is marked on it; drawn by cloud and overlay.

import { calm, counted, el } from "../dom.js";
import { Cloud } from "./cloud.js";
import { among, colouring } from "./data.js";
import { labelsOf, Overlay } from "./overlay.js";
import { legendRows } from "./tip.js";

const DIM = 40;
const SOLID = 235;

export class Scene {
  /** Over the elements `points`, `overlay` (canvases), `legend` and `stage` of the view. */
  constructor(map, { points, overlay, legend, stage }, signal) {
    this.map = map;
    this.legend = legend;
    this.view = Object.keys(map.views).sort().at(-1); // t-SNE where there is one
    this.kind = "genre";
    this.only = null; // group of the legend that stands out
    this.chosen = this.hovered = -1;
    this.marks = []; // {n, kind}, or {items, kind} for what lies among items
    this.line = [];
    this.cloud = new Cloud(points, { onframe: (moving) => (moving ? this.overlay.follow(this.cloud.budget.bare) : this.overlay.draw()), still: () => calm.matches, onthin: (n) => this.thinned(n) });
    this.overlay = new Overlay(overlay, this.cloud);
    if (!this.cloud.works) return;
    const around = (selector) => stage.querySelector(selector)?.getBoundingClientRect() ?? new DOMRect();
    this.cloud.inset = () => ({ top: around(".map-top").height, right: around(".map-tools").width, bottom: around(".legend").height });
    const resize = () => {
      this.cloud.resize();
      this.overlay.resize();
    };
    resize();
    this.tint(stage);
    addEventListener("themechange", () => this.tint(stage), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.tint(stage), { signal });
    const watching = new ResizeObserver(resize);
    watching.observe(stage);
    signal.addEventListener("abort", () => watching.disconnect());
    this.arrange();
  }

  /** Take up the colours of the page. */
  tint(stage) {
    this.cloud.ground = getComputedStyle(stage).backgroundColor.match(/\d+/g).slice(0, 3).map((part) => part / 255);
    this.cloud.draw();
  }

  get works() {
    return this.cloud.works;
  }

  at(n) {
    const points = this.map.views[this.view];
    return [points[2 * n], points[2 * n + 1]];
  }

  /** Show another view, or colour by something else. */
  turn({ view = this.view, kind = this.kind }) {
    const moves = view !== this.view;
    [this.view, this.kind, this.only] = [view, kind, kind === this.kind ? this.only : null];
    if (moves) this.arrange();
    else this.paint();
  }

  arrange() {
    this.cloud.place(this.map.views[this.view]);
    this.paint();
    this.cloud.fit();
    this.mark({});
  }

  paint() {
    const colours = colouring(this.map, this.kind);
    this.cloud.paint((n) => [...colours.colour(n), this.only === null || colours.group(n) === this.only ? SOLID : DIM]);
    this.overlay.labels = this.kind === "genre" ? labelsOf(colours.legend, colours.group, this.map.views[this.view]) : [];
    this.count = el("li", { class: "hint" }, counted(this.map.ids.length, "track"));
    this.legend.replaceChildren(...legendRows(colours.legend, this.only, (group) => {
      this.only = this.only === group ? null : group;
      this.paint();
    }), this.count);
  }

  thinned(n) {
    const all = this.map.ids.length;
    this.count.textContent = n < all ? `${counted(all, "track")}, ${n.toLocaleString("en")} of them while it moves` : counted(all, "track");
  }

  /** Mark points anew; what is not named stays. */
  mark({ chosen = this.chosen, hovered = this.hovered, marks = this.marks, line = this.line }) {
    Object.assign(this, { chosen, hovered, marks, line });
    const rings = marks.map(({ n, items, kind }) => [items ? among(this.map, this.view, items) : this.at(n), kind]);
    if (chosen >= 0) rings.push([this.at(chosen), "chosen"]);
    if (hovered >= 0) rings.push([this.at(hovered), "hover"]);
    this.overlay.rings = rings.filter(([spot]) => spot).map(([[x, y], kind]) => ({ x, y, kind }));
    this.overlay.line = line.map((n) => this.at(n));
    this.overlay.draw();
  }

  /** Marks for those of `items` that are on the map. */
  marksOf(items, kind) {
    return items.map((item) => this.map.at.get(item.track_id)).filter((n) => n !== undefined).map((n) => ({ n, kind }));
  }
}
