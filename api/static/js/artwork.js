// A cover for every track: drawn from its ids, always the same, one family of colours an artist.

import { svg } from "./dom.js";

/** 32-bit FNV-1a of a text. */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) value = Math.imul(value ^ text.charCodeAt(n), 0x01000193);
  // Neighbouring texts differ in the low bits only: mix them (murmur3's finaliser).
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Random numbers in 0 … 1 from a seed (mulberry32). */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Hue of an artist in degrees. */
export const hueOf = (artist) => hash(artist || "?") % 360;

const MOTIFS = [arcs, waves, discs, bars, facets];

/** Square picture of a track `{track_id, artist}`; decorative, the title stands beside it. */
export function artwork(track) {
  const roll = dice(hash(track.track_id ?? ""));
  const hue = (hueOf(track.artist) + roll() * 26 - 13 + 360) % 360;
  const other = (hue + 35 + roll() * 60) % 360;
  const colours = {
    ground: `hsl(${hue} ${38 + roll() * 14}% ${22 + roll() * 10}%)`,
    middle: `hsl(${hue} 52% ${44 + roll() * 8}%)`,
    light: `hsl(${other} 78% ${68 + roll() * 8}%)`,
    pale: `hsl(${other} 60% 88%)`,
  };
  const motif = MOTIFS[Math.floor(roll() * MOTIFS.length)];
  return svg("svg", { viewBox: "0 0 100 100", class: "artwork", "aria-hidden": "true", focusable: "false" },
    svg("rect", { width: 100, height: 100, fill: colours.ground }),
    motif(roll, colours));
}

function arcs(roll, { middle, light, pale }) {
  const [x, y] = [[0, 100], [100, 100], [50, 100], [0, 50]][Math.floor(roll() * 4)];
  const step = 9 + roll() * 5;
  return Array.from({ length: 8 }, (_, n) =>
    svg("circle", { cx: x, cy: y, r: (n + 1) * step, fill: "none", stroke: [middle, light, pale][Math.floor(roll() * 2.4)],
      "stroke-width": 1.5 + roll() * 5 }));
}

function waves(roll, { middle, light, pale }) {
  const turns = 1 + roll() * 1.6;
  const phase = roll() * 6.28;
  return Array.from({ length: 9 }, (_, n) => {
    const swing = 4 + 9 * Math.sin((n / 8) * Math.PI) * (0.5 + roll());
    const points = Array.from({ length: 41 }, (_, m) =>
      `${(m * 2.5).toFixed(1)} ${(14 + n * 9 + swing * Math.sin(phase + n * 0.35 + (m / 40) * turns * 6.28)).toFixed(1)}`);
    return svg("path", { d: `M${points.join("L")}`, fill: "none", stroke: n % 4 === 1 ? light : n % 5 === 3 ? pale : middle, "stroke-width": 2.6 });
  });
}

function discs(roll, { ground, middle, light, pale }) {
  const x = 32 + roll() * 36;
  const y = 32 + roll() * 36;
  const r = 24 + roll() * 14;
  const angle = roll() * 6.28;
  return [
    svg("circle", { cx: x, cy: y, r, fill: middle }),
    svg("circle", { cx: x + r * 0.9 * Math.cos(angle), cy: y + r * 0.9 * Math.sin(angle), r: r * 0.72, fill: light, "fill-opacity": 0.9 }),
    svg("circle", { cx: x, cy: y, r: r * 0.16, fill: ground }),
    svg("circle", { cx: 100 - x, cy: 100 - y, r: 4 + roll() * 5, fill: pale }),
  ];
}

function bars(roll, { middle, light, pale }) {
  const n = 7 + Math.floor(roll() * 5);
  const width = 76 / n;
  return Array.from({ length: n }, (_, k) => {
    const height = 12 + 62 * Math.abs(Math.sin((k + 1) * (0.5 + roll() * 0.5)));
    return svg("rect", { x: 12 + k * width + width * 0.18, y: 50 - height / 2, width: width * 0.64, height, rx: width * 0.32,
      fill: roll() < 0.18 ? pale : roll() < 0.5 ? light : middle });
  });
}

function facets(roll, { middle, light, pale }) {
  const cell = 25;
  const pieces = [];
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < 4; column++) {
      if (roll() < 0.3) continue;
      const fill = roll() < 0.14 ? pale : roll() < 0.45 ? light : middle;
      const [x, y] = [column * cell, row * cell];
      const turn = Math.floor(roll() * 4) * 90;
      pieces.push(svg("path", { d: `M${x} ${y}h${cell}a${cell} ${cell} 0 0 1 -${cell} ${cell}Z`, fill, transform: `rotate(${turn} ${x + cell / 2} ${y + cell / 2})` }));
    }
  }
  return pieces;
}
