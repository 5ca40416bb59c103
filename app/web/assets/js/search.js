// Search combobox: suggestions for the meanings of a text.

import { regionsOf, matching } from "./browse.js";
import { NOTHING } from "./card.js";
import { $, announce, el, icon } from "./dom.js";
import { figuresOf } from "./indicators.js";
import { publicText, suggestions } from "./localities.js";
import { understand } from "./parse.js";
import { current, go } from "./state.js";
import { nameOf, position, provinceName, t } from "./texts.js";

const field = $("search");
const list = $("search-options");
let options = [];
let active = -1;
let asked = 0;
let request = null;

/** Attach the listeners of the field. */
export function startSearch() {
  field.addEventListener("input", suggest);
  field.addEventListener("focus", () => field.value && suggest());
  field.addEventListener("keydown", onKey);
  field.addEventListener("blur", () => setTimeout(close, 150));
  // The fragment holds the state of the page: a link to the field must not replace it.
  document.querySelector("a.skip").addEventListener("click", (event) => {
    event.preventDefault();
    field.focus();
  });
  $("search-clear").addEventListener("click", () => {
    field.value = "";
    close();
    field.focus();
  });
  $("search-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    await suggest();
    choose(options[Math.max(active, 0)]);
  });
}

async function suggest() {
  const turn = (asked += 1);
  request?.abort();
  const meanings = understand(field.value);
  const found = [];
  for (const one of meanings) {
    if (one.kind === "position") {
      found.push({ kind: "pin", title: position(one.at), note: one.meant ? t("meant") : t("position"), change: { at: one.at } });
    } else if (one.kind === "fsa") {
      const note = one.meant ? t("meant") : one.whole ? t("only_fsa", { code: one.code }) : t("fsa_long");
      found.push({ kind: "post", title: one.code, note, change: { fsa: one.code }, typed: one.code });
    } else if (one.words.length) {
      const regions = await named().catch(() => null);
      if (turn !== asked) return;
      if (!regions) found.push({ kind: "nothing", title: t("names_away") });
      else {
        for (const region of matching(regions, one.words)) {
          found.push({ kind: "region", title: nameOf(region), note: `${provinceName(region.pruid)} · ${region.hruid}`, change: region.change });
        }
      }
    }
  }
  if (turn !== asked) return;
  // An FSA guessed from letters alone can be the beginning of a name.
  const other = meanings.some(({ kind, meant }) => kind === "position" || (kind === "fsa" && !(meant && /^\D+$/.test(field.value))));
  const text = other ? null : publicText(field.value);
  if (found.length || !text) show(found.length || !field.value.trim() ? found : [NOTHING_FOUND]);
  if (!text) return;
  request = new AbortController();
  const codes = new Set(found.map(({ change }) => change?.region ?? change?.place).filter(Boolean));
  const more = await suggestions(text, codes, request).catch(() => []);
  if (turn !== asked) return;
  const all = [...found, ...more];
  show(all.length ? all : [NOTHING_FOUND], { active });
}

/** Return the names to search: the places of the shown figures, else the regions of the shown vintage. */
async function named() {
  if (current().layer !== "figures") {
    const { regions } = await regionsOf(current());
    return regions.map((one) => ({ ...one, change: { region: one.hruid } }));
  }
  const figures = await figuresOf(current());
  const places = [...figures.byKind("region"), ...figures.byKind("province"), ...figures.byKind("site")];
  return places.map((one) => ({ ...one, hruid: one.code, change: { place: one.place, map: null } }));
}

/** Show options; `active` is the number of the active one, which stays where only more options follow it. */
function show(found, { active: stays = -1 } = {}) {
  options = found;
  active = stays;
  list.replaceChildren(
    ...found.map((one, at) =>
      el(
        "li",
        {
          id: `option-${at}`,
          role: "option",
          class: one.kind,
          "aria-selected": String(at === active),
          "aria-disabled": one.change ? null : "true",
          onmousedown: (event) => event.preventDefault(),
          onclick: () => choose(one),
        },
        icon(one.kind),
        el("span", {}, el("b", {}, one.title), one.note && el("small", {}, one.note)),
      ),
    ),
  );
  list.hidden = !found.length;
  field.setAttribute("aria-expanded", String(found.length > 0));
  if (active < 0) field.removeAttribute("aria-activedescendant");
  if (found.length) announce(found[0].change ? t("options", { n: found.length }) : found[0].title);
}

const NOTHING_FOUND = { kind: "nothing", title: t("nothing_found"), note: t("nothing_found_hint") };

function onKey(event) {
  if (event.key === "Escape") {
    if (list.hidden) field.value = "";
    close();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options.length) {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    active = (active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length;
    [...list.children].forEach((one, at) => one.setAttribute("aria-selected", String(at === active)));
    list.children[active].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", `option-${active}`);
  }
}

function choose(one) {
  if (!one?.change) return;
  close();
  // A typed postal code is removed from the field at once, for privacy.
  field.value = one.typed ?? one.title;
  go({ ...NOTHING, ...one.change });
  if (matchMedia("(pointer: coarse)").matches) field.blur();
}

function close() {
  asked += 1;
  request?.abort();
  options = [];
  active = -1;
  list.hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

/** Empty the field: its text no longer matches the card. */
export function clearSearch() {
  if (document.activeElement !== field) field.value = "";
}
