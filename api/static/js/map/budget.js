// How many points a moving frame has time for: learned from whole pictures, corrected by the frames.

const FRAME_MS = 25; // leaves room for the rest of a frame at 30 a second
const FEWEST = 5_000;
const EVERY = 6; // moving frames between two looks at their pace
const [LATE_MS, EARLY_MS] = [32, 22]; // slower than this thins, quicker shows more
const PAUSE_MS = 400; // frames this far apart were not asked for one after the other

export class Budget {
  /** `onthin(n)` tells that n points are drawn while they move. */
  constructor(onthin) {
    this.onthin = onthin;
    this.begin(0);
  }

  /** All of `n` points, until something is known. */
  begin(n) {
    this.n = this.points = n;
    this.bare = false; // whether nothing but points has time
    this.last = -Infinity;
  }

  get matters() {
    return this.n > FEWEST;
  }

  /** All points took `took` milliseconds. */
  learn(took) {
    this.allow((this.n * FRAME_MS) / took);
    if (this.points === this.n) this.bare = false;
  }

  /** A moving frame began at `now`; those before it tell whether there are too many points. */
  frame(now) {
    if (now - this.last > PAUSE_MS) [this.began, this.frames] = [now, 0];
    else this.frames += 1;
    this.last = now;
    if (this.frames < EVERY) return;
    const apart = (now - this.began) / this.frames;
    if (apart > LATE_MS) {
      this.bare ||= this.points <= FEWEST; // fewer points alone do not help
      this.allow(this.points * Math.max(0.5, LATE_MS / apart));
    } else if (apart < EARLY_MS) {
      if (this.points < this.n) this.allow(this.points * 1.3);
      else this.bare = false;
    }
    [this.began, this.frames] = [now, 0];
  }

  allow(points) {
    this.points = Math.floor(Math.max(Math.min(FEWEST, this.n), Math.min(this.n, points)));
    this.onthin(this.points);
  }
}
