// The page's behaviour: three ways to ask, one list. Text from the server goes through
// textContent only.

const LIST_LENGTH = 20;
const byId = (id) => document.getElementById(id);
const main = byId("main");
const results = byId("results");
const list = byId("list");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

// One question at a time: a later one cancels the one under way.
let underWay = new AbortController();

class Problem extends Error {
  constructor(body) {
    super(body.detail || body.title || "The service did not answer as expected.");
    this.type = body.type ?? "about:blank";
    this.requestId = body.request_id;
  }
}

async function call(path, options = {}) {
  const response = await fetch(path, options).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The service cannot be reached. Is it running?" });
  });
  return settle(response.ok, await response.text());
}

function settle(ok, text) {
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    ok = false;
  }
  if (!ok) throw new Problem(body);
  return body;
}

function begin() {
  underWay.abort();
  underWay = new AbortController();
  results.setAttribute("aria-busy", "true");
  return underWay.signal;
}

function show({ title, note = "", items = [], user = null, empty = "" }) {
  results.setAttribute("aria-busy", "false");
  byId("results-title").textContent = title;
  byId("results-note").textContent = note;
  byId("empty").hidden = true;
  const scale = scoreScale(items);
  list.replaceChildren(...items.map((item) => row(item, scale, user)));
  list.hidden = items.length === 0;
  if (items.length === 0) message("Nothing to list", empty);
  else byId("message").hidden = true;
  byId("status").textContent = `${title}: ${items.length} tracks. ${note}`;
}

function message(title, detail, failed = false) {
  byId("message").hidden = false;
  byId("message").classList.toggle("failed", failed);
  byId("message-title").textContent = title;
  byId("message-detail").textContent = detail;
}

function fail(title, error) {
  if (error.name === "AbortError") return;
  results.setAttribute("aria-busy", "false");
  byId("results-title").textContent = title;
  byId("results-note").textContent = "";
  byId("empty").hidden = true;
  list.hidden = true;
  list.replaceChildren();
  const heading = error.type === "urn:recsys:problem:not-ready" ? "Not ready yet" : "That did not work";
  const reference = error.requestId ? ` (request ${error.requestId})` : "";
  message(heading, error.message + reference, true);
  byId("status").textContent = `${heading}. ${error.message}`;
}

// Cosines fill the bar as they are; other scores only have an order, so they span it.
function scoreScale(items) {
  const scores = items.map((item) => item.score).filter((score) => score !== null);
  const low = Math.min(...scores);
  const high = Math.max(...scores);
  if (low >= 0 && high <= 1) return (score) => score;
  return (score) => (high > low ? 0.08 + (0.92 * (score - low)) / (high - low) : 1);
}

function row(item, scale, user) {
  const node = byId("row").content.firstElementChild.cloneNode(true);
  const part = (name) => node.querySelector(`.${name}`);
  const title = item.title || item.track_id;
  const open = part("title");
  open.textContent = title;
  open.addEventListener("click", () => go({ track: item.track_id }, title));
  part("by").textContent = [item.artist, item.album].filter(Boolean).join(" · ");
  part("why").textContent = item.reason;
  part("length").textContent = minutes(item.duration);
  const meter = part("score");
  if (item.score === null) {
    meter.remove();
  } else {
    const share = Math.max(0, Math.min(1, scale(item.score)));
    meter.setAttribute("aria-valuenow", share.toFixed(2));
    meter.setAttribute("aria-valuetext", item.score.toFixed(2));
    meter.title = item.score.toFixed(2);
    meter.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  }
  if (user !== null) {
    part("acts").hidden = false;
    for (const button of node.querySelectorAll(".act")) {
      const kind = button.dataset.kind;
      button.title = kind === "like" ? "Like" : "Skip";
      button.setAttribute("aria-label", `${button.title} ${title}`);
      button.addEventListener("click", () => react(user, item.track_id, title, kind, button));
    }
  }
  return node;
}

function minutes(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

async function recommend(user, { newOnly = byId("new-only").checked, note = "" } = {}) {
  const signal = begin();
  const title = `For ${user}`;
  try {
    const query = new URLSearchParams({ n: LIST_LENGTH, exclude_listened: newOnly });
    const found = await call(`/v1/users/${encodeURIComponent(user)}/recommendations?${query}`, { signal });
    const fallback = found.fallback ? "Nothing is known of this listener yet: these are popular tracks." : "";
    show({ title, note: note || fallback, items: found.items, user, empty: "Everything there is has been played." });
  } catch (error) {
    fail(title, error);
  }
}

async function similar(track, name) {
  const signal = begin();
  try {
    const path = `/v1/tracks/${encodeURIComponent(track)}`;
    const [about, found] = await Promise.all([
      name ? { title: name } : call(path, { signal }),
      call(`${path}/similar?n=${LIST_LENGTH}`, { signal }),
    ]);
    const label = [about.artist, about.title || track].filter(Boolean).join(" – ");
    show({ title: `Like ${label}`, items: found.items, empty: "No other track is like it." });
  } catch (error) {
    fail(`Like ${name || track}`, error);
  }
}

async function react(user, track, title, kind, button) {
  const buttons = [...list.querySelectorAll(".act")];
  const position = buttons.indexOf(button);
  for (const one of buttons) one.disabled = true;
  try {
    await call("/v1/events", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ events: [{ event_id: newId(), user_id: user, track_id: track, kind }] }),
    });
  } catch (error) {
    fail(`For ${user}`, error);
    return;
  }
  await recommend(user, { note: `${kind === "like" ? "Liked" : "Skipped"} ${title}; the list has been renewed.` });
  // The pressed button is gone with its row: the one now in its place takes over the focus.
  const renewed = list.querySelectorAll(".act");
  (renewed[Math.min(position, renewed.length - 1)] ?? byId("results-title")).focus({ preventScroll: true });
}

// crypto.randomUUID exists on https and localhost only.
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function upload(file) {
  const title = `Sounds like ${file.name}`;
  const limit = Number(main.dataset.maxUploadMb);
  if (file.size > limit * 2 ** 20) {
    fail(title, new Problem({ detail: `The file has ${(file.size / 2 ** 20).toFixed(0)} MB; ${limit} MB is the most.` }));
    reveal();
    return;
  }
  const signal = begin();
  history.pushState({}, "", location.pathname);
  const form = new FormData();
  form.append("file", file);
  form.append("n", LIST_LENGTH);
  // fetch reports no progress of what it sends.
  const request = new XMLHttpRequest();
  const bar = byId("bar");
  const finish = () => {
    byId("progress").hidden = true;
    byId("file").value = "";
  };
  signal.addEventListener("abort", () => request.abort());
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.loaded / event.total;
    byId("progress-text").textContent = `Sending, ${Math.round(bar.value * 100)}%`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    byId("progress-text").textContent = "Listening to it";
  });
  request.addEventListener("abort", finish);
  request.addEventListener("error", () => {
    finish();
    fail(title, new Problem({ detail: "The service closed the connection. Is it running?" }));
    reveal();
  });
  request.addEventListener("load", () => {
    finish();
    try {
      const found = settle(request.status < 400, request.responseText);
      const note = `${minutes(found.duration)} of audio`;
      show({ title, note, items: found.items, empty: "The catalogue has no track with audio." });
    } catch (error) {
      fail(title, error);
    }
    reveal();
  });
  bar.value = 0;
  byId("progress-text").textContent = "Sending";
  byId("progress").hidden = false;
  request.open("POST", "/v1/similar");
  request.send(form);
}

function reveal() {
  byId("results-title").focus({ preventScroll: true });
  results.scrollIntoView({ behavior: reducedMotion.matches ? "auto" : "smooth", block: "nearest" });
  if (results.getBoundingClientRect().top > innerHeight * 0.5 || results.getBoundingClientRect().top < 0) {
    results.scrollIntoView({ behavior: reducedMotion.matches ? "auto" : "smooth", block: "start" });
  }
}

// What is asked stands in the address, so that lists can be linked to and the back button works.
async function go(question, name) {
  history.pushState({ name }, "", `?${new URLSearchParams(question)}`);
  await follow();
  reveal();
}

async function follow() {
  const asked = new URLSearchParams(location.search);
  if (asked.has("listener")) {
    byId("user").value = asked.get("listener");
    await recommend(asked.get("listener"));
  } else if (asked.has("track")) {
    byId("track-id").value = asked.get("track");
    await similar(asked.get("track"), history.state?.name);
  }
}

byId("listener").addEventListener("submit", (event) => {
  event.preventDefault();
  go({ listener: byId("user").value });
});
byId("new-only").addEventListener("change", () => {
  if (new URLSearchParams(location.search).has("listener")) follow();
});
byId("track").addEventListener("submit", (event) => {
  event.preventDefault();
  go({ track: byId("track-id").value });
});
byId("sound").addEventListener("submit", (event) => event.preventDefault());
byId("file").addEventListener("change", () => {
  const file = byId("file").files[0];
  if (file) upload(file);
});
byId("cancel").addEventListener("click", () => {
  underWay.abort();
  results.setAttribute("aria-busy", "false");
  byId("file").focus();
});

const drop = document.querySelector(".drop");
for (const type of ["dragenter", "dragover"]) {
  drop.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  if (file) upload(file);
});

addEventListener("popstate", () => {
  if (location.search) follow();
  else location.reload();
});
follow();
