// Quality: the evaluation report against every baseline, and the model versions with their way back.

import { call, maybe } from "../api.js";
import { course, dots, fitted, table } from "../chart.js";
import { announce, counted, dated, el } from "../dom.js";
import { fill, message } from "../states.js";

const NAMES = {
  hybrid: "Hybrid (this)", als: "ALS, taste alone", audio: "Sound alone", als_audio_rrf: "Fusion of taste and sound",
  fusion: "Fusion of all sources", item_knn: "Item neighbours", popular: "Popular", recent_popular: "Popular of late",
  random: "Random", ease: "EASE", audio_centres: "Kinds of sound", item_item: "Played together", bridge: "Bridge",
  carried: "Carried taste", artist: "Artists played", label: "Labels played", rising: "Rising",
  play_count: "Own plays", last_played: "Own plays, latest first", hybrid_without_audio: "Hybrid without sound",
  hybrid_without_collaborative: "Hybrid without taste", hybrid_without_bridge: "Hybrid without the bridge",
};
const METRICS = { ndcg: "NDCG", recall: "Recall" };
const FIRST = ["all", "warm", "cold", "relisten"];
const named = (name) => NAMES[name] ?? name.replaceAll("_", " ");
const capital = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
const metricNamed = (metric) => metric.replace(/^[a-z]+/, (word) => METRICS[word] ?? word);

export function mount(main, query, signal) {
  fill(main.querySelector("#report"), async () => {
    const report = await maybe("/v1/evaluation", signal);
    if (!report) return message("Nothing has been evaluated yet", "Run recsys evaluate: it holds out the end of the log and compares the hybrid with its parts and with plain baselines.");
    return described(report);
  }, { signal, rows: 8 });
  const place = main.querySelector("#versions");
  const versions = () => fill(place, async () => list(await call("/v1/models", { signal }), versions), { signal, rows: 2 });
  versions();
}

function described(report) {
  const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const slices = Object.entries(report.slices).sort(([a], [b]) => rank(a) - rank(b));
  const metrics = Object.keys(Object.values(slices[0][1].methods)[0]);
  const preferred = `ndcg@${Math.max(...report.cutoffs)}`;
  const chosen = { slice: slices[0][0], metric: metrics.includes(preferred) ? preferred : metrics[0] };
  const stage = el("div", { "aria-live": "polite" });
  const choice = (name, label, options, text) => el("label", { class: "pill" }, label, " ",
    el("select", { onchange: (event) => { chosen[name] = event.target.value; redraw(); } },
      options.map((option) => el("option", { value: option, selected: option === chosen[name] }, text(option)))));
  const redraw = () => stage.replaceChildren(...slice(report.slices[chosen.slice], chosen.metric));
  redraw();
  return [
    headline(report, slices[0][1], chosen.metric),
    el("section", { class: "card", "aria-labelledby": "compared-title" },
      el("header", { class: "results-head" }, el("h2", { id: "compared-title" }, "Against the baselines"),
        el("div", { class: "head-acts" },
          choice("slice", "Over", slices.map(([name]) => name), (name) => name.replaceAll("_", " ")),
          choice("metric", "by", metrics, metricNamed))),
      stage),
    beyond(report),
    method(report),
  ];
}

function headline(report, all, metric) {
  const { hybrid, ...others } = all.methods;
  const [rival, best] = Object.entries(others).sort(([, a], [, b]) => b[metric].mean - a[metric].mean)[0];
  const gain = best[metric].mean ? hybrid[metric].mean / best[metric].mean - 1 : 0;
  const difference = all.hybrid_minus[rival]?.[metric];
  const sure = difference && difference.p < 0.05;
  const figure = (value, words) => el("div", {}, el("dt", {}, words), el("dd", {}, value));
  return el("dl", { class: "figures" },
    figure(hybrid[metric].mean.toFixed(3), `${metricNamed(metric)}, the hybrid`),
    figure(`${gain >= 0 ? "+" : "−"}${Math.abs(gain * 100).toFixed(0)} %`,
      `against ${named(rival)}, the best of the others${difference ? ` (${sure ? "significant" : "within chance"}, p\u00a0${difference.p < 0.001 ? "<\u00a00.001" : `=\u00a0${difference.p.toFixed(3)}`})` : ""}`),
    figure(`${(all.candidate_recall.joined * 100).toFixed(0)} %`, "of what listeners took to is among the candidates"),
    figure(counted(all.n_listeners, "listener"), `judged on ${counted(report.n_test_events, "event")} held out`));
}

function slice(part, metric) {
  const rows = Object.entries(part.methods)
    .map(([name, values]) => ({ name, label: named(name), strong: name === "hybrid", ...values[metric] }))
    .sort((a, b) => b.mean - a.mean);
  const minus = (name) => part.hybrid_minus[name]?.[metric];
  return [
    el("p", { class: "hint" }, `${part.meaning[0].toUpperCase()}${part.meaning.slice(1)}: ${counted(part.n_items, "track")}, ${counted(part.n_listeners, "listener")}, ${part.n_relevant.toLocaleString("en")} relevant. Lines are 95 % intervals.`),
    fitted((narrow) => dots(rows, `${metricNamed(metric)} of each method: ${rows.map((row) => `${row.label} ${row.mean.toFixed(3)}`).join(", ")}`, narrow)),
    el("details", {}, el("summary", {}, "As a table"),
      table(`${metricNamed(metric)}, ${part.meaning}`, ["Method", "Mean", "95 % interval", "Hybrid minus", "p"],
        rows.map((row) => [row.label, row.mean.toFixed(4), `${row.low.toFixed(4)} – ${row.high.toFixed(4)}`,
          minus(row.name) ? minus(row.name).mean.toFixed(4) : "", minus(row.name) ? minus(row.name).p.toFixed(3) : ""]))),
  ];
}

function beyond(report) {
  const columns = Object.keys(Object.values(report.beyond)[0]);
  const number = (value) => (value === null ? "–" : value.toFixed(value >= 10 ? 0 : 3));
  return el("section", { class: "card", "aria-labelledby": "beyond-title" },
    el("h2", { id: "beyond-title" }, "What the lists are like"),
    table("Lists of 20, beyond accuracy", ["Method", ...columns.map(capital)],
      Object.entries(report.beyond).sort(([a], [b]) => (b === "hybrid") - (a === "hybrid")).map(([name, figures]) => [named(name), ...columns.map((column) => number(figures[column]))])));
}

function method(report) {
  const cut = report.cut ? ` after ${dated(new Date(report.cut * 1000))}` : "";
  const how = report.protocol === "temporal"
    ? `Everything${cut} was held out; the hybrid and every baseline learned from what came before, and ranked the whole catalogue.`
    : "The log has no times, so each listener's events were split at random: optimistic, not to be compared with a split by time.";
  return el("p", { class: "hint" }, `${how} ${counted(report.n_train_events, "event")} to learn from, ${report.seeds.length === 1 ? "one seed" : `${report.seeds.length} seeds`}, ranker: ${report.ranker}.`);
}

function list(found, again) {
  if (!found.items.length) return message("No versions", "recsys train publishes the first.");
  const judged = found.items.filter((model) => model.ndcg.all !== undefined).reverse();
  return [judged.length > 1 && history(judged), el("ul", { class: "cards" }, found.items.map((model) =>
    el("li", { class: model.current ? "card version current" : "card version" },
      el("div", {},
        el("p", {}, el("code", {}, model.version), " ", model.version === found.serving && el("span", { class: "badge" }, "live"), model.damaged && el("span", { class: "badge soft" }, "damaged")),
        el("p", { class: "hint" }, model.ndcg.all !== undefined && `NDCG@20 ${model.ndcg.all.toFixed(3)} · `, model.created && `${dated(new Date(model.created), { time: true })} · `,
          model.tracks !== null && `${counted(model.tracks, "track")}, ${counted(model.listeners, "listener")}, ${counted(model.events, "event")} · ${model.ranker === "lambdarank" ? "LambdaRank" : "rank fusion"}`)),
      !model.current && !model.damaged && el("button", { type: "button", class: "quiet", onclick: (event) => activate(model.version, event.currentTarget, again) }, isBefore(model, found) ? "Roll back to it" : "Make it live"))))].filter(Boolean);
}

/** Whether a version is older than the one that is current. */
function isBefore(model, { items }) {
  const current = items.findIndex((other) => other.current);
  return current >= 0 && items.indexOf(model) > current;
}

function history(models) {
  const days = models.map((model) => dated(new Date(model.created)));
  const time = new Set(days).size < days.length; // versions of one day differ by their time
  const points = models.map((model) => ({ label: time ? hour(model) : dated(new Date(model.created)), value: model.ndcg.all, strong: model.current }));
  return el("div", { class: "card" },
    el("p", { class: "hint" }, "NDCG@20 of each version in the window that was held out when it was trained. Windows differ, so this is a course, not a contest."),
    fitted((narrow) => course(points, `NDCG@20 of ${counted(models.length, "version")}: ${points.map((point) => point.value.toFixed(3)).join(", ")}`, narrow)));
}

function hour({ created }) {
  return new Date(created).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

async function activate(version, button, again) {
  button.disabled = true;
  try {
    await call(`/v1/models/${encodeURIComponent(version)}/activate`, { method: "POST" });
    announce(`${version} is live`);
    setTimeout(again, 1200); // processes look for another version once a second
  } catch (error) {
    button.disabled = false;
    announce(error.message);
  }
}
