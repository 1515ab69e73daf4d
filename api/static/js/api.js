// Talking to the service: JSON in, JSON out, problems as errors.

import { askForKey } from "./session.js";

export class Problem extends Error {
  constructor(body = {}, status = 0) {
    super(body.detail || body.title || "The service did not answer as expected.");
    this.type = (body.type ?? "").replace("urn:recsys:problem:", "");
    this.status = status;
    this.requestId = body.request_id;
  }
}

/**
 * Body of the answer to a request; throws `Problem`, or AbortError when `signal` fires.
 *
 * With `keepalive` the request outlives the page, which its small body must allow (64 KiB).
 */
export async function call(path, { method = "GET", body, signal, keepalive = false } = {}) {
  const options = { method, signal, keepalive };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  let response = await reach(path, options);
  if (response.status === 401 && (await askForKey())) response = await reach(path, options);
  return settle(response.status, await response.text());
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The service cannot be reached. Is it running?" });
  }
}

export function settle(status, text) {
  let body;
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    throw new Problem({}, status);
  }
  if (status >= 400) throw new Problem(body, status);
  return body;
}

/** Path with its ids escaped: path`/v1/tracks/${id}/similar`. */
export function path(parts, ...ids) {
  return parts.reduce((whole, part, n) => whole + encodeURIComponent(ids[n - 1]) + part);
}

/** Address of a view with a query: link("/track", {id}). */
export function link(view, query) {
  return `${view}?${new URLSearchParams(query)}`;
}

/** Answer of GET `address` or null where the service has nothing there (404). */
export async function maybe(address, signal) {
  try {
    return await call(address, { signal });
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Send a file as a form, telling how far it is; resolves to the body of the answer. */
export function upload(address, fields, { signal, onprogress }) {
  // fetch reports no progress of what it sends.
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    const request = new XMLHttpRequest();
    signal.addEventListener("abort", () => request.abort());
    request.upload.addEventListener("progress", (event) => onprogress(event.loaded / event.total));
    request.upload.addEventListener("load", () => onprogress(1));
    request.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    request.addEventListener("error", () => reject(new Problem({ detail: "The service closed the connection. Is it running?" })));
    request.addEventListener("load", () => {
      try {
        resolve(settle(request.status, request.responseText));
      } catch (error) {
        reject(error);
      }
    });
    request.open("POST", address);
    request.send(form);
  });
}
