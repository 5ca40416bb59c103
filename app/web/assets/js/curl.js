// API calls of a card as curl commands, with a copy button.

import { el, icon } from "./dom.js";
import { copyButton } from "./link.js";
import { t } from "./texts.js";

/** Return a call as a curl command for a POSIX shell. */
export function curl({ url, body }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const address = quote(new URL(url, location.origin).href);
  if (!body) return `curl ${address}`;
  return `curl ${address} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(JSON.stringify(body))}`;
}

/** Return the box that shows calls. */
export function callBox(...calls) {
  return el(
    "details",
    { class: "calls" },
    el("summary", {}, icon("code"), t("calls", { n: calls.length })),
    calls.map((call) => {
      const command = curl(call);
      return el("div", { class: "call" }, el("pre", { tabindex: "0" }, el("code", {}, command)), copyButton(() => command, t("copy_call")));
    }),
  );
}
