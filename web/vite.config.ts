import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Writes `NAME.br` and `NAME.gz` beside every text file, since the server hands files out as they are. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    writeBundle({ dir }, bundle) {
      for (const name of Object.keys(bundle).filter((n) => /\.(js|css|svg|html)$/.test(n))) {
        const path = join(dir ?? "dist", name);
        const text = readFileSync(path);
        writeFileSync(`${path}.br`, brotliCompressSync(text));
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
      }
    },
  };
}

/** Leaves out of the catalogues what only the server says: the page of a proof link. */
function ownMessages(): Plugin {
  return {
    name: "own-messages",
    apply: "build",
    enforce: "pre",
    transform(code, id) {
      if (!/\/i18n\/(en|ja)\.json$/.test(id)) return null;
      const all = Object.entries(JSON.parse(code) as Record<string, string>);
      return JSON.stringify(Object.fromEntries(all.filter(([key]) => !key.startsWith("proof_page."))));
    },
  };
}

// The output is embedded in the server binary, which serves it under a policy that allows nothing
// inline: no data: modules, no inlined assets, no module-preload polyfill.
export default defineConfig({
  plugins: [react(), ownMessages(), compressed()],
  build: {
    assetsInlineLimit: 0,
    // One style sheet, in the order of the modules: no screen appears before its style is there.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
  },
  server: {
    proxy: {
      "^/(api|c|i|cv|tag\\.js|healthz|readyz)(/|$|\\?)": {
        target: process.env.YAMABIKO_URL ?? "http://127.0.0.1:8080",
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
