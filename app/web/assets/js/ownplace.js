// Ways to the region of an address whose FSA lies in several: the reader's position, or a click on the map.

import { $, announce, el, icon } from "./dom.js";
import { openSheet } from "./sheet.js";
import { embedded } from "./state.js";
import { t } from "./texts.js";

/** Return the buttons of the card of a split FSA. */
export function ownPlace() {
  const hint = el("p", { class: "note", hidden: true }, t("click_home_hint"));
  const point = () => {
    hint.hidden = false;
    openSheet("low", { byReader: true });
    document.querySelector("#map canvas")?.focus({ preventScroll: true });
    // On a phone the low sheet shows two lines: these.
    hint.scrollIntoView({ block: "center" });
    announce(`${t("click_home_hint")} ${t("map_help")}`);
  };
  return el(
    "div",
    {},
    el(
      "div",
      { class: "actions" },
      navigator.geolocation && !embedded && el("button", { type: "button", class: "primary", onclick: () => $("locate").click() }, icon("locate"), t("use_location")),
      el("button", { type: "button", class: "quiet on-map", onclick: point }, icon("pin"), t("click_home")),
    ),
    hint,
  );
}
