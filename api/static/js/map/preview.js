// A taste of what the pointer rests on; it ends when the pointer leaves, and is no play.

import { path } from "../api.js";

const WAIT_MS = 260;
const FROM_SHARE = 0.3;

export class Preview {
  constructor(signal) {
    this.audio = new Audio();
    this.audio.volume = 0.7;
    this.on = false;
    this.audio.addEventListener("loadedmetadata", () => {
      if (Number.isFinite(this.audio.duration)) this.audio.currentTime = this.audio.duration * FROM_SHARE;
    });
    signal.addEventListener("abort", () => this.stop());
  }

  hear(id) {
    if (!this.on || id === this.id) return;
    this.stop();
    this.id = id;
    this.waiting = setTimeout(() => {
      this.audio.src = path`/v1/tracks/${id}/audio`;
      this.audio.play().catch(() => {}); // no file, or left again before it came
    }, WAIT_MS);
  }

  stop() {
    clearTimeout(this.waiting);
    this.id = null;
    this.audio.pause();
    this.audio.removeAttribute("src");
  }
}
