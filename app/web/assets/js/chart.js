// Line charts of places over time, as SVG. A line has gaps where nothing was reported.

import { number } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";
const svg = (name, attributes, ...children) => {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter(Boolean));
  return element;
};

/**
 * Return {element, mark}: a chart of lines, and a function that moves its mark to a step.
 *
 * lines: [{values, colour, dash}], values null where nothing is reported. onPick: the step under a click.
 */
export function chart({ lines, days, label, width = 364, height = 110, axis = true, onPick = null }) {
  const bottom = axis ? height - 18 : height;
  const top = axis ? 14 : 2;
  const all = lines.flatMap((line) => line.values).filter((value) => value !== null);
  const most = all.reduce((a, b) => Math.max(a, b), 0) || 1;
  const least = all.reduce((a, b) => Math.min(a, b), 0);
  const x = (at) => (days.length > 1 ? (at / (days.length - 1)) * width : width / 2);
  const y = (value) => bottom - ((value - least) / (most - least)) * (bottom - top);
  const mark = svg("line", { class: "mark", x1: 0, x2: 0, y1: top - 2, y2: bottom });
  const element = svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: axis ? "xMidYMid meet" : "none", role: "img", "aria-label": label },
    ...(lines.length === 1 ? gaps(lines[0].values).map(([from, to]) => svg("rect", { class: "gap", x: x(from), y: top, width: Math.max(x(to) - x(from), 1), height: bottom - top })) : []),
    axis && svg("line", { class: "axis", x1: 0, x2: width, y1: y(0), y2: y(0) }),
    ...(lines.length === 1 ? [svg("path", { class: "area", d: area(lines[0].values, x, y) })] : []),
    ...lines.map((line) => svg("path", { class: `line ${line.colour}`, d: path(line.values, x, y), "stroke-dasharray": line.dash ?? "none" })),
    ...(axis ? years(days).map(({ at, year }) => text(year, x(at), height - 4, at === 0 ? "start" : "middle")) : []),
    axis && text(number(most, most < 10 ? 1 : 0), 0, 10, "start"),
    mark,
  );
  if (onPick) {
    element.addEventListener("click", (event) => {
      const box = element.getBoundingClientRect();
      onPick(Math.round(((event.clientX - box.left) / box.width) * (days.length - 1)));
    });
  }
  return {
    element,
    mark(at) {
      mark.setAttribute("x1", x(at));
      mark.setAttribute("x2", x(at));
    },
  };
}

function text(words, x, y, anchor) {
  const element = svg("text", { x, y, "text-anchor": anchor });
  element.textContent = words;
  return element;
}

/** Return the runs of steps that have values, as [first, last]. */
function runs(values, wanted) {
  const stretches = [];
  values.forEach((value, at) => {
    if ((value !== null) !== wanted) return;
    if (stretches.at(-1)?.[1] === at - 1) stretches.at(-1)[1] = at;
    else stretches.push([at, at]);
  });
  return stretches;
}

const gaps = (values) => runs(values, false);
const points = (values, [from, to], x, y) => Array.from({ length: to - from + 1 }, (_, at) => `${x(from + at).toFixed(1)},${y(values[from + at]).toFixed(1)}`);
// A single step is a dot: a line of no length with a round end.
const path = (values, x, y) => runs(values, true).map((run) => `M${points(values, run, x, y).join("L")}${run[0] === run[1] ? "h0" : ""}`).join("");
const area = (values, x, y) =>
  runs(values, true)
    .map((run) => `M${x(run[0]).toFixed(1)},${y(0).toFixed(1)}L${points(values, run, x, y).join("L")}L${x(run[1]).toFixed(1)},${y(0).toFixed(1)}Z`)
    .join("");

/** Return the first step of every year, and the year. */
function years(days) {
  const labels = [];
  days.forEach((day, at) => {
    if (labels.at(-1)?.year !== day.slice(0, 4)) labels.push({ at, year: day.slice(0, 4) });
  });
  return labels;
}
