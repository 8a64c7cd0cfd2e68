// Builds what browsers run and what draws pictures. Each entry is one committed file: `npm run build` makes it anew.
import { build } from "esbuild";
import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";

const into = process.argv[2] ?? ".";

const bundles = [
  { entry: "api/islands/console.ts", out: "api/assets/console.js", format: "iife" },
  { entry: "lab/phone/phone.ts", out: "lab/assets/phone.js", format: "iife" },
  { entry: "diagrams/layout.ts", out: "diagrams/assets/layout.js", format: "iife" },
];
const copies = [
  { from: "node_modules/htmx.org/dist/htmx.min.js", to: "api/assets/htmx.js" },
  { from: "api/assets/site.css", to: "lab/assets/site.css" }, // the lab may run where our pages are not
  { from: "api/assets/diagram.css", to: "lab/assets/diagram.css" },
];

const missing = [...bundles.map(({ entry }) => entry), ...copies.map(({ from }) => from)].filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`there is nothing to build from: ${missing.join(", ")} (are node_modules there? npm ci --ignore-scripts)`);
  process.exit(1);
}

for (const { entry, out, format } of bundles) {
  await build({
    entryPoints: [entry],
    outfile: join(into, out),
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    charset: "utf8",
    legalComments: "inline",
    logLevel: "warning",
  });
}
for (const { from, to } of copies) {
  await mkdir(dirname(join(into, to)), { recursive: true });
  await copyFile(from, join(into, to));
}
