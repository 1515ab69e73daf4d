// A field that offers what goes with its text: a combobox with a listbox (WAI-ARIA 1.2).

import { el } from "./dom.js";

const WAIT_MS = 140;
const NEAR_END_PX = 120;
let made = 0;

/**
 * Make `input` offer things.
 *
 * `ask(text, signal, cursor)` resolves to {items, next, note}: a page of what to offer, the cursor of
 * the page after it, and a line below; `option(item)` gives the children of one, `choose(item)` is
 * called with the one that was picked. A field that is `open` also offers without any text, and
 * leaves Enter to its form while nothing is marked.
 */
export function combobox(input, { label, ask, option, choose, open = false }, signal) {
  const id = `found-${++made}`;
  const list = el("ul", { id, class: "found", role: "listbox", "aria-label": label, hidden: true });
  input.after(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" })) {
    input.setAttribute(name, value);
  }
  let found = [];
  let at = -1;
  let next = null;
  let text = "";
  let waiting;
  let asked = new AbortController();

  const shown = () => !list.hidden;
  const options = () => list.querySelectorAll("[role=option]:not([aria-disabled])");

  function add({ items, next: following = null, note }) {
    list.querySelector("[aria-disabled]")?.remove();
    list.append(...items.map((item, n) => offer(item, found.length + n)));
    found = [...found, ...items];
    next = following;
    if (note) list.append(el("li", { class: "hint", role: "option", "aria-disabled": "true", "aria-selected": "false" }, note));
    list.hidden = !list.children.length;
    input.setAttribute("aria-expanded", String(shown()));
  }

  function offer(item, n) {
    const press = (event) => {
      event.preventDefault(); // the field keeps the focus
      pick(n);
    };
    return el("li", { id: `${id}-${n}`, role: "option", "aria-selected": "false", onmousedown: press }, option(item));
  }

  function close() {
    clearTimeout(waiting);
    asked.abort();
    [found, at, next] = [[], -1, null];
    list.replaceChildren();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(to) {
    at = (to + found.length) % found.length;
    options().forEach((one, n) => one.setAttribute("aria-selected", String(n === at)));
    input.setAttribute("aria-activedescendant", `${id}-${at}`);
    options()[at].scrollIntoView({ block: "nearest" });
    if (at === found.length - 1) more();
  }

  function pick(n) {
    const item = found[n];
    close();
    input.value = "";
    if (item !== undefined) choose(item);
  }

  async function fetched(cursor) {
    asked.abort();
    asked = new AbortController();
    const own = asked.signal;
    try {
      const page = await ask(text, own, cursor);
      return own.aborted ? null : page;
    } catch (error) {
      return error.name === "AbortError" ? null : { items: [], note: error.message };
    }
  }

  async function begin(wanted) {
    text = wanted;
    if (!text && !open) return close();
    const page = await fetched(null);
    if (!page) return;
    close();
    add(page);
    list.scrollTop = 0;
  }

  async function more() {
    if (!next) return;
    const cursor = next;
    next = null; // once a page is enough
    const page = await fetched(cursor);
    if (page) add(page);
  }

  const on = (type, react) => input.addEventListener(type, react, { signal });
  on("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => begin(input.value.trim()), WAIT_MS);
  });
  on("blur", close);
  on("click", () => open && !shown() && begin(""));
  on("keydown", (event) => {
    if (event.key === "ArrowDown" && found.length) mark(at + 1);
    else if (event.key === "ArrowDown" && open) begin("");
    else if (event.key === "ArrowUp" && found.length) mark(at < 0 ? -1 : at - 1);
    else if (event.key === "Enter" && found.length && (at >= 0 || !open)) pick(Math.max(at, 0));
    else if (event.key === "Escape" && shown()) close();
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // its bar and its note are no way out
  list.addEventListener("scroll", () => list.scrollTop + list.clientHeight > list.scrollHeight - NEAR_END_PX && more());
}
