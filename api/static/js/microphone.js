// Ten seconds from the microphone as a WAV file, the one recording format every service decodes.

const RATE = 44100;

/** Whether this page may ask for the microphone (https or localhost only). */
export const canRecord = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Record for `seconds`; `ontick(level, left)` tells loudness (0 … 1) and seconds left. */
export async function record(seconds, { signal, ontick }) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  try {
    signal.throwIfAborted(); // the permission may come when nobody waits for it any more
    return await taken(stream, seconds, { signal, ontick });
  } finally {
    stream.getTracks().forEach((track) => track.stop());
  }
}

async function taken(stream, seconds, { signal, ontick }) {
  const recorder = new MediaRecorder(stream);
  const context = new AudioContext();
  let ticking;
  try {
    const meter = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(meter);
    const pieces = [];
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    const began = performance.now();
    const samples = new Float32Array(meter.fftSize);
    ticking = setInterval(() => {
      meter.getFloatTimeDomainData(samples);
      ontick(Math.min(1, Math.hypot(...samples) / Math.sqrt(samples.length) * 4), seconds - (performance.now() - began) / 1000);
    }, 80);
    await new Promise((resolve, reject) => {
      recorder.addEventListener("stop", resolve);
      recorder.addEventListener("error", () => reject(new Error("the recording broke off")));
      signal.addEventListener("abort", () => recorder.state !== "inactive" && recorder.stop());
      recorder.start();
      setTimeout(() => recorder.state !== "inactive" && recorder.stop(), seconds * 1000);
    });
    signal.throwIfAborted();
    const bytes = await new Blob(pieces).arrayBuffer();
    const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
    return new File([wav(sound.getChannelData(0))], "recording.wav", { type: "audio/wav" });
  } finally {
    clearInterval(ticking);
    await context.close();
  }
}

/** RIFF file of 16-bit samples (Microsoft, Multimedia Programming Interface 1.0, 1991). */
function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, letters) => [...letters].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, n) => view.setInt16(44 + n * 2, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return view.buffer;
}
