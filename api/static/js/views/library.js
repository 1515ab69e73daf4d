// Library: what was analysed, what was left out and why, which encoder and model are in use.

import { call, link } from "../api.js";
import { counted, dated, el } from "../dom.js";
import { fill } from "../states.js";

const LOOK_AGAIN_MS = 4000;
const SERVICE = "the service";

export function mount(main, query, signal) {
  const place = main.querySelector("#library");

  /** Show the state; while files are being listened to, look again in a while. */
  async function look({ quiet = false } = {}) {
    let goesOn = false;
    const open = place.querySelector("details")?.open;
    const there = await fill(place, async () => {
      const found = await call("/v1/library", { signal });
      goesOn = found.analysed < found.with_audio;
      return state(found);
    }, { signal, rows: 4, quiet });
    if (!there) return;
    if (open !== undefined && place.querySelector("details")) place.querySelector("details").open = open;
    if (goesOn) {
      const again = setTimeout(() => (document.hidden ? addEventListener("visibilitychange", () => look({ quiet: true }), { once: true, signal }) : look({ quiet: true })), LOOK_AGAIN_MS);
      signal.addEventListener("abort", () => clearTimeout(again));
    }
  }
  look();
}

function state(found) {
  const left = found.problems.length ? found.problems.map(problems)
    : el("p", { class: "hint" }, "No import or analysis has left anything out; whatever one does leave out is listed here, with the reason.");
  return [el("div", { class: "cards side" }, analysed(found), use(found)), left].flat();
}

const row = (name, value) => value !== null && value !== undefined && el("div", {}, el("dt", {}, name), el("dd", {}, value));

function analysed({ tracks, with_audio: withAudio, analysed: done, waiting, failed }) {
  const share = withAudio ? done / withAudio : 0;
  const left = withAudio - done;
  const state = left === 0 ? "Every file has been listened to." : `${counted(left, "file")} still to be listened to: run recsys embed.`;
  return el("section", { class: "card", "aria-labelledby": "analysis-title" },
    el("h2", { id: "analysis-title" }, "Analysis"),
    el("progress", { max: 1, value: share, "aria-label": "Analysed files" }),
    el("p", {}, `${done.toLocaleString("en")} of ${counted(withAudio, "file")} analysed. ${state}`),
    el("dl", { class: "pairs" },
      row("waiting", waiting ? `${counted(waiting, "file")} that came over HTTP` : "none"),
      row("failed", failed ? el("span", { class: "warning" }, `${counted(failed, "file")}: damaged, or no music; listed below`) : "none"),
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
  return el("section", { class: "card" },
    el("details", { open: total <= 10 },
      el("summary", {}, el("h2", {}, `${counted(total, "entry").replace("entrys", "entries")} left out by ${step}`)),
      el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `Left out by ${step}` },
        el("table", {},
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Where"), el("th", { scope: "col" }, "Why"))),
          el("tbody", {}, rows.map(({ where, reason }) => el("tr", {}, el("td", {}, step === SERVICE ? el("a", { href: link("/track", { id: where }) }, where) : el("code", {}, where)), el("td", {}, reason)))))),
      total > rows.length && el("p", { class: "hint" }, step === SERVICE ? `The latest ${rows.length}.` : `The first ${rows.length}; all of them are in the workspace under problems/.`)));
}
