// Builds the client bundle into the Python package. Charts are a chunk of their own: pages without one never load it.
import { rmSync } from "node:fs";
import { build } from "esbuild";

const outdir = new URL("../src/homeostat/ui/static/bundle/", import.meta.url).pathname;
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: { app: "src/app.ts" },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  chunkNames: "[name]-[hash]",
  legalComments: "none",
  logLevel: "warning",
});
