// The file asked about, played from where it lies: the service keeps none.

import { onPlayer, playing, toggle } from "./player.js";

/** Give `audio` the `file`, until `signal` fires; it and the player never play at once. */
export function give(audio, file, signal) {
  const address = URL.createObjectURL(file);
  audio.src = address;
  audio.addEventListener("loadedmetadata", () => { audio.hidden = false; }, { signal }); // not where the browser cannot decode it
  audio.addEventListener("play", () => playing() && toggle(), { signal });
  onPlayer(() => playing() && audio.pause(), signal);
  signal.addEventListener("abort", () => {
    audio.hidden = true;
    audio.pause();
    audio.removeAttribute("src");
    URL.revokeObjectURL(address);
  });
}
