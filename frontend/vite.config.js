// Builds the browser's part of the UI kit: hashed files plus a manifest that `kit/static.py` reads.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";
import { sprite } from "./sprite.js";

const here = import.meta.dirname;
const icons = JSON.parse(readFileSync(resolve(here, "icons.json"), "utf8"));

export default defineConfig({
  root: here,
  base: "/static/",
  publicDir: false,
  plugins: [tailwindcss(), sprite(icons)],
  build: {
    outDir: resolve(here, "../src/guildhall/surfaces/kit/static"),
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsDir: "",
    assetsInlineLimit: 0, // the content security policy allows fonts from our own address only
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700, // ECharts, loaded only on pages with charts
    rolldownOptions: {
      checks: { eval: false }, // htmx contains an eval that `allowEval: false` keeps from running
      input: {
        app: resolve(here, "scripts/app.js"),
        charts: resolve(here, "scripts/charts.js"),
        kit: resolve(here, "styles/kit.css"),
      },
    },
  },
});
