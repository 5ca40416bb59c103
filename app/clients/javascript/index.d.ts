import type { components, paths } from "./schema.js";

/** The schemas of the API: `Schemas["Located"]`. */
export type Schemas = components["schemas"];

type Operation<P extends keyof paths, M extends "get" | "post"> = NonNullable<paths[P][M]>;
type Having<M extends "get" | "post"> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
type Or<T> = [NonNullable<T>] extends [never] ? unknown : NonNullable<T>;
type Parameters<O> = O extends { parameters: { path?: infer Path; query?: infer Query } } ? Or<Path> & Or<Query> : never;
type Body<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
type Result<O> = O extends { responses: { 200: { content: { "application/json": infer R } } } } ? R : never;
type Arguments<T> = {} extends T ? [parameters?: T, options?: RequestOptions] : [parameters: T, options?: RequestOptions];

export interface ClientOptions {
  /** Language of names and texts, unless a call has its own. */
  lang?: "en" | "fr";
  /** Milliseconds for each attempt, with its body. */
  timeout?: number;
  /** Repetitions of a request that is answered with 429 or 503: after the time in Retry-After, at most a minute. */
  retries?: number;
  /** Number of responses to keep for revalidation by ETag, for Node; browsers revalidate themselves. */
  revalidate?: number;
}

export interface RequestOptions {
  signal?: AbortSignal;
}

export interface ReadOptions extends RequestOptions {
  /** Media type of the response. */
  accept?: string;
  /** Positions or codes to POST. */
  body?: BodyInit;
  /** Media type of the body; `text/csv` by default. */
  contentType?: string;
}

/** An error that the service answered with. Without an answer, errors are those of `fetch`. */
export class ProblemError extends Error {
  /** The problem document; its `type` is stable, `detail` and `hint` are for people. */
  readonly problem: Schemas["Problem"];
  readonly status: number;
}

export class Client {
  /** @param service URL of the service. */
  constructor(service: string, options?: ClientOptions);

  /** The JSON of a GET route; path and query parameters in one object. */
  get<P extends Having<"get">>(path: P, ...rest: Arguments<Parameters<Operation<P, "get">>>): Promise<Result<Operation<P, "get">>>;

  /** The JSON of a POST route. */
  post<P extends Having<"post">>(
    path: P,
    body: Body<Operation<P, "post">>,
    ...rest: Arguments<Parameters<Operation<P, "post">>>
  ): Promise<Result<Operation<P, "post">>>;

  /** The health region, FSA and province at a position: `GET /locate`, but with the position in a body. */
  locate(parameters: Parameters<Operation<"/locate", "get">>, options?: RequestOptions): Promise<Schemas["Located"]>;

  /** The latest figures at a position or of an FSA: `POST /now`. */
  now(
    where: Schemas["NowRequest"],
    parameters?: Parameters<Operation<"/now", "post">>,
    options?: RequestOptions,
  ): Promise<Schemas["Now"]>;

  /** A page of a list and the pages after it, all of the same vintage. */
  pages<T extends { links: Schemas["Link"][] }>(first: T, options?: RequestOptions): AsyncGenerator<T, void>;

  /** The response of any route in any format: CSV, NDJSON, Arrow, tiles, files of `/downloads`. */
  read(path: string, parameters?: Record<string, string | number | undefined>, options?: ReadOptions): Promise<Response>;
}

/** Rows of a table of a series: `date` is the last day of each step, and each place has a column; null is missing. */
export function rows(series: Schemas["IndicatorSeries"]): ({ date: string } & Record<string, number | string | null>)[];
