// API calls: their URLs, the fetch with its timeout, and problems in the reader's words.

import { language, t } from "./texts.js";

const TIMEOUT_MS = 20_000;
const RETRIES = 2;
// A longer Retry-After is a state that lasts, such as tiles that are still being built.
const RETRY_AFTER_MAX_S = 5;

/** A failed call. `message` and `hint` are for the reader, `hint` may be null; `type` is the API's slug of the problem. */
export class Problem extends Error {
  constructor({ message, hint = null, type = null, body = {}, again = false }) {
    super(message);
    Object.assign(this, { hint, type, body, again });
  }
}

/** Return a call for fetch and curl: {url, body}. Null parameters are left out. */
export function call(path, query = {}, body = null) {
  const parameters = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(parameters).toString().replaceAll("%2C", ",");
  return { url: text ? `${path}?${text}` : path, body };
}

/** Send a bulk call of one item; return the answer with that item's result. Raises: as send. */
export async function sendOne(request, options) {
  const answer = await send(request, options);
  const [{ status, ...result }] = answer.results;
  if (status !== "ok") throw new Problem({ message: result.detail, hint: result.hint ?? null, type: status, body: result });
  return { ...answer, properties: result };
}

/**
 * Send a call. A 503 with a short Retry-After is repeated: every call only reads, also those by POST.
 * Raises: Problem; AbortError where the signal ends it.
 */
export async function send({ url, body }, { signal } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const request = {
    headers: { Accept: "application/geo+json, application/json", "Accept-Language": language },
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  };
  if (body) {
    Object.assign(request, { method: "POST", body: JSON.stringify(body) });
    request.headers["Content-Type"] = "application/json";
  }
  let response;
  let answer;
  try {
    response = await fetchWithRetry(url, request);
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    const late = error.name === "TimeoutError";
    throw new Problem({ message: t(late ? "problem_slow" : response ? "problem_unreadable" : "problem_away"), again: true });
  }
  if (response.ok) return answer;
  throw new Problem({
    message: answer.detail || answer.title || t("problem_unreadable"),
    hint: answer.hint ?? null,
    type: (answer.type ?? "").split("/").pop(),
    body: answer,
    again: response.status >= 500 || response.status === 429,
  });
}

async function fetchWithRetry(url, request) {
  for (let retry = 0; ; retry += 1) {
    const response = await fetch(url, request);
    const wait = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || retry === RETRIES || !(wait > 0 && wait <= RETRY_AFTER_MAX_S)) return response;
    await pause(wait * 1000, request.signal);
  }
}

/** Wait. Raises: the reason of the signal, as soon as it is aborted. */
const pause = (ms, signal) =>
  new Promise((done, fail) => {
    setTimeout(done, ms);
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
  });

const answers = new Map();

/** Return the answer of a call, cached by URL for the life of the page. For URLs that name their vintage: these never change. */
export function sendOnce(request) {
  if (!answers.has(request.url)) {
    answers.set(request.url, send(request).catch((error) => {
      answers.delete(request.url);
      throw error;
    }));
  }
  return answers.get(request.url);
}

export const calls = {
  vintages: () => call("/vintages", { lang: language }),
  downloads: () => call("/downloads", { lang: language }),
  regions: (vintage) => call("/health-regions", { detail: "none", vintage }),
  region: (code, vintage) => call(`/health-regions/${code}`, { detail: "none", vintage, lang: language }),
  fsasOfRegion: (code, vintages) => call(`/health-regions/${code}/fsa`, { detail: "none", ...vintages, lang: language }),
  neighboursOfRegion: (code, vintage) => call(`/health-regions/${code}/neighbours`, { detail: "none", vintage, lang: language }),
  fsa: (code, vintages) => call(`/fsa/${code}`, { detail: "none", ...vintages, lang: language }),
  fsaBoundary: (code, fsa_vintage) => call(`/fsa/${code}/boundary`, { detail: "high", vintage: fsa_vintage }),
  // By POST: proxies log URLs, and a position must not be in their logs.
  locate: (at, accuracy, vintages) => call("/locate", { accuracy, ...vintages, lang: language }, { points: [at] }),
  indicators: () => call("/indicators", { lang: language }),
  indicator: (id) => call(`/indicators/${id}`, { lang: language }),
  cube: (id, measure, freq) => call(`/indicators/${id}/cube`, { measure, freq, lang: language }),
  figures: (id, measure, on, of = {}) => call(`/indicators/${id}/map`, { measure, on, ...of, lang: language }),
  latest: (code, vintage) => call(`/health-regions/${code}/indicators`, { vintage, lang: language }),
  regionsOf: (coverage, vintage) => call(`/coverages/${coverage}/regions`, { detail: "none", vintage }),
  changes: (from, to) => call(`/vintages/health-regions/${from}/changes/${to}`, { lang: language }),
};
