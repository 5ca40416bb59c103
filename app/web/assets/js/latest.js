// Latest figures of a health region: value with interval, period, status, trend, and the relation to the region that reports them.

import { calls, send, sendOnce } from "./api.js";
import { NOTHING, stateLink } from "./card.js";
import { el } from "./dom.js";
import { indicators } from "./indicators.js";
import { formatted, number, period, t } from "./texts.js";

/** Return the latest figures of a region; null where no indicator is published or the request fails. Raises: AbortError. */
export async function latestOf(code, vintage, { signal }) {
  if (!indicators().length) return null;
  const call = calls.latest(code, vintage);
  try {
    const [answer, ...about] = await Promise.all([send(call, { signal }), ...indicators().map((indicator) => sendOnce(calls.indicator(indicator.id)).catch(() => null))]);
    return { call, answer, about: about.filter(Boolean) };
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
    answer.indicators.length ? el("ul", {}, answer.indicators.map((item) => figure(item, answer, about))) : el("p", { class: "note" }, t("latest_none")),
  );
}

function figure(item, { statuses }, about) {
  const status = statuses.find(({ code }) => code === item.status)?.name ?? item.status;
  const places = about.find(({ id }) => id === item.id)?.places ?? [];
  const place = item.method === "part_of" ? (places.find(({ place: key }) => key === item.place) ?? null) : null;
  const lines = [
    item.from ? period(item.from, item.to) : t("until", { day: period(item.on) }),
    item.reported_on && item.reported_on !== item.to && `${t("reported_on")} ${period(item.reported_on)}`,
    item.v !== null && item.count !== null && item.count !== undefined && `${t("count")} ${number(item.count)}`,
    item.v !== null && status,
    item.interval && t("interval", { from: formatted(item.interval[0]), to: formatted(item.interval[1]) }),
  ].filter(Boolean);
  return el(
    "li",
    {},
    el(
      "p",
      { class: "latest-value" },
      el("span", {}, item.name),
      el("b", { class: item.v === null ? "missing" : null }, item.v === null ? status : formatted(item.v)),
      item.v !== null && el("span", { class: "figure-unit" }, item.unit),
    ),
    el("p", { class: "note" }, lines.join(" · ")),
    item.trend && el("p", { class: "note trend" }, trendText(item.trend)),
    item.held && el("p", { class: "held" }, item.held.notice),
    item.method && el("p", { class: "note method" }, sentence(item), place && [" ", placeLink(item, place)]),
  );
}

function trendText({ word, ratio, interval: [from, to], compared_with: before }) {
  const change = t("trend", { word, period: period(...before.split("/")) });
  if (ratio === null || to === null) return change;
  return `${change} · ${t("trend_ratio", { ratio: number(ratio, 2), from: number(from, 2), to: number(to, 2) })}`;
}

const sentence = ({ method, group }) => {
  if (method === "same") return t("method_same_why");
  if (method === "common") return t("method_common_why", { codes: group.regions.join(", ") });
  return method === "sum" ? t("method_sum_why") : t("method_part_of_why");
};

const placeLink = (item, place) =>
  stateLink(
    { ...NOTHING, layer: "figures", vintage: null, fsa_vintage: null, indicator: item.id === indicators()[0].id ? null : item.id, measure: null, on: null, place: place.place },
    { class: "region-link" },
    place.name,
  );
