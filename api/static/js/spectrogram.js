// The mel spectrogram of a sound, computed and drawn here, so that it shows before any answer.

import { path } from "./api.js";
import { el } from "./dom.js";

const BANDS = 96;
const FFT = 2048;
const COLUMNS = 640;
const RATE = 22050;
const FLOOR_DB = -72;
/** Larger files would fill the memory of a phone once decoded. */
export const MOST_BYTES = 24 * 2 ** 20;

/** Sound of a file as one channel at 22,050 Hz; null where the browser cannot decode it. */
export async function decode(bytes) {
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    const buffer = await context.decodeAudioData(bytes);
    const mono = new Float32Array(buffer.length);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const samples = buffer.getChannelData(channel);
      for (let n = 0; n < mono.length; n++) mono[n] += samples[n] / buffer.numberOfChannels;
    }
    return mono;
  } catch (error) {
    if (error.name === "EncodingError") return null;
    throw error;
  }
}

const hz = (mel) => 700 * (10 ** (mel / 2595) - 1);
const mel = (frequency) => 2595 * Math.log10(1 + frequency / 700);

/** Share of each FFT bin in each band: triangles that are equally wide to the ear. */
function bandsOf() {
  const edges = Array.from({ length: BANDS + 2 }, (_, n) => (hz((mel(RATE / 2) * n) / (BANDS + 1)) * FFT) / RATE);
  return edges.slice(0, BANDS).map((low, n) => {
    const [middle, high] = [edges[n + 1], edges[n + 2]];
    const weights = [];
    for (let bin = Math.ceil(low); bin <= Math.floor(high); bin++) {
      weights.push([bin, bin < middle ? (bin - low) / (middle - low) : (high - bin) / (high - middle)]);
    }
    return weights.length ? weights : [[Math.round(middle), 1]];
  });
}

/** In-place radix-2 FFT (Cooley and Tukey). */
function fft(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
  for (let length = 2; length <= n; length <<= 1) {
    const half = length >> 1;
    const step = (-2 * Math.PI) / length;
    for (let k = 0; k < half; k++) {
      const [wr, wi] = [Math.cos(step * k), Math.sin(step * k)];
      for (let i = k; i < n; i += length) {
        const j = i + half;
        const [xr, xi] = [re[j] * wr - im[j] * wi, re[j] * wi + im[j] * wr];
        [re[j], im[j]] = [re[i] - xr, im[i] - xi];
        [re[i], im[i]] = [re[i] + xr, im[i] + xi];
      }
    }
  }
}

/** Levels in 0 … 1 [columns][bands], relative to the loudest. */
export function melSpectrogram(samples) {
  const bands = bandsOf();
  const window = Float32Array.from({ length: FFT }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FFT));
  const hop = Math.max(FFT / 4, samples.length / COLUMNS);
  const columns = Math.max(1, Math.floor(samples.length / hop));
  const levels = [];
  let loudest = 1e-10;
  for (let column = 0; column < columns; column++) {
    const re = new Float64Array(FFT);
    const im = new Float64Array(FFT);
    const start = Math.floor(column * hop);
    for (let n = 0; n < FFT && start + n < samples.length; n++) re[n] = samples[start + n] * window[n];
    fft(re, im);
    const own = bands.map((weights) => weights.reduce((sum, [bin, weight]) => sum + weight * (re[bin] ** 2 + im[bin] ** 2), 0));
    loudest = Math.max(loudest, ...own);
    levels.push(own);
  }
  return levels.map((own) => own.map((power) => Math.max(0, 1 - (10 * Math.log10(power / loudest + 1e-12)) / FLOOR_DB)));
}

/** Draw levels on a canvas in the colours of the page. */
export function draw(canvas, levels) {
  const style = getComputedStyle(canvas);
  const ramp = ["--spectrum-0", "--spectrum-1", "--spectrum-2", "--spectrum-3"].map((name) => rgb(style.getPropertyValue(name).trim()));
  canvas.width = levels.length;
  canvas.height = BANDS;
  const context = canvas.getContext("2d");
  const image = context.createImageData(levels.length, BANDS);
  levels.forEach((own, x) => own.forEach((level, band) => {
    const place = Math.min(level ** 1.3, 0.9999) * (ramp.length - 1);
    const [from, to, share] = [ramp[Math.floor(place)], ramp[Math.floor(place) + 1], place % 1];
    const at = 4 * ((BANDS - 1 - band) * levels.length + x);
    for (let c = 0; c < 3; c++) image.data[at + c] = from[c] + (to[c] - from[c]) * share;
    image.data[at + 3] = 255;
  }));
  context.putImageData(image, 0, 0);
}

function rgb(colour) {
  return [1, 3, 5].map((n) => parseInt(colour.slice(n, n + 2), 16));
}

/** Decode `bytes`, draw them on `canvas`; false where the browser cannot decode them. */
export async function show(canvas, bytes) {
  if (bytes.byteLength > MOST_BYTES) return false;
  const samples = await decode(bytes);
  if (!samples) return false;
  draw(canvas, melSpectrogram(samples));
  return true;
}

/** Canvas for a spectrogram, hidden until there is one. */
export function spectrogramCanvas() {
  return el("canvas", { class: "spectrogram", role: "img", "aria-label": "Mel spectrogram: time runs to the right, pitch upwards", hidden: true });
}

/** Draw a track of the library on `canvas`; it stays hidden where its file is not here. */
export async function showTrack(canvas, id, signal) {
  try {
    const response = await fetch(path`/v1/tracks/${id}/audio`, { signal });
    if (response.ok && (await show(canvas, await response.arrayBuffer())) && !signal.aborted) canvas.hidden = false;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}
