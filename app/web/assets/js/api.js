// API calls: their URLs, the fetch with its timeout, and problems in the reader's words.

import { language, t } from "./texts.js";

const TIMEOUT_MS = 20_000;

/** A failed call. `message` and `hint` are for the reader, `hint` may be null; `type` is the API's slug of the problem. */
export class Problem extends Error {
  constructor({ message, hint = null, type = null, body = {}, again = false }) {
    super(message);
    Object.assign(this, { hint, type, body, again });
  }
}

/** Return a call for fetch and curl: {url, body}. Null parameters are left out. */
export function call(path, query = {}, body = null) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString().replaceAll("%2C", ",");
  return { url: text ? `${path}?${text}` : path, body };
}

/** Send a bulk call of one item; return the answer with that item's result. Raises: as send. */
export async function sendOne(one, options) {
  const answer = await send(one, options);
  const [{ status, ...result }] = answer.results;
  if (status !== "ok") throw new Problem({ message: result.detail, hint: result.hint ?? null, type: status, body: result });
  return { ...answer, properties: result };
}

/** Send a call. Raises: Problem; AbortError where the signal ends it. */
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
    response = await fetch(url, request);
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

const known = new Map();

/** Return the answer of a call, cached by URL for the life of the page. For URLs that name their vintage: these never change. */
export function sendOnce(one) {
  if (!known.has(one.url)) {
    known.set(one.url, send(one).catch((error) => {
      known.delete(one.url);
      throw error;
    }));
  }
  return known.get(one.url);
}

export const calls = {
  vintages: () => call("/vintages", { lang: language }),
  regions: (vintage) => call("/health-regions", { detail: "none", vintage }),
  region: (code, vintage) => call(`/health-regions/${code}`, { detail: "none", vintage, lang: language }),
  fsasOfRegion: (code, editions) => call(`/health-regions/${code}/fsa`, { detail: "none", ...editions, lang: language }),
  neighboursOfRegion: (code, vintage) => call(`/health-regions/${code}/neighbours`, { detail: "none", vintage, lang: language }),
  fsa: (code, editions) => call(`/fsa/${code}`, { detail: "none", ...editions, lang: language }),
  fsaBoundary: (code, fsa_vintage) => call(`/fsa/${code}/boundary`, { detail: "high", vintage: fsa_vintage }),
  // By POST: proxies log URLs, and a position must not be in their logs.
  locate: (at, accuracy, editions) => call("/locate", { accuracy, ...editions, lang: language }, { points: [at] }),
  indicators: () => call("/indicators", { lang: language }),
  indicator: (id) => call(`/indicators/${id}`, { lang: language }),
  cube: (id, measure, freq) => call(`/indicators/${id}/cube`, { measure, freq, lang: language }),
  figures: (id, measure, on, of = {}) => call(`/indicators/${id}/map`, { measure, on, ...of, lang: language }),
  latest: (code, vintage) => call(`/health-regions/${code}/indicators`, { vintage, lang: language }),
  regionsOf: (coverage, vintage) => call(`/coverages/${coverage}/regions`, { detail: "none", vintage }),
  changes: (from, to) => call(`/vintages/health-regions/${from}/changes/${to}`, { lang: language }),
};
