// Starts Swagger UI. A file of its own, because the page's policy allows no inline script.
document.documentElement.classList.toggle("dark-mode", matchMedia("(prefers-color-scheme: dark)").matches);
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  // Otherwise Swagger UI sends the document's address to its maker's validator.
  validatorUrl: null,
});
