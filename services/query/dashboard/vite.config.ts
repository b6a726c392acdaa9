import { defineConfig } from "vite";

// The tracker that `npm start` shows the dashboard of, while its sources change.
const tracker = "http://127.0.0.1:8000";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "built",
    emptyOutDir: true,
    target: "es2022",
    // A policy without inline scripts and data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What is read in the repository is the source; this is checked against a fresh build.
    sourcemap: false,
    // The licences of what is bundled.
    license: { fileName: "LICENSES.md" },
  },
  server: {
    proxy: { "/api": tracker, "/docs": tracker, "/openapi.json": tracker, "/flower": tracker, "/readyz": tracker },
  },
});
