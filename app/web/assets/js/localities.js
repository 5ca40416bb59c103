// Suggestions of the service for the search box: localities with their health regions, and regions under other names.

import { call, send } from "./api.js";
import { language, nameOf, percent, t } from "./texts.js";

const LIMIT = 8;
// A short pause in the typing, so that not every letter is a request.
const PAUSE_MS = 120;
// Most regions of a locality that are options of their own.
const REGIONS = 3;
// A whole postal code with letters for digits, such as KOA OBO.
const MISTYPED = /^[a-z][odqilsbz\d][a-z][odqilsbz\d][a-z][odqilsbz\d]$/i;

/**
 * Return the text if it may be sent to the search of the service, else null. URLs appear in the logs of proxies: nothing that
 * could be a postal code, a part of it or of a position leaves the page this way.
 */
export function publicText(text) {
  const typed = text.trim();
  const postal = MISTYPED.test(typed.replace(/[\s-]/g, "")) || /[a-z]\s*\d\s*[a-z]/i.test(typed) || /^[a-z]\s*\d/i.test(typed);
  return /\p{L}.*\p{L}/u.test(typed) && !postal && !/\d[.,°]/.test(typed) ? typed : null;
}

/** Return the options for a text, without the regions (codes) that are options already. Raises: Problem, AbortError. */
export async function suggestions(text, codes, { signal }) {
  await new Promise((done) => setTimeout(done, PAUSE_MS));
  signal.throwIfAborted();
  const { results } = await send(call("/search", { q: text, limit: LIMIT, lang: language }), { signal });
  return results.flatMap((result) => (result.type === "locality" ? locality(result) : region(result, codes)));
}

const locality = (result) =>
  result.health_regions.slice(0, REGIONS).map((its) => ({
    kind: "pin",
    title: result.name,
    note: [result.province && nameOf(result.province), share(its)].filter(Boolean).join(" · "),
    change: { region: its.hruid, vintage: null },
  }));

const share = (its) => (its.share < 1 ? `${nameOf(its)} (${percent(its.share)})` : nameOf(its));

const region = (result, codes) =>
  result.type !== "health-region" || (!result.former && codes.has(result.code))
    ? []
    : [
        {
          kind: "region",
          title: nameOf(result),
          note: [result.province && nameOf(result.province), result.former ? t("vintage_regions", { label: result.vintage }) : result.code].filter(Boolean).join(" · "),
          change: { region: result.code, vintage: result.former ? result.vintage : null },
        },
      ];
