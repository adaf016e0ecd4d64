// The page: src/web to dist/web, which the daemon serves as it stands (src/api/page.ts).

import { defineConfig, type UserConfig } from "vite";

const config: UserConfig = defineConfig({
  root: "src/web",
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../../dist/web",
    emptyOutDir: true,
    target: "es2023",
    // It would be an inline script, which the page's content security policy forbids.
    modulePreload: { polyfill: false },
  },
  logLevel: "warn",
});

// biome-ignore lint/style/noDefaultExport: vite loads a configuration as its module's default export
export default config;
