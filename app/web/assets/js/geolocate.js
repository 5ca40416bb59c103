// Geolocation: the browser's position, requested only after a click.

import { NOTHING } from "./card.js";
import { $, announce } from "./dom.js";
import { go } from "./state.js";
import { t } from "./texts.js";

const button = $("locate");
const ACCURACY_MAX_M = 50_000;

/** Attach the listener of the button. `problem` shows a text. */
export function startGeolocation(problem) {
  if (!navigator.geolocation) {
    button.hidden = true;
    return;
  }
  button.addEventListener("click", () => {
    button.classList.add("busy");
    button.setAttribute("aria-busy", "true");
    announce(t("locating"));
    const done = () => {
      button.classList.remove("busy");
      button.removeAttribute("aria-busy");
    };
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        done();
        const accuracy = Math.min(Math.max(coords.accuracy, 1), ACCURACY_MAX_M);
        go({ ...NOTHING, at: [coords.longitude, coords.latitude], accuracy, own: true, map: null });
      },
      (error) => {
        done();
        problem(t(error.code === error.PERMISSION_DENIED ? "locate_denied" : "locate_failed"));
      },
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 },
    );
  });
}
