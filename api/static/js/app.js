// The shell: moves between views without reloading, so that the music goes on.

import { link } from "./api.js";
import { calm } from "./dom.js";
import "./keys.js";
import { search } from "./search.js";

const VIEWS = new Set(["/", "/for-you", "/map", "/track", "/artist", "/quality", "/library", "/docs"]);
let leaving = new AbortController();

/** Bring the view in `main` to life; everything it starts ends with the signal. */
async function enter() {
  const main = document.getElementById("main");
  const { view } = main.dataset;
  for (const place of document.querySelectorAll("nav a")) {
    if (new URL(place.href).pathname === location.pathname) place.setAttribute("aria-current", "page");
    else place.removeAttribute("aria-current");
  }
  document.documentElement.dataset.view = view;
  if (view === "docs") return;
  const { signal } = leaving;
  const { mount } = await import(`./views/${view}.js`);
  if (signal.aborted) return;
  main.inert = false; // until now a click would have been lost
  mount(main, new URLSearchParams(location.search), signal);
}

async function show(address) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  document.documentElement.classList.add("leaving");
  try {
    const response = await fetch(address, { signal });
    const found = new DOMParser().parseFromString(await response.text(), "text/html");
    const main = found.getElementById("main");
    if (!main) throw new TypeError(`no view at ${address}`);
    document.title = found.title;
    document.getElementById("main").replaceWith(document.adoptNode(main));
    await enter();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address); // the browser shows what is wrong
  } finally {
    if (!signal.aborted) document.documentElement.classList.remove("leaving");
  }
}

/** Go to `address` (a path with its query) as a link does. */
export async function go(address) {
  history.replaceState({ ...history.state, scrolled: scrollY }, "");
  history.pushState({}, "", address);
  await show(address);
  scrollTo({ top: 0, behavior: "instant" });
  // A heading that is yet to come leaves the focus to the view.
  (document.querySelector("main h1") ?? document.getElementById("main")).focus({ preventScroll: true });
}

/** Change the query without leaving the view. */
export function note(query, { push = false } = {}) {
  const address = `${location.pathname}${query.size ? `?${query}` : ""}`;
  if (push) history.pushState({}, "", address);
  else history.replaceState(history.state, "", address);
}

addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  if (!anchor || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || anchor.target || anchor.download) return;
  const to = new URL(anchor.href);
  if (to.origin !== location.origin || !VIEWS.has(to.pathname) || (to.hash && to.pathname === location.pathname)) return;
  event.preventDefault();
  go(to.pathname + to.search);
});

addEventListener("popstate", async (event) => {
  await show(location.pathname + location.search);
  scrollTo({ top: event.state?.scrolled ?? 0, behavior: calm.matches ? "instant" : "auto" });
});

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  dispatchEvent(new Event("themechange"));
});

search(document.getElementById("search"), (track) => go(link("/track", { id: track.track_id })));
history.scrollRestoration = "manual";
enter();
