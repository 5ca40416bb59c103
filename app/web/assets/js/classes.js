// Classes of a choropleth. They are fixed over time: a colour means the same in every week.

const COLOURS = 8;
const SHARES = [0.2, 0.4, 0.6, 0.8, 0.92, 0.98];

/** Return the lower bounds of the classes above zero: those of the API, else round numbers near quantiles of all values. */
export function boundsOf(figures) {
  return (figures.bounds ??= figures.cube.classes ? figures.cube.classes.filter((bound) => bound > 0) : roundQuantiles(valuesOf(figures)));
}

function valuesOf(figures) {
  const keys = [...figures.byKind("region"), ...figures.byKind("site")].map((series) => series.place);
  return keys.flatMap((key) => figures.cube.places[key]).filter((value) => value > 0).sort((a, b) => a - b);
}

function roundQuantiles(values) {
  if (!values.length) return [];
  const bounds = SHARES.map((share) => round(values[Math.floor(share * (values.length - 1))]));
  const whole = values.every(Number.isInteger);
  return [...new Set(bounds)].filter((bound) => !whole || bound > 1);
}

/** Return the nearest of 1, 2, 2.5, 5 times a power of ten. */
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 2.5, 5, 10].map((step) => step * power);
  const nearest = steps.reduce((best, step) => (Math.abs(step - value) < Math.abs(best - value) ? step : best));
  return Number(nearest.toPrecision(2));
}

/** Return the class of a value: 0 is zero, 1 is above zero and below the first bound; -1 is a negative correction. */
export function classOf(value, bounds) {
  if (value < 0) return -1;
  if (value === 0) return 0;
  return 1 + bounds.filter((bound) => value >= bound).length;
}

/** Return the name of the colour of a class in page.css. Fewer classes spread over the same colours. */
export function colourOf(at, bounds) {
  if (at < 0) return "class-negative";
  if (at === 0 || !bounds.length) return `class-${at === 0 ? 0 : COLOURS - 1}`;
  return `class-${1 + Math.round(((at - 1) * (COLOURS - 2)) / bounds.length)}`;
}

/** Paint of a region without a figure: {colour, hatch, unrelated, dashed}. `unrelated`: no relation to a region that reports. */
export const UNPAINTED = { colour: null, hatch: false, unrelated: false, dashed: false };

/** Return the paint of a place at a step. */
export const paintOf = (figures, key, at) => paintOfValue(figures, figures.value(key, at), figures.status(key, at));

/** Return the paint of a value. A missing value is hatched; it is not zero. */
export function paintOfValue(figures, value, status) {
  if (value === null) return { ...UNPAINTED, hatch: true };
  return { ...UNPAINTED, colour: colourOf(classOf(value, boundsOf(figures)), boundsOf(figures)), dashed: status === "estimated" };
}
