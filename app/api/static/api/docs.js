"use strict";

const element = document.getElementById("swagger-ui");

SwaggerUIBundle({
  domNode: element,
  url: element.dataset.schema,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  // By default the page sends the document's address to a validator elsewhere.
  validatorUrl: null,
});
