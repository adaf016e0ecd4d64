// `npm run bench -- NAME [options]`: runs one bench, or says which there are.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL(".", import.meta.url));
/** Modules that benches share. */
const SHARED = new Set(["run", "measure", "wire-peers"]);
const names = readdirSync(directory)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3))
  .filter((name) => !SHARED.has(name));
const [name, ...options] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`name a bench: ${names.join(", ")}\n`);
  process.exitCode = 2;
} else {
  const { status } = spawnSync(process.execPath, [`${directory}${name}.ts`, ...options], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
}
