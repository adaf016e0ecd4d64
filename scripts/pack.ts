// npm run prepack: what `npm pack` and `npm publish` need before they collect files. Emits the JavaScript to dist/ and
// writes npm-shrinkwrap.json, the lock of the published package, so that it installs the versions that were tested.
// `--clean` (postpack) removes that file again, because npm would take it for the checkout's lock.

import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./files.ts";
import { readLock, withoutDevelopment } from "./lock.ts";

const SHRINKWRAP = join(ROOT, "npm-shrinkwrap.json");

if (process.argv.includes("--clean")) {
  rmSync(SHRINKWRAP, { force: true });
} else {
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [join(ROOT, "node_modules/.bin/tsc"), "-p", "tsconfig.build.json"],
    {
      cwd: ROOT,
      stdio: "inherit",
    },
  );
  if (!existsSync(join(ROOT, "dist", "main.js"))) throw new Error("tsc emitted no dist/main.js");
  writeFileSync(SHRINKWRAP, `${JSON.stringify(withoutDevelopment(readLock()), null, 2)}\n`);
}
