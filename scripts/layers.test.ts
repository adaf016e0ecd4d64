import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "./layers.ts";

test("an engine may import what lies below it", () => {
  const source =
    'import { Drop } from "../engine/drop.ts";\nimport * as arp from "../wire/arp.ts";\n';

  assert.deepEqual(faultsOf("arp/engine.ts", source), []);
});

test("one protocol may not import another", () => {
  const source = 'import { Table } from "../bridge/table.ts";\n';

  assert.deepEqual(faultsOf("arp/engine.ts", source), [
    "src/arp/engine.ts:1: arp may not import bridge/table.ts",
  ]);
});

test("core sees the contract of a port and no driver", () => {
  assert.deepEqual(faultsOf("core/loop.ts", 'import { Batch } from "../ports/port.ts";'), []);
  assert.equal(faultsOf("core/loop.ts", 'import { Tap } from "../ports/tap.ts";').length, 1);
});

test("imports over several lines, types and dynamic ones count", () => {
  const source =
    'import type {\n  A,\n} from "../core/core.ts";\nawait import("../cli/program.ts");\n';

  assert.deepEqual(faultsOf("wire/arp.ts", source), [
    "src/wire/arp.ts:3: wire may not import core/core.ts",
    "src/wire/arp.ts:4: wire may not import cli/program.ts",
  ]);
});

test("a test may use the simulator, its module may not", () => {
  const source = 'import { Recorder } from "../sim/recorder.ts";';

  assert.deepEqual(faultsOf("arp/engine.test.ts", source), []);
  assert.equal(faultsOf("arp/engine.ts", source).length, 1);
});

test("a package is imported only in its places", () => {
  assert.deepEqual(faultsOf("ports/linux/ffi.ts", 'import koffi from "koffi";'), []);
  assert.deepEqual(faultsOf("ports/tap.ts", 'import koffi from "koffi";'), [
    "src/ports/tap.ts:1: koffi belongs in ports/linux/ffi.ts",
  ]);
  assert.equal(faultsOf("cli/a.ts", 'import left from "left";').length, 1);
});

test("a folder that is no layer, and randomness below the runtime, are faults", () => {
  assert.equal(faultsOf("misc/a.ts", "").length, 1);
  assert.equal(faultsOf("lib/a.ts", "const x = Math.random();").length, 1);
});
