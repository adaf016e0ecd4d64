// When a core that follows asks its master, and whom.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Recorder } from "../sim/recorder.ts";
import { Asking } from "./asking.ts";
import { Table } from "./message.ts";
import { Role } from "./role.ts";

function rigOf(core: number, master: number): { asking: Asking; asked(now: number): string[] } {
  const out = new Recorder(core, 3);
  out.masters[Role.Link] = master;
  const asking = new Asking(out, Table.Lag, Role.Link);
  return {
    asking,
    asked(now) {
      asking.tick(now);
      return out.messages
        .splice(0)
        .map(({ name, to, bytes }) => `${name} ${to} ${((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)}`);
    },
  };
}
const QUESTION = `resync-ask 1 ${Table.Lag}`;

test("CORE-8 a core asks the master at once after a change, once", () => {
  const { asking, asked } = rigOf(0, 1);
  assert.deepEqual(asked(10), []);
  asking.soon(10);
  assert.deepEqual(asked(10), [QUESTION]);
  assert.deepEqual(asked(5000), []);
});

test("CORE-8 a core that could not use messages asks a second after the first of them, not before and not twice", () => {
  const { asking, asked } = rigOf(0, 1);
  asking.later(10);
  asking.later(600);
  assert.deepEqual(asked(1009), []);
  assert.deepEqual(asked(1010), [QUESTION]);
  assert.deepEqual(asked(3000), []);
});

test("CORE-8 what is due before is not put off, and an answer ends it", () => {
  const { asking, asked } = rigOf(0, 1);
  asking.soon(10);
  asking.later(10);
  assert.deepEqual(asked(10), [QUESTION]);
  asking.later(20);
  asking.cease();
  assert.deepEqual(asked(5000), []);
});

test("CORE-8 the master asks nobody", () => {
  const { asking, asked } = rigOf(1, 1);
  asking.soon(10);
  assert.deepEqual(asked(10), []);
});
