// Building the page. Text only ever becomes a text node, so tags of files cannot become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Element with attributes, listeners (`onclick: …`) and children; strings become text. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG; presentation attributes are no inline style, so the policy allows them. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const ICONS = {
  play: "M8 5.5v13l10.5-6.5Z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  next: "M6 5.5v13l9.5-6.5ZM18.5 5.5v13",
  previous: "M18 5.5v13L8.5 12ZM5.5 5.5v13",
  like: "M12 20s-7.5-4.6-7.5-10A4.3 4.3 0 0 1 12 7.3 4.3 4.3 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10Z",
  hide: "M4 4l16 16M9.9 5.2A9.6 9.6 0 0 1 12 5c5.5 0 9 7 9 7a16 16 0 0 1-2.6 3.4M6.3 6.8C4 8.6 3 12 3 12s3.5 7 9 7a9 9 0 0 0 3.7-.8M9.9 9.9a3 3 0 0 0 4.2 4.2",
  more: "M12 5v14M5 12h14",
  less: "M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  queue: "M4 6.5h11M4 12h11M4 17.5h7M17 13.5v7l4.5-3.5Z",
  save: "M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M4 19.5h16",
  hear: "M4 10v4h3.5L12 18V6L7.5 10ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  mic: "M12 3.5a3 3 0 0 1 3 3V12a3 3 0 0 1-6 0V6.5a3 3 0 0 1 3-3ZM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  map: "M5 6.5h.01M9 12h.01M6.5 17h.01M13 7h.01M14.5 14.5h.01M19 9.5h.01M18 18h.01",
  lasso: "M12 4c5 0 9 2.5 9 6s-4 6-9 6c-1.5 0-3-.2-4.3-.7M7.7 15.3C5 14.4 3 12.4 3 10c0-3.5 4-6 9-6M7.7 15.3a2 2 0 1 0-2 2.7c1.5 0 2.3 1.3 1.3 3",
  pan: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  path: "M5 19a2 2 0 1 0 0-.01M19 5a2 2 0 1 0 0-.01M6.5 17.5C12 16 11 8 17.5 6",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14ZM16.2 16.2 21 21",
};

/** Decorative icon, without a name of its own. */
export function icon(name, size = 20) {
  return svg("svg", { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: `icon icon-${name}` },
    svg("path", { d: ICONS[name] }));
}

/** Button that shows an icon; `label` is its name and its tooltip. */
export function iconButton(name, label, onclick, attributes = {}) {
  return el("button", { type: "button", class: "act", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

export function minutes(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Day of a `Date`, or its moment with `time`, in the page's own language. */
export function dated(date, { time = false } = {}) {
  return date.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", ...(time && { hour: "2-digit", minute: "2-digit" }) });
}

export function counted(n, noun, several = `${noun}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : several}`;
}

/** Random id; crypto.randomUUID exists on https and localhost only. */
export function newId(bytes = 16) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Call `react()` once the next picture is on the screen: what was pressed answers in it, and waits for nothing else. */
export function afterPaint(react) {
  requestAnimationFrame(() => setTimeout(react));
}

const announcer = document.getElementById("announcer");
let forgetting;

/** Say something briefly, to the eye and to a screen reader. */
export function announce(text) {
  announcer.textContent = text;
  announcer.classList.add("shown");
  clearTimeout(forgetting);
  forgetting = setTimeout(() => announcer.classList.remove("shown"), 4000);
}
