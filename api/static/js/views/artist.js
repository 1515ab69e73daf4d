// Artist: the tracks, the most played first.

import { call, path } from "../api.js";
import { artwork } from "../artwork.js";
import { counted, el, icon } from "../dom.js";
import { saveMenu } from "../playlist.js";
import * as player from "../player.js";
import { fill, message } from "../states.js";
import { followPlayer, rowAct, trackList } from "../tracks.js";

const COVERS = 4;

export function mount(main, query, signal) {
  const part = (id) => main.querySelector(`#${id}`);
  const name = query.get("name");
  let tracks = [];
  part("results-acts").hidden = true;
  if (!name) {
    part("artist").append(message("Which artist?", "Choose one from a list, or search for a track above."));
    main.querySelector(".results").hidden = true;
    return;
  }
  const answer = call(`${path`/v1/artists/${name}`}?limit=200`, { signal });
  fill(part("artist"), async () => {
    const found = await answer;
    document.title = `${found.name} – recsys`;
    const covers = found.items.slice(0, found.items.length < COVERS ? 1 : COVERS);
    return el("div", { class: "hero" },
      el("div", { class: `hero-art round covers-${covers.length}` }, covers.map(artwork)),
      el("div", { class: "hero-what" },
        el("h1", { tabindex: -1 }, found.name),
        el("ul", { class: "facts" },
          el("li", {}, counted(found.n_tracks, "track")),
          found.listeners ? el("li", {}, `${counted(found.plays, "play")} by ${counted(found.listeners, "listener")}`) : el("li", { class: "cold" }, "cold: nobody here has played them yet")),
        el("div", { class: "head-acts" },
          el("button", { type: "button", class: "primary", onclick: () => player.play(found.items) }, icon("play", 18), "Play all"))));
  }, { signal, rows: 2 });
  fill(part("results"), async () => {
    const found = await answer;
    tracks = found.items;
    part("results-acts").append(...saveMenu(() => found.name, () => tracks));
    part("results-acts").hidden = false;
    const most = Math.max(1, ...tracks.map((track) => track.plays));
    return trackList(tracks.map((track) => ({ ...track, score: track.plays / most })), {
      label: "Tracks", meters: { name: "Plays", text: (track) => counted(track.plays, "play") },
      by: (track) => [track.album, track.plays > 0 && counted(track.plays, "play")].filter(Boolean).join(" · "),
      acts: [rowAct("queue", "Queue", (track) => player.enqueue([track]))],
      mark: (track) => !track.listeners && "cold",
    });
  }, { signal }).then((there) => there && followPlayer(part("results"), signal));
}
