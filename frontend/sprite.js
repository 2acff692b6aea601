// One SVG file with the icons the pages use, so that a list of fifty rows repeats a reference and not a drawing.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The `<symbol>` of one Lucide icon. */
function symbol(name) {
  const source = readFileSync(require.resolve(`lucide-static/icons/${name}.svg`), "utf8");
  const body = source.slice(source.indexOf(">", source.indexOf("<svg")) + 1, source.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s*\n\s*/g, "")}</symbol>`;
}

/** A Vite plugin that writes the sprite; its manifest key is `icons.svg`. */
export function sprite(icons) {
  return {
    name: "guildhall-sprite",
    generateBundle() {
      const symbols = icons.map(symbol).join("\n");
      this.emitFile({
        type: "asset",
        name: "icons.svg",
        originalFileName: "icons.svg",
        source: `<svg xmlns="http://www.w3.org/2000/svg"><!-- Icons by Lucide, ISC licence -->\n${symbols}\n</svg>\n`,
      });
    },
  };
}
