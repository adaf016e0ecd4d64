import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import {
  dataByte,
  HEADERS,
  hasRightChecksum,
  SEQUENCE,
  writeSuperFrame,
} from "../../test/fixtures/super-frame.ts";
import { BIG_BUFFER, HEADROOM, OFFLOAD } from "../engine/frame.ts";
import { Arena, Planner } from "../lib/arena.ts";
import * as offload from "../wire/offload.ts";
import { type MemoryLinkPlan, MemoryPort, planMemoryLink } from "./memory.ts";
import { Batch, BURST } from "./port.ts";

interface Link {
  readonly arena: Arena;
  readonly plan: MemoryLinkPlan;
  readonly room: number;
}

function link(slots: number, queues = 1): Link {
  const planner = new Planner();
  const plan = planMemoryLink(planner, slots, queues);
  const room = planner.reserve(BIG_BUFFER, 4096);
  return { arena: Arena.create(planner.size), plan, room };
}

function superFrame(
  { arena, room }: Link,
  payload: number,
  size: number,
): [start: number, end: number] {
  const start = room + HEADROOM;
  return [start, writeSuperFrame(arena.view, start, payload, size)];
}

function sendOne(port: MemoryPort, start: number, end: number): number {
  const batch = new Batch(1);
  batch.start[0] = start;
  batch.end[0] = end;
  batch.count = 1;
  return port.send(batch);
}

test("a super-frame crosses a memory link as whole frames with right checksums", () => {
  const made = link(64);
  const { arena, plan } = made;
  const core = new MemoryPort(arena, plan, 0, { side: "core" });
  const world = new MemoryPort(arena, plan, 0, { side: "world" });
  const [start, end] = superFrame(made, 30000, 1448);

  assert.equal(sendOne(core, start, end), 1);

  const batch = new Batch(BURST);
  world.receive(batch);
  assert.equal(batch.count, Math.ceil(30000 / 1448));
  let sequence = SEQUENCE;
  for (let index = 0; index < batch.count; index++) {
    const [from, to] = [batch.start[index] as number, batch.end[index] as number];
    const length = to - from - HEADERS;
    assert.equal(offload.isPlain(arena.view, from), true);
    assert.equal(arena.view.getUint32(from + 38), sequence);
    assert.equal(hasRightChecksum(arena.view, from, to), true);
    assert.equal(arena.u8[from + HEADERS], dataByte(sequence - SEQUENCE));
    sequence += length;
  }
  assert.equal(sequence, SEQUENCE + 30000);
});

test("a super-frame that does not fit whole is not taken, and what is none stays out", () => {
  const made = link(16);
  const { arena, plan } = made;
  const core = new MemoryPort(arena, plan, 0, { side: "core" });
  const world = new MemoryPort(arena, plan, 0, { side: "world" });
  const [start, end] = superFrame(made, 30000, 1448);
  assert.equal(sendOne(core, start, end), 0);
  offload.clear(arena.view, start);
  assert.equal(sendOne(core, start, end), 0);
  assert.equal(world.pending(), false);
  assert.equal(world.lost(), 2);
});

test("an open checksum travels along for the far end to finish", () => {
  const made = link(16);
  const { arena, plan } = made;
  const core = new MemoryPort(arena, plan, 0, { side: "core" });
  const world = new MemoryPort(arena, plan, 0, { side: "world" });
  const [start, end] = superFrame(made, 600, 0);
  const header = arena.u8.slice(start - OFFLOAD, start);

  assert.equal(sendOne(core, start, end), 1);

  const batch = new Batch(4);
  world.receive(batch);
  const from = batch.start[0] as number;
  assert.deepEqual(arena.u8.slice(from - OFFLOAD, from), header);
});

test("queues of one link are apart, and the far end is woken once per burst", () => {
  const { arena, plan, room } = link(16, 2);
  let woken = 0;
  const options = { side: "core", wake: () => void woken++ } as const;
  const cores = [0, 1].map((queue) => new MemoryPort(arena, plan, queue, options));
  const worlds = [0, 1].map((queue) => new MemoryPort(arena, plan, queue, { side: "world" }));
  const batch = new Batch(8);
  for (let index = 0; index < 8; index++) {
    batch.start[index] = room + 64 + index;
    batch.end[index] = room + 164 + index;
  }
  batch.count = 8;
  assert.equal(cores[1]?.send(batch), 8);
  assert.equal(woken, 1);
  assert.equal(worlds[0]?.pending(), false);
  assert.equal(worlds[1]?.pending(), true);
});

test("twenty thousand frames cross to another thread and back in order", async () => {
  const frames = 20_000;
  const { arena, plan, room } = link(256);
  const worker = new Worker(new URL("../../test/contract/memory-echo.ts", import.meta.url), {
    workerData: { memory: arena.memory, plan, frames },
  });
  const port = new MemoryPort(arena, plan, 0, { side: "core" });
  const out = new Batch(BURST);
  const back = new Batch(BURST);
  let sent = 0;
  let received = 0;
  while (received < frames) {
    out.count = 0;
    // No more on their way than a ring holds: the echo must find room, also while it has not yet given back a burst
    // that has come back already.
    while (out.count < BURST && sent < frames && sent - received < 128) {
      const start = room + HEADROOM + out.count * 256;
      arena.view.setUint32(start, sent);
      out.start[out.count] = start;
      out.end[out.count++] = start + 60 + (sent % 128);
      sent++;
    }
    assert.equal(port.send(out), out.count);
    port.receive(back);
    for (let index = 0; index < back.count; index++) {
      const start = back.start[index] as number;
      if (arena.view.getUint32(start) !== received) assert.fail(`frame ${received} is wrong`);
      assert.equal((back.end[index] as number) - start, 60 + (received % 128));
      received++;
    }
    port.release();
  }
  await new Promise((resolve) => worker.once("exit", resolve));
  assert.equal(port.lost(), 0);
});
