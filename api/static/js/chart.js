// Means with their intervals, as dots on lines: SVG with presentation attributes, no inline style.

import { el, svg } from "./dom.js";

const ROW = 30;
const LABEL = 196;
const VALUE = 64;
const WIDTH = 720;

/** Chart of `rows` {name, label, mean, low, high, strong}; the best on top. */
export function dots(rows, title) {
  const most = Math.max(...rows.map((row) => row.high), 1e-9) * 1.04;
  const x = (value) => LABEL + (value / most) * (WIDTH - LABEL - VALUE);
  const height = rows.length * ROW + 26;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * most);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": title },
    ticks.map((tick) => [
      svg("line", { x1: x(tick), x2: x(tick), y1: 4, y2: height - 22, class: "grid" }),
      svg("text", { x: x(tick), y: height - 6, "text-anchor": "middle", class: "tick" }, tick.toFixed(most < 0.1 ? 3 : 2)),
    ]),
    rows.map((row, n) => {
      const y = n * ROW + ROW / 2 + 4;
      return svg("g", { class: row.strong ? "strong" : "" },
        svg("text", { x: LABEL - 14, y: y + 5, "text-anchor": "end", class: "name" }, row.label),
        svg("line", { x1: x(0), x2: x(row.mean), y1: y, y2: y, class: "stem" }),
        svg("line", { x1: x(row.low), x2: x(row.high), y1: y, y2: y, class: "interval" }),
        svg("circle", { cx: x(row.mean), cy: y, r: row.strong ? 7 : 5, class: "dot" }),
        svg("text", { x: WIDTH - VALUE + 12, y: y + 5, class: "value" }, row.mean.toFixed(3)));
    }));
}

/** Line through `points` {label, value}, the first at the left. */
export function course(points, title) {
  const [height, left, right, top, bottom] = [170, 46, 60, 18, 28];
  const values = points.map((point) => point.value);
  const low = Math.max(0, Math.min(...values) * 0.9);
  const high = Math.max(...values) * 1.04 || 1;
  const x = (n) => left + (points.length === 1 ? 0.5 : n / (points.length - 1)) * (WIDTH - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low || 1)) * (height - top - bottom);
  const few = Math.ceil(points.length / 8);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": title },
    [low, (low + high) / 2, high].map((tick) => [
      svg("line", { x1: left, x2: WIDTH - right, y1: y(tick), y2: y(tick), class: "grid" }),
      svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end", class: "tick" }, tick.toFixed(3)),
    ]),
    svg("path", { d: `M${points.map((point, n) => `${x(n)} ${y(point.value)}`).join("L")}`, class: "course" }),
    points.map((point, n) => svg("g", { class: point.strong ? "strong" : "" },
      svg("circle", { cx: x(n), cy: y(point.value), r: point.strong ? 7 : 5, class: "dot" }),
      (n % few === 0 || point.strong) && svg("text", { x: x(n), y: height - 6, "text-anchor": "middle", class: "tick" }, point.label))));
}

/** Table with a caption; `head` and `rows` hold text or nodes, the first of each row names it. */
export function table(caption, head, rows) {
  return el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
    el("table", {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col" }, cell)))),
      el("tbody", {}, rows.map(([name, ...cells]) =>
        el("tr", {}, el("th", { scope: "row" }, name), cells.map((cell) => el("td", {}, cell)))))));
}
