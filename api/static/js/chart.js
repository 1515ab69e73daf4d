// Means with their intervals, as dots on lines: SVG with presentation attributes, no inline style.

import { el, svg } from "./dom.js";

const WIDE = { width: 720, row: 30, left: 196, right: 64, shift: 0 };
const NARROW = { width: 340, row: 44, left: 4, right: 8, shift: 10 }; // names stand above their lines
const NARROW_PX = 560;
const TICKS = 4;

/** Element that holds `draw(narrow)`, drawn anew when it becomes narrow or wide. */
export function fitted(draw) {
  const place = el("div", { class: "fitted" });
  let narrow = null;
  new ResizeObserver(() => {
    const now = place.clientWidth < NARROW_PX;
    if (!place.clientWidth || now === narrow) return;
    narrow = now;
    place.replaceChildren(draw(narrow));
  }).observe(place);
  return place;
}

/** Round numbers from 0 up to `most`, some `TICKS` of them. */
function ticksUpTo(most) {
  const rough = most / TICKS;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * ten).find((part) => part >= rough * 0.999);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, n) => n * step);
}

/** Chart of `rows` {name, label, mean, low, high, strong}; the best on top. */
export function dots(rows, title, narrow = false) {
  const { width, row: high, left, right, shift } = narrow ? NARROW : WIDE;
  const most = Math.max(...rows.map((row) => row.high), 1e-9) * 1.04;
  const x = (value) => left + (value / most) * (width - left - right);
  const height = rows.length * high + 26;
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": title },
    ticksUpTo(most).map((tick) => [
      svg("line", { x1: x(tick), x2: x(tick), y1: 4, y2: height - 22, class: "grid" }),
      svg("text", { x: x(tick), y: height - 6, "text-anchor": tick ? "middle" : "start", class: "tick" }, String(Number(tick.toFixed(4)))),
    ]),
    rows.map((row, n) => {
      const y = n * high + high / 2 + 4 + shift;
      return svg("g", { class: row.strong ? "strong" : "" },
        narrow ? svg("text", { x: left, y: y - 14, class: "name" }, row.label)
          : svg("text", { x: left - 14, y: y + 5, "text-anchor": "end", class: "name" }, row.label),
        svg("line", { x1: x(0), x2: x(row.mean), y1: y, y2: y, class: "stem" }),
        svg("line", { x1: x(row.low), x2: x(row.high), y1: y, y2: y, class: "interval" }),
        svg("circle", { cx: x(row.mean), cy: y, r: row.strong ? 7 : 5, class: "dot" }),
        narrow ? svg("text", { x: width - right, y: y - 14, "text-anchor": "end", class: "value" }, row.mean.toFixed(3))
          : svg("text", { x: width - right + 12, y: y + 5, class: "value" }, row.mean.toFixed(3)));
    }));
}

/** Line through `points` {label, value, strong}, the first at the left. */
export function course(points, title, narrow = false) {
  const [width, few] = narrow ? [340, 3] : [720, 8];
  const [height, left, right, top, bottom] = [170, 46, narrow ? 34 : 60, 18, 28];
  const values = points.map((point) => point.value);
  const low = Math.max(0, Math.min(...values) * 0.9);
  const high = Math.max(...values) * 1.04 || 1;
  const x = (n) => left + (points.length === 1 ? 0.5 : n / (points.length - 1)) * (width - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low || 1)) * (height - top - bottom);
  const every = Math.ceil(points.length / few);
  const anchor = (n) => (n === 0 ? "start" : n === points.length - 1 ? "end" : "middle");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": title },
    [low, (low + high) / 2, high].map((tick) => [
      svg("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid" }),
      svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end", class: "tick" }, tick.toFixed(3)),
    ]),
    svg("path", { d: `M${points.map((point, n) => `${x(n)} ${y(point.value)}`).join("L")}`, class: "course" }),
    points.map((point, n) => svg("g", { class: point.strong ? "strong" : "" },
      svg("circle", { cx: x(n), cy: y(point.value), r: point.strong ? 7 : 5, class: "dot" }),
      (n % every === 0 || n === points.length - 1) && svg("text", { x: x(n), y: height - 6, "text-anchor": anchor(n), class: "tick" }, point.label))));
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
