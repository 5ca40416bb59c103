// Latest figures of a health region: value with interval, period, status, trend, and the relation to the region that reports them.

import { calls, send, sendOnce } from "./api.js";
import { NOTHING, stateLink } from "./card.js";
import { el } from "./dom.js";
import { indicators } from "./indicators.js";
import { formatted, number, period, t } from "./texts.js";

/** Return the latest figures of a region; null where no indicator is published or the request fails. Raises: AbortError. */
export async function latestOf(code, vintage, { signal }) {
  if (!indicators().length) return null;
  const asked = calls.latest(code, vintage);
  try {
    const [answer, ...about] = await Promise.all([send(asked, { signal }), ...indicators().map((one) => sendOnce(calls.indicator(one.id)).catch(() => null))]);
    return { asked, answer, about: about.filter(Boolean) };
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

/** Return the latest figures as a section of a card; null where there are none to show. */
export function latestFigures(latest, title = t("latest")) {
  if (!latest) return null;
  const { answer, about } = latest;
  return el(
    "section",
    { class: "latest" },
    el("h3", {}, title),
    answer.indicators.length ? el("ul", {}, answer.indicators.map((one) => figure(one, answer, about))) : el("p", { class: "note" }, t("latest_none")),
  );
}

function figure(one, { statuses }, about) {
  const status = statuses.find(({ code }) => code === one.status)?.name ?? one.status;
  const places = about.find(({ id }) => id === one.id)?.places ?? [];
  const place = one.method === "part_of" ? (places.find(({ place: key }) => key === one.place) ?? null) : null;
  const lines = [
    one.from ? period(one.from, one.to) : t("until", { day: period(one.on) }),
    one.reported_on && one.reported_on !== one.to && `${t("reported_on")} ${period(one.reported_on)}`,
    one.v !== null && one.count !== null && one.count !== undefined && `${t("count")} ${number(one.count)}`,
    one.v !== null && status,
    one.interval && t("interval", { from: formatted(one.interval[0]), to: formatted(one.interval[1]) }),
  ].filter(Boolean);
  return el(
    "li",
    {},
    el(
      "p",
      { class: "latest-value" },
      el("span", {}, one.name),
      el("b", { class: one.v === null ? "missing" : null }, one.v === null ? status : formatted(one.v)),
      one.v !== null && el("span", { class: "figure-unit" }, one.unit),
    ),
    el("p", { class: "note" }, lines.join(" · ")),
    one.trend && el("p", { class: "note trend" }, trendText(one.trend)),
    one.held && el("p", { class: "held" }, one.held.notice),
    one.method && el("p", { class: "note method" }, sentence(one.method), place && [" ", placeLink(one, place)]),
  );
}

function trendText({ word, ratio, interval: [from, to], compared_with: before }) {
  const change = t("trend", { word, period: period(...before.split("/")) });
  if (ratio === null || to === null) return change;
  return `${change} · ${t("trend_ratio", { ratio: number(ratio, 2), from: number(from, 2), to: number(to, 2) })}`;
}

const sentence = (method) => {
  if (method === "same") return t("method_same_why");
  return method === "sum" ? t("method_sum_why") : t("method_part_of_why");
};

const placeLink = (one, place) =>
  stateLink(
    { ...NOTHING, layer: "figures", vintage: null, fsa_vintage: null, indicator: one.id === indicators()[0].id ? null : one.id, measure: null, on: null, place: place.place },
    { class: "region-link" },
    place.name,
  );
