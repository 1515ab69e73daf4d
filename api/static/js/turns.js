// What lasts until the next of its kind takes its place: a list, a panel, a question.

/** Function that gives a signal to what begins, and fires that of what was there before; the last one fires with `signal`. */
export function turns(signal) {
  let own = new AbortController();
  signal.addEventListener("abort", () => own.abort());
  return () => {
    own.abort();
    own = new AbortController();
    if (signal.aborted) own.abort();
    return own.signal;
  };
}
