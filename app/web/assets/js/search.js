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
let turns = 0;
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
  const turn = (turns += 1);
  request?.abort();
  const meanings = understand(field.value);
  const choices = [];
  for (const meaning of meanings) {
    if (meaning.kind === "position") {
      choices.push({ kind: "pin", title: position(meaning.at), note: meaning.meant ? t("meant") : t("position"), change: { at: meaning.at } });
    } else if (meaning.kind === "fsa") {
      const note = meaning.meant ? t("meant") : meaning.whole ? t("only_fsa", { code: meaning.code }) : t("fsa_long");
      choices.push({ kind: "post", title: meaning.code, note, change: { fsa: meaning.code }, typed: meaning.code });
    } else if (meaning.words.length) {
      const regions = await named().catch(() => null);
      if (turn !== turns) return;
      if (!regions) choices.push({ kind: "nothing", title: t("names_away") });
      else {
        for (const region of matching(regions, meaning.words)) {
          choices.push({ kind: "region", title: nameOf(region), note: `${provinceName(region.pruid)} · ${region.hruid}`, change: region.change });
        }
      }
    }
  }
  if (turn !== turns) return;
  // An FSA guessed from letters alone can be the beginning of a name.
  const other = meanings.some(({ kind, meant }) => kind === "position" || (kind === "fsa" && !(meant && /^\D+$/.test(field.value))));
  const text = other ? null : publicText(field.value);
  if (choices.length || !text) show(choices.length || !field.value.trim() ? choices : [NOTHING_FOUND]);
  if (!text) return;
  request = new AbortController();
  const codes = new Set(choices.map(({ change }) => change?.region ?? change?.place).filter(Boolean));
  const more = await suggestions(text, codes, request).catch(() => []);
  if (turn !== turns) return;
  const all = [...choices, ...more];
  show(all.length ? all : [NOTHING_FOUND], { active });
}

/** Return the names to search: the places of the shown figures, else the regions of the shown vintage. */
async function named() {
  if (current().layer !== "figures") {
    const { regions } = await regionsOf(current());
    return regions.map((region) => ({ ...region, change: { region: region.hruid } }));
  }
  const figures = await figuresOf(current());
  const places = [...figures.byKind("region"), ...figures.byKind("province"), ...figures.byKind("site")];
  return places.map((place) => ({ ...place, hruid: place.code, change: { place: place.place, map: null } }));
}

/** Show options; `active` is the number of the active one, which stays where only more options follow it. */
function show(shown, { active: stays = -1 } = {}) {
  options = shown;
  active = stays;
  list.replaceChildren(
    ...shown.map((option, at) =>
      el(
        "li",
        {
          id: `option-${at}`,
          role: "option",
          class: option.kind,
          "aria-selected": String(at === active),
          "aria-disabled": option.change ? null : "true",
          onmousedown: (event) => event.preventDefault(),
          onclick: () => choose(option),
        },
        icon(option.kind),
        el("span", {}, el("b", {}, option.title), option.note && el("small", {}, option.note)),
      ),
    ),
  );
  list.hidden = !shown.length;
  field.setAttribute("aria-expanded", String(shown.length > 0));
  if (active < 0) field.removeAttribute("aria-activedescendant");
  if (shown.length) announce(shown[0].change ? t("options", { n: shown.length }) : shown[0].title);
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
    [...list.children].forEach((element, at) => element.setAttribute("aria-selected", String(at === active)));
    list.children[active].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", `option-${active}`);
  }
}

function choose(option) {
  if (!option?.change) return;
  close();
  // A typed postal code is removed from the field at once, for privacy.
  field.value = option.typed ?? option.title;
  go({ ...NOTHING, ...option.change });
  if (matchMedia("(pointer: coarse)").matches) field.blur();
}

function close() {
  turns += 1;
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
