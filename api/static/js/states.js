// What a place shows instead of its content: at work, nothing there, something wrong.

import { el } from "./dom.js";

const SLOW_MS = 8000;

/** A panel with a title, a line of what to do, and buttons or links. */
export function message(title, detail = "", actions = [], kind = "") {
  return el("div", { class: `message ${kind}` },
    el("p", { class: "message-title" }, title),
    detail && el("p", { class: "hint" }, detail),
    actions.length > 0 && el("div", { class: "message-acts" }, actions));
}

/** The error in words, with what to do about it. */
export function failure(error, retry) {
  if (!(error.status >= 0)) console.error(error);
  const again = retry && el("button", { type: "button", class: "quiet", onclick: retry }, "Try again");
  if (error.type === "not-ready") {
    return message("There is nothing to ask yet", error.message, [again], "failed");
  }
  const detail = error.status >= 500 && error.requestId ? `${error.message} (${error.requestId})` : error.message;
  return message(error.status >= 0 ? "That did not work" : "The page stumbled", detail, [again], "failed");
}

/**
 * Fill `place` with what `work(signal)` resolves to; skeletons meanwhile, a message when it fails,
 * with a button that calls `retry`: by default, to fill it again. What is null leaves what is there.
 * Resolves to true when the content is there.
 */
export async function fill(place, work, { signal, rows = 6, quiet = false, retry = () => fill(place, work, { signal, rows }) } = {}) {
  place.setAttribute("aria-busy", "true");
  if (!quiet) place.replaceChildren(skeleton(rows));
  const slow = setTimeout(() => {
    if (!quiet) place.prepend(message("Still at it", "This takes longer than usual; a model may be loading, or others are waiting, too."));
  }, SLOW_MS);
  try {
    const content = await work(signal);
    if (signal?.aborted) return false;
    if (content !== null) place.replaceChildren(...[content].flat());
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    place.replaceChildren(failure(error, retry));
    return false;
  } finally {
    clearTimeout(slow);
    if (!signal?.aborted) place.setAttribute("aria-busy", "false");
  }
}

export function skeleton(rows) {
  return el("div", { class: "skeletons", "aria-hidden": "true" },
    Array.from({ length: rows }, () => el("div", { class: "skeleton" })));
}
