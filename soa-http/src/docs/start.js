// The document stands beside the page, wherever both are mounted.
window.ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  // Nothing is asked of other hosts.
  validatorUrl: null,
  onComplete() {
    const title = window.ui.specSelectors.info().get("title");
    if (title) document.title = title;
  },
});
