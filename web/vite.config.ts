import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The output is embedded in the server binary, which serves it under a policy that allows nothing
// inline: no data: modules, no inlined assets, no module-preload polyfill.
export default defineConfig({
  plugins: [react()],
  build: {
    assetsInlineLimit: 0,
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
