// Library: what was analysed, what was left out and why, which encoder and model are in use.

import { call, link } from "../api.js";
import { counted, dated, el } from "../dom.js";
import { fill } from "../states.js";

const LOOK_AGAIN_MS = 4000;
const SERVICE = "the service";

export function mount(main, query, signal) {
  const place = main.querySelector("#library");

  let waiting;
  signal.addEventListener("abort", () => clearTimeout(waiting));

  /** Show the state; while files are still to be listened to, look again in a while. */
  async function look({ again = false } = {}) {
    let found;
    const there = await fill(place, async () => {
      found = await call("/v1/library", { signal });
      if (!again) return state(found);
      renew(place, state(found));
      return null;
    }, { signal, rows: 4, quiet: again, retry: () => look() });
    if (there && found.remaining) waiting = setTimeout(follow, LOOK_AGAIN_MS);
  }

  function follow() {
    if (document.hidden) addEventListener("visibilitychange", () => look({ again: true }), { once: true, signal });
    else look({ again: true });
  }
  look();
}

/** Put `parts` in place of those that are there, but leave alone what says the same: somebody may be reading it, or be in it with the keyboard. */
function renew(place, parts) {
  const name = (part) => part.dataset.part;
  const were = new Map([...place.children].map((was) => [name(was), was]));
  for (const [gone, was] of were) if (!parts.some((part) => name(part) === gone)) was.remove();
  parts.forEach((part, n) => {
    const was = were.get(name(part));
    const details = part.querySelector("details");
    if (was && details) details.open = was.querySelector("details").open;
    if (!was) place.insertBefore(part, place.children[n] ?? null);
    else if (!was.isEqualNode(part)) {
      const held = was.contains(document.activeElement);
      was.replaceWith(part);
      if (held) part.querySelector("summary")?.focus({ preventScroll: true });
    }
  });
}

function state(found) {
  const left = found.problems.length ? found.problems.map(problems)
    : el("p", { class: "hint", "data-part": "nothing left out" }, "No import or analysis has left anything out; whatever one does leave out is listed here, with the reason.");
  return [el("div", { class: "cards side", "data-part": "state" }, analysed(found), use(found)), left].flat();
}

const row = (name, value) => value !== null && value !== undefined && el("div", {}, el("dt", {}, name), el("dd", {}, value));

function analysed({ tracks, with_audio: withAudio, analysed: done, waiting, remaining }) {
  const share = withAudio ? done / withAudio : 0;
  const failed = withAudio - done - remaining;
  const state = remaining ? `${counted(remaining, "file")} still to be listened to: ${remaining > waiting ? "run recsys embed" : "the service is at it"}.`
    : `Every ${failed ? "other " : ""}file has been listened to.`;
  return el("section", { class: "card", "aria-labelledby": "analysis-title" },
    el("h2", { id: "analysis-title" }, "Analysis"),
    el("progress", { max: 1, value: share, "aria-label": "Analysed files" }),
    el("p", {}, `${done.toLocaleString("en")} of ${counted(withAudio, "file")} analysed. ${state}`),
    el("dl", { class: "pairs" },
      row("waiting", waiting ? `${counted(waiting, "file")} that came over HTTP` : "none"),
      row("failed", failed ? el("span", { class: "warning" }, `${counted(failed, "file")}: damaged, or no music; listed below, and tried again by recsys embed`) : "none"),
      row("without audio", tracks > withAudio ? `${counted(tracks - withAudio, "track")}, known by tags and listeners alone` : "none")));
}

function use({ encoder, model }) {
  return el("section", { class: "card", "aria-labelledby": "use-title" },
    el("h2", { id: "use-title" }, "In use"),
    el("dl", { class: "pairs" },
      row("encoder", el("code", {}, encoder.encoder_id)),
      row("recipe", encoder.recipe),
      row("vector", `${encoder.dimension} numbers`),
      model ? [row("model", el("code", {}, model.version)), row("trained", dated(new Date(model.created), { time: true })),
        row("on", `${counted(model.tracks, "track")}, ${counted(model.listeners, "listener")}, ${counted(model.events, "event")}`),
        row("ranked by", model.ranker === "lambdarank" ? "LightGBM LambdaRank" : "rank fusion")]
        : row("model", "none yet: run recsys train")));
}

function problems({ step, total, rows }) {
  return el("section", { class: "card", "data-part": step },
    el("details", { open: total <= 10 },
      el("summary", {}, el("h2", {}, `${counted(total, "entry", "entries")} left out by ${step}`)),
      el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `Left out by ${step}` },
        el("table", {},
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Where"), el("th", { scope: "col" }, "Why"))),
          el("tbody", {}, rows.map(({ where, reason }) => el("tr", {}, el("td", {}, step === SERVICE ? el("a", { href: link("/track", { id: where }) }, where) : el("code", {}, where)), el("td", {}, reason)))))),
      total > rows.length && el("p", { class: "hint" }, step === SERVICE ? `The latest ${rows.length}.` : `The first ${rows.length}; all of them are in the workspace under problems/.`)));
}
