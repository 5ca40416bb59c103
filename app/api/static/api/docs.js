"use strict";

const element = document.getElementById("swagger-ui");
document.documentElement.classList.toggle("dark-mode", matchMedia("(prefers-color-scheme: dark)").matches);

SwaggerUIBundle({
  domNode: element,
  url: element.dataset.schema,
  // A deep link is a link inside a button, which screen readers do not reach.
  deepLinking: false,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  // By default the page sends the document's address to a validator elsewhere.
  validatorUrl: null,
});

// Swagger UI gives its menus no names, and its examples no way to scroll them by keys.
function name() {
  for (const menu of element.querySelectorAll("select:not([aria-label])")) {
    const parameter = menu.closest("tr")?.dataset.paramName;
    menu.setAttribute("aria-label", parameter ?? (menu.className.includes("content-type") ? "Media type" : "Example"));
  }
  for (const example of element.querySelectorAll("pre:not([tabindex])")) example.tabIndex = 0;
}
new MutationObserver(name).observe(element, { childList: true, subtree: true });
