// Client of a COVIDTrends Geo service for browsers and Node: timeouts, retries, problem documents as errors. Types: index.d.ts.

const LONGEST_WAIT_MS = 60_000; // before a repetition, whatever Retry-After says

/** An error that the service answered with; `problem` is its problem document (RFC 9457). */
export class ProblemError extends Error {
  name = "ProblemError";

  constructor(problem) {
    super([problem.detail, problem.hint].filter(Boolean).join(" "));
    this.problem = problem;
    this.status = problem.status;
  }
}

/** A client of one service. All its requests only read, so that each can be repeated. */
export class Client {
  #service;
  #options;
  #revalidated = new Map(); // URL to ETag and text, the one that was used last at the end

  constructor(service, options = {}) {
    this.#service = service.replace(/\/+$/, "");
    this.#options = { timeout: 30_000, retries: 3, revalidate: 0, ...options };
  }

  /** The JSON of a GET route: `get("/fsa/{code}", { code: "K0A", lang: "fr" })`. */
  async get(path, parameters = {}, { signal } = {}) {
    const url = this.#url(path, parameters);
    const [etag, text] = this.#revalidated.get(url) ?? [];
    const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
    const response = await this.#fetch(url, { headers, signal });
    const body = response.status === 304 ? text : await response.text();
    this.#remember(url, response.headers.get("ETag"), body);
    return JSON.parse(body);
  }

  /** The JSON of a POST route: `post("/fsa", { codes: ["K0A", "M5V"] })`. */
  async post(path, body, parameters = {}, { signal } = {}) {
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const response = await this.#fetch(this.#url(path, parameters), {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
    });
    return response.json();
  }

  /** The health region, FSA and province at a position: `GET /locate`, but with the position in a body. */
  async locate({ lat, lon, ...parameters }, options) {
    const { results, ...rest } = await this.post("/locate", { points: [[lon, lat]] }, parameters, options);
    const { status, ...properties } = results[0];
    if (status !== "ok") {
      throw new ProblemError({ type: `/problems/${status}`, title: properties.detail, status: 400, ...properties });
    }
    return { type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties, ...rest };
  }

  /** The latest figures at a position, `{ lat, lon }`, or of an FSA, `{ fsa }`: `POST /now`. */
  now(where, parameters, options) {
    return this.post("/now", where, parameters, options);
  }

  /** A page of a list and the pages after it, all of the same vintage. */
  async *pages(first, options) {
    for (let page = first; page; ) {
      yield page;
      const next = page.links.find((link) => link.rel === "next");
      page = next && (await this.get(next.href, {}, options));
    }
  }

  /** The response of any route in any format: CSV, NDJSON, Arrow, tiles, files of `/downloads`; `body` is sent by POST. */
  read(path, parameters = {}, { accept = "*/*", body, contentType = "text/csv", signal } = {}) {
    const headers = { Accept: accept, ...(body !== undefined && { "Content-Type": contentType }) };
    return this.#fetch(this.#url(path, parameters), {
      method: body === undefined ? "GET" : "POST",
      headers,
      body,
      signal,
    });
  }

  #url(path, parameters) {
    const query = new URLSearchParams();
    const rest = new Map(Object.entries(parameters).filter(([, value]) => value !== undefined));
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
      const value = rest.get(name);
      if (value === undefined) throw new TypeError(`${path} needs a value for ${name}`);
      rest.delete(name);
      return encodeURIComponent(value);
    });
    for (const [name, value] of rest) query.set(name, value);
    const { lang } = this.#options;
    if (lang && !query.has("lang") && !/[?&]lang=/.test(filled)) query.set("lang", lang);
    const text = query.toString();
    return this.#service + filled + (text && (filled.includes("?") ? "&" : "?") + text);
  }

  async #fetch(url, { signal, ...request }) {
    const { timeout, retries } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const limits = [AbortSignal.timeout(timeout), ...(signal ? [signal] : [])];
      const response = await fetch(url, { ...request, signal: AbortSignal.any(limits) });
      if (response.ok || response.status === 304) return response;
      if (attempt < retries && [429, 503].includes(response.status)) {
        await response.body?.cancel();
        const seconds = Number(response.headers.get("Retry-After")) || 2 ** attempt;
        await pause(Math.min(seconds * 1000, LONGEST_WAIT_MS), signal);
        continue;
      }
      if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
        throw new ProblemError(await response.json());
      }
      throw new Error(`${response.status} ${response.statusText}: ${url.split("?")[0]}`);
    }
  }

  #remember(url, etag, body) {
    const { revalidate } = this.#options;
    if (!etag || revalidate < 1) return;
    this.#revalidated.delete(url);
    this.#revalidated.set(url, [etag, body]);
    if (this.#revalidated.size > revalidate) this.#revalidated.delete(this.#revalidated.keys().next().value);
  }
}

/** Rows of a table of a series: `date` is the last day of each step, and each place has a column. */
export function rows(series) {
  const start = Date.parse(series.start ?? 0);
  return Array.from({ length: series.length }, (_, step) => {
    const date = new Date(start + step * series.step_days * 86_400_000).toISOString().slice(0, 10);
    return { date, ...Object.fromEntries(Object.entries(series.places).map(([place, item]) => [place, item.values[step]])) };
  });
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
