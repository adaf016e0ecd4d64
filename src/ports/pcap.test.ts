import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HEADERS, hasRightChecksum, writeSuperFrame } from "../../test/fixtures/super-frame.ts";
import { BIG_BUFFER, HEADROOM } from "../engine/frame.ts";
import { Arena, Planner } from "../lib/arena.ts";
import { openCapture } from "../wire/capture.ts";
import * as pcap from "../wire/pcap.ts";
import { type PcapConfig, PcapPort, planPcap } from "./pcap.ts";
import { Batch, BURST } from "./port.ts";

interface Made {
  readonly arena: Arena;
  readonly room: number;
  readonly cores: readonly PcapPort[];
}

function open(config: Omit<PcapConfig, "driver">, cores = 1): Made {
  const planner = new Planner();
  const plan = planPcap(planner, cores);
  const room = planner.reserve(BIG_BUFFER, 4096) + HEADROOM;
  const arena = Arena.create(planner.size);
  const make = (_: unknown, core: number): PcapPort =>
    new PcapPort({ driver: "pcap", ...config }, arena, plan, core);
  return { arena, room, cores: Array.from({ length: cores }, make) };
}

function inFolder(body: (at: (file: string) => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
  try {
    body((file) => join(folder, file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function framesOf(path: string): Uint8Array[] {
  const bytes = new Uint8Array(readFileSync(path));
  const reader = openCapture(bytes);
  const frames: Uint8Array[] = [];
  for (let one = reader.next(); one !== undefined; one = reader.next()) {
    frames.push(bytes.slice(one.start, one.end));
  }
  assert.equal(reader.fault, undefined);
  return frames;
}

test("a capture holds finished frames: super-frames are cut and open checksums computed", () =>
  inFolder((at) => {
    const { arena, room, cores } = open({ out: at("out.pcapng") });
    const port = cores[0] as PcapPort;
    const batch = new Batch(1);
    for (const [payload, size] of [
      [600, 0],
      [20000, 1448],
    ] as const) {
      batch.start[0] = room;
      batch.end[0] = writeSuperFrame(arena.view, room, payload, size);
      batch.count = 1;
      assert.equal(port.send(batch), 1);
    }
    port.close();
    const frames = framesOf(at("out.pcapng"));
    assert.equal(frames.length, 1 + Math.ceil(20000 / 1448));
    for (const frame of frames) {
      assert.ok(frame.length <= HEADERS + 1448);
      assert.equal(hasRightChecksum(new DataView(frame.buffer), 0, frame.length), true);
    }
  }));

test("cores append to one file, burst by burst", () =>
  inFolder((at) => {
    const { arena, room, cores } = open({ out: at("out.pcap") }, 3);
    const batch = new Batch(BURST);
    for (let burst = 0; burst < 30; burst++) {
      batch.count = 5;
      for (let index = 0; index < 5; index++) {
        batch.start[index] = room + index * 100;
        batch.end[index] = room + index * 100 + 60;
        arena.view.setUint32(room + index * 100, burst * 5 + index);
      }
      assert.equal(cores[burst % 3]?.send(batch), 5);
    }
    for (const port of cores) port.close();
    const numbers = framesOf(at("out.pcap")).map((frame) =>
      new DataView(frame.buffer).getUint32(0),
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: 150 }, (_, number) => number),
    );
  }));

test("a frame that the capture cut off is not played, but counted; a broken file ends with its fault", () =>
  inFolder((at) => {
    const whole = pcap.record(1, 0, new Uint8Array(60).fill(1), 60);
    const cut = pcap.record(1, 0, new Uint8Array(60).fill(2), 1500);
    const file = Buffer.concat([pcap.fileHeader(), whole, cut, whole, whole.slice(0, 30)]);
    writeFileSync(at("in.pcap"), file);
    const { arena, cores } = open({ file: at("in.pcap") }, 2);
    const [first, second] = cores as [PcapPort, PcapPort];
    const batch = new Batch(BURST);
    second.receive(batch);
    assert.equal(batch.count, 0);
    first.receive(batch);
    assert.equal(batch.count, 2);
    assert.deepEqual(
      [0, 1].map((index) => arena.u8[batch.start[index] as number]),
      [1, 1],
    );
    assert.equal(first.lost(), 1);
    assert.match(first.fault, /at byte \d+$/);
    assert.match(first.status(0).note ?? "", /at byte/);
    assert.equal(first.pending(), false);
  }));

test("a file of any bytes never throws", () =>
  inFolder((at) => {
    const good = Buffer.concat([pcap.fileHeader(), pcap.record(1, 0, new Uint8Array(60), 60)]);
    for (let length = 0; length <= good.length; length++) {
      for (const flip of [-1, length - 1]) {
        const bytes = Buffer.from(good.subarray(0, length));
        if (flip >= 0) bytes[flip] = (bytes[flip] as number) ^ 0xff;
        writeFileSync(at("in"), bytes);
        const port = open({ file: at("in") }).cores[0] as PcapPort;
        port.receive(new Batch(BURST));
        port.release();
      }
    }
  }));

test("a file that cannot be opened is refused with the reason", () => {
  assert.throws(() => open({ name: "p0", file: "/nowhere/in.pcap" }), {
    name: "SystemError",
    message:
      'Cannot open port "p0" on "/nowhere/in.pcap": ENOENT from open: the file does not exist',
  });
});
