// Texts, numbers, dates and names in the reader's language. The texts are embedded in the page: see app/web/texts.py.

const settings = JSON.parse(document.getElementById("settings").textContent);

export const language = settings.language;
export const provinces = settings.provinces;
const locale = `${language}-CA`;
const plural = new Intl.PluralRules(locale);

/** Return a text by its key, with {names} replaced. A text with forms takes the one for `n`. */
export function t(key, values = {}) {
  let text = settings.texts[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  if (typeof text !== "string") text = text[plural.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Return the name of a region in the reader's language; both are in every answer. */
export const nameOf = (named) => (language === "fr" ? named.name_fr : named.name_en) || named.name || "";
/** Return the name in the other language, "" where it is the same. */
export const otherName = (named) => {
  const other = (language === "fr" ? named.name_en : named.name_fr) || "";
  return other === nameOf(named) ? "" : other;
};
export const provinceName = (pruid) => provinces.find((province) => province.pruid === pruid)?.name ?? "";

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value);

/** Return a share from 0 to 1 as a percentage. A small share is never shown as 0 %, a share below 1 never as 100 %. */
export function percent(share) {
  const format = (value, digits) =>
    new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(value);
  if (share > 0 && share < 0.001) return `< ${format(0.001, 1)}`;
  if (share < 1 && share > 0.999) return `> ${format(0.999, 1)}`;
  // Shares near 0 and near 1 get a decimal.
  return format(share, share < 0.1 || share > 0.9 ? 1 : 0);
}

export function distance(metres) {
  if (metres < 1000) return `${number(metres, metres < 10 ? 1 : 0)} m`;
  return `${number(metres / 1000, metres < 100_000 ? 1 : 0)} km`;
}

export const area = (km2) => `${number(km2, km2 < 100 ? 1 : 0)} km²`;

/** Return a position as text: 45.4236° N, 75.7009° W. */
export function position([lon, lat]) {
  const degrees = (value) =>
    new Intl.NumberFormat(locale, { maximumFractionDigits: 5, minimumFractionDigits: 4 }).format(Math.abs(value));
  return `${degrees(lat)}° ${t(lat < 0 ? "south" : "north")}, ${degrees(lon)}° ${t(lon < 0 ? "west" : "east")}`;
}

const day = (options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
const date = (text) => new Date(`${text}T00:00:00Z`);
const LONG = { day: "numeric", month: "long", year: "numeric" };

/** Return a day, or the days from one to another, in words. */
export function period(from, to = from) {
  if (from === to) return day(LONG).format(date(from));
  return day(LONG).formatRange(date(from), date(to));
}

/** Return a figure as text; small figures have decimals. */
export const formatted = (value) => number(value, Math.abs(value) < 100 && !Number.isInteger(value) ? (Math.abs(value) < 1 ? 2 : 1) : 0);
