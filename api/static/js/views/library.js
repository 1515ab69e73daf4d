// Library: what was analysed, what was left out and why, which encoder and model are in use.

import { call } from "../api.js";
import { counted, el } from "../dom.js";
import { fill } from "../states.js";

export function mount(main, query, signal) {
  fill(main.querySelector("#library"), async () => {
    const found = await call("/v1/library", { signal });
    return [analysed(found), use(found), ...found.problems.map(problems)];
  }, { signal, rows: 4 });
}

function analysed({ tracks, with_audio: withAudio, analysed: done, waiting, failed }) {
  const share = withAudio ? done / withAudio : 0;
  const left = withAudio - done;
  const state = left === 0 ? "Every file has been listened to." : `${counted(left, "file")} still to be listened to: run recsys embed.`;
  return el("section", { class: "card", "aria-labelledby": "analysis-title" },
    el("h2", { id: "analysis-title" }, "Analysis"),
    el("progress", { max: 1, value: share, "aria-label": "Analysed files" }),
    el("p", {}, `${done.toLocaleString("en")} of ${counted(withAudio, "file")} analysed. ${state}`),
    el("ul", { class: "facts" },
      tracks > withAudio && el("li", {}, `${counted(tracks - withAudio, "track")} without audio`),
      waiting > 0 && el("li", {}, `${waiting} waiting`),
      failed > 0 && el("li", { class: "warning" }, `${failed} failed`)));
}

function use({ encoder, model }) {
  const row = (name, value) => value !== null && value !== undefined && el("div", {}, el("dt", {}, name), el("dd", {}, value));
  return el("section", { class: "card", "aria-labelledby": "use-title" },
    el("h2", { id: "use-title" }, "In use"),
    el("dl", { class: "pairs" },
      row("encoder", el("code", {}, encoder.encoder_id)),
      row("recipe", encoder.recipe),
      row("vector", `${encoder.dimension} numbers`),
      model ? [row("model", el("code", {}, model.version)), row("trained", new Date(model.created).toLocaleString()),
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
          el("tbody", {}, rows.map(({ where, reason }) => el("tr", {}, el("td", {}, el("code", {}, where)), el("td", {}, reason)))))),
      total > rows.length && el("p", { class: "hint" }, `The first ${rows.length}; all of them are in the workspace under problems/.`)));
}
