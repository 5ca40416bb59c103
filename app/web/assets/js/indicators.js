// Health indicators: the catalogue, and one measure of every place over time.

import { calls, sendOnce } from "./api.js";
import { t } from "./texts.js";

const DAY_MS = 86_400_000;
// A cumulative count is drawn by week, as the measures of seven days are.
const FREQUENCY = { cumulative: "week" };
let published = [];

/** Load the catalogue; return whether an indicator is published. A service without figures still has boundaries. */
export async function loadIndicators() {
  published = await sendOnce(calls.indicators())
    .then((answer) => answer.indicators)
    .catch(() => []);
  return published.length > 0;
}

export const indicators = () => published;

/** Return the indicator and the measure that a state shows, by id. */
export function chosen(state) {
  const indicator = state.indicator ?? published[0].id;
  const listed = published.find((entry) => entry.id === indicator);
  return { indicator, listed, measure: state.measure ?? listed?.default_measure ?? null };
}

/** Return a day as text: YYYY-MM-DD. */
const isoDay = (time) => new Date(time).toISOString().slice(0, 10);
const time = (day) => Date.parse(`${day}T00:00:00Z`);

/** Return the figures of a state: values and statuses by place and step, places, days, measure. Raises: Problem. */
export async function figuresOf(state) {
  const { indicator, measure } = chosen(state);
  const call = calls.cube(indicator, measure, FREQUENCY[measure] ?? null);
  const [about, cube] = await Promise.all([sendOnce(calls.indicator(indicator)), sendOnce(call)]);
  return (cube.view ??= view(about, cube, call));
}

function view(about, cube, call) {
  const places = new Map(about.places.map((place) => [place.place, place]));
  const codes = cube.statuses.map((status) => status.code);
  const statuses = new Map(
    Object.entries(cube.status).map(([key, runs]) => [key, runs.flatMap(([code, count]) => Array(count).fill(codes[code]))]),
  );
  const start = time(cube.start);
  const days = Array.from({ length: cube.length }, (_, at) => isoDay(start + at * cube.step_days * DAY_MS));
  return {
    about,
    call,
    cube,
    days,
    places,
    measure: about.measures.find((measure) => measure.id === cube.measure),
    byKind: (kind) => [...places.values()].filter((place) => place.kind === kind && cube.places[place.place]),
    value: (key, at) => cube.places[key]?.[at] ?? null,
    status: (key, at) => statuses.get(key)?.[at] ?? "not_reported",
    statusName: (code) => cube.statuses.find((status) => status.code === code)?.name ?? code,
    /** Return the step of a day: the last one that is not after it. Without a day: the latest with figures of the country. */
    stepOf(day) {
      const wanted = time(day ?? about.latest ?? days.at(-1));
      const at = Math.floor((wanted - start) / (cube.step_days * DAY_MS));
      return Math.min(Math.max(Number.isFinite(at) ? at : 0, 0), days.length - 1);
    },
    /** Return the keys of a state that are places of the indicator. */
    shown: (state) => [...new Set((state.place ?? "").split(","))].filter((key) => places.has(key)).slice(0, 4),
  };
}

/** Return the figures of all places on one day, with their periods and populations. Raises: Problem. */
export const detailsOn = (figures, at) => sendOnce(callOn(figures, at));

/** Return the call for one day; `of` names the coverage and vintage of other regions than those that report. */
export const callOn = (figures, at, of = {}) => calls.figures(figures.cube.indicator, figures.cube.measure, figures.days[at], of);

/** Return the figure of a place in an answer for one day; null where it has none. */
export function figureIn(answer, place) {
  if (place.kind === "country") return answer.country;
  if (place.kind === "province") return answer.provinces[place.place] ?? null;
  if (place.kind === "unassigned") return answer.unassigned[place.province] ?? null;
  return answer.values[place.place] ?? null;
}

/** Return the name of a place in the reader's language; an unassigned place gets a name of its own. */
export const placeName = (place) =>
  place.kind === "unassigned" ? t("unassigned_of", { province: place.province }) : place.name;

/** Return the notes about a place, its province or everything. */
export const notesOf = (figures, place) =>
  figures.about.notes.filter((note) => note.place === null || [place.place, place.province].includes(note.place));
