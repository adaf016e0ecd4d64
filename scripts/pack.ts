// npm run prepack: emits the JavaScript of the published package to dist/. `npm pack` and `npm publish` call it.

import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, text } from "./files.ts";

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
// The JavaScript without comments, which every core's thread would hold in memory; the declarations with them.
const tsc = [join(ROOT, "node_modules/.bin/tsc"), "-p", "tsconfig.build.json"];
const declarations = ["--declaration", "--emitDeclarationOnly", "--removeComments", "false"];
for (const more of [[], declarations])
  execFileSync(process.execPath, [...tsc, ...more], { cwd: ROOT, stdio: "inherit" });
execFileSync(process.execPath, [join(ROOT, "node_modules/vite/bin/vite.js"), "build"], {
  cwd: ROOT,
  stdio: "inherit",
});
// The page has these inside: their licence asks to be handed on.
const licences = ["preact", "uplot"].map(
  (name) => `${name}\n\n${text(`node_modules/${name}/LICENSE`)}`,
);
writeFileSync(join(ROOT, "dist", "web-licences.txt"), licences.join("\n\n"));
const manual = execFileSync(process.execPath, [join(ROOT, "scripts/man.ts")]);
writeFileSync(join(ROOT, "dist", "linkloom.1"), manual);
if (!existsSync(join(ROOT, "dist", "main.js"))) throw new Error("tsc emitted no dist/main.js");
