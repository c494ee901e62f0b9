// The service as this page calls it: one picture in, progress by server-sent events, an answer out.

const ENDED = new Set(["done", "failed", "cancelled", "expired"]);
const POLL_MILLISECONDS = 400;

/** What went wrong, as the server told it (RFC 9457) or as the browser saw it. */
export class Problem extends Error {
  constructor({ code, title, detail, status = 0, retry_after: retryAfter = 0 }, requestId = "") {
    super(detail || title || `The server answered ${status}.`);
    Object.assign(this, { code, title: title || "The request failed", status, retryAfter, requestId });
  }
}

/** The answer to one request; throws a Problem for everything that is none. */
async function call(path, key, options = {}) {
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", title: "The server cannot be reached", detail: "The connection failed." });
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Problem({ code: `http_${response.status}`, status: response.status, ...told }, response.headers.get("X-Request-ID") ?? "");
}

export const info = async () => (await call("info")).json();
export const samples = async () => (await call("playground/samples")).json();

/** A sample photo as a File; its `source` is where others may get it, too. */
export async function sample({ name, photo }) {
  const blob = await (await call(photo)).blob();
  const file = new File([blob], `${name}.jpg`, { type: blob.type });
  return Object.assign(file, { source: new URL(photo, document.baseURI).href });
}

/**
 * Parse a picture; tells progress("sending" | "queued" | "running").
 *
 * `question` is {file, prompts, bodyParts, minScore}; an abort of `signal` cancels the job on the server too.
 */
export async function parse(question, { key, signal, progress }) {
  progress("sending");
  const response = await call("parse", key, { method: "POST", body: form(question), headers: { Prefer: "respond-async" }, signal });
  const told = await response.json();
  if (response.status !== 202) return told;
  const path = `jobs/${encodeURIComponent(told.id)}`;
  signal.addEventListener("abort", () => { call(path, key, { method: "DELETE", keepalive: true }).catch(() => {}); });
  progress(told.status);
  const job = (await watched(path, { key, signal, progress })) ?? (await polled(path, { key, signal, progress }));
  if (job.status === "done") return job.result;
  throw new Problem({ code: `job_${job.status}`, title: `The job was ${job.status}`, ...job.error });
}

function form({ file, prompts, bodyParts, minScore }) {
  const body = new FormData();
  body.append("image", file, file.name || "photo");
  for (const prompt of prompts) body.append("prompts", prompt);
  if (bodyParts) body.append("body_parts", "true");
  if (minScore) body.append("min_score", String(minScore));
  return body;
}

/** The job at its end, by its events; null where the server or a proxy has none to give, or they break off. */
async function watched(path, { key, signal, progress }) {
  try {
    const response = await call(`${path}/events`, key, { headers: { Accept: "text/event-stream" }, signal });
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return null;
    for await (const event of events(response.body)) {
      const job = JSON.parse(event.data);
      if (event.type === "end") return job;
      if (event.type === "status") progress(job.status);
    }
  } catch (error) {
    if (signal.aborted) throw error;  // all else is left to polling, which says what is wrong
  }
  return null;
}

/** Server-sent events of a body: {type, data} each. EventSource would do, but sends no headers. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", type = "message", data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { type, data: data.join("\n") };
          type = "message";
          data = [];
        } else if (line.startsWith("event:")) type = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The job at its end, asked for until it is there. */
async function polled(path, { key, signal, progress }) {
  for (;;) {
    const job = await (await call(path, key, { signal })).json();
    if (ENDED.has(job.status)) return job;
    progress(job.status);
    await new Promise((wake) => setTimeout(wake, POLL_MILLISECONDS));
  }
}
