// What lies over the points: names of genres, rings, paths, the loop of the lasso.

const LABELS_UP_TO = 5;

export class Overlay {
  constructor(canvas, cloud) {
    this.canvas = canvas;
    this.cloud = cloud;
    this.labels = []; // {text, x, y}
    this.rings = []; // {x, y, kind: hover | chosen | caught | taste | wanted | query}
    this.line = []; // [x, y]
    this.loop = []; // [px, py]
  }

  resize() {
    const ratio = Math.min(devicePixelRatio, 2);
    this.canvas.width = Math.round(this.cloud.width * ratio);
    this.canvas.height = Math.round(this.cloud.height * ratio);
    this.ratio = ratio;
  }

  /** Move along with the points as they were drawn last; drawing text is slow, and comes with rest. */
  follow(bare = false) {
    this.canvas.hidden = bare; // a second canvas takes as long to compose as the first
    if (!this.drawn || bare) return;
    const scale = this.cloud.unit / this.drawn.unit;
    const [x, y] = this.cloud.toScreen(...this.drawn.centre);
    this.canvas.style.transform = `translate(${x - this.cloud.width / 2}px, ${y - this.cloud.height / 2}px) scale(${scale})`;
  }

  draw() {
    this.drawn = { unit: this.cloud.unit, centre: this.cloud.centre };
    this.canvas.hidden = false;
    this.canvas.style.transform = "";
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [ink, paper, accent] = [style.color, style.caretColor, style.accentColor];
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.cloud.width, this.cloud.height);
    context.lineJoin = context.lineCap = "round";

    // Names lie over the small rings of neighbours, and under whatever is marked in colour.
    const looks = { ink, paper, accent };
    const small = (ring) => ring.kind === "caught" || ring.kind === "taste";
    for (const ring of this.rings.filter(small)) this.ring(context, ring, looks);
    if (this.cloud.zoom < LABELS_UP_TO) {
      context.font = `600 13px ${colour("--sans")}`;
      context.textAlign = "center";
      context.lineWidth = 4;
      for (const { text, x, y } of this.labels) {
        const [px, py] = this.cloud.toScreen(x, y);
        context.strokeStyle = paper;
        context.strokeText(text, px, py);
        context.fillStyle = ink;
        context.fillText(text, px, py);
      }
    }
    if (this.line.length) {
      this.trace(context, this.line.map(([x, y]) => this.cloud.toScreen(x, y)));
      context.strokeStyle = paper;
      context.lineWidth = 6;
      context.stroke();
      context.strokeStyle = accent;
      context.lineWidth = 3;
      context.stroke();
    }
    for (const ring of this.rings.filter((one) => !small(one))) this.ring(context, ring, looks);
    if (this.loop.length) {
      this.trace(context, this.loop);
      context.setLineDash([6, 5]);
      context.strokeStyle = accent;
      context.lineWidth = 2;
      context.stroke();
      context.setLineDash([]);
    }
  }

  trace(context, points) {
    context.beginPath();
    points.forEach(([x, y], n) => (n ? context.lineTo(x, y) : context.moveTo(x, y)));
  }

  ring(context, { x, y, kind }, { ink, paper, accent }) {
    const [px, py] = this.cloud.toScreen(x, y);
    const looks = {
      hover: [9, ink, 2, false], chosen: [11, accent, 3, false], caught: [6, ink, 1.5, false],
      taste: [7, ink, 1.5, false], wanted: [7, accent, 2.5, false], query: [9, accent, 3, true], step: [5, accent, 2, true],
    };
    const [radius, stroke, width, filled] = looks[kind];
    context.beginPath();
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.lineWidth = width + 2.5;
    context.strokeStyle = paper;
    context.stroke();
    context.lineWidth = width;
    context.strokeStyle = stroke;
    context.stroke();
    if (filled) {
      context.fillStyle = kind === "step" ? paper : accent;
      context.fill();
    }
  }
}

/** Where each group of the legend is densest: the medians of its points. */
export function labelsOf(legend, group, points) {
  return legend.filter((entry) => entry.group >= 0).map((entry) => {
    const [xs, ys] = [[], []];
    for (let n = 0; n < points.length / 2; n++) {
      if (group(n) !== entry.group) continue;
      xs.push(points[2 * n]);
      ys.push(points[2 * n + 1]);
    }
    const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return { text: entry.name, x: middle(xs), y: middle(ys) };
  }).filter(({ x }) => x !== undefined);
}
