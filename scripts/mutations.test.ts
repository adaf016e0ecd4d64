// The list of deliberate bugs (docs/simulator.md): each still finds its place, so that none is missed when the sources
// move.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./files.ts";
import { MUTATIONS } from "./mutations.ts";

test("every deliberate bug has one place in the sources, and changes something there", () => {
  for (const { name, file, find, replace } of MUTATIONS) {
    const parts = readFileSync(join(ROOT, file), "utf8").split(find);
    assert.equal(parts.length, 2, `${name}: ${file} does not hold this once: ${find}`);
    assert.notEqual(find, replace, name);
  }
});
