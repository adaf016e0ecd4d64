// What every driver of a port promises (src/ports/port.ts), as tests that run over any of them. A rig is a port with
// its far end: what the network does to the port, and what the network sees of it.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { HEADROOM, OFFLOAD } from "../../src/engine/frame.ts";
import type { Arena, Planner } from "../../src/lib/arena.ts";
import { PollSet } from "../../src/ports/linux/parking.ts";
import { Batch, BURST, type Port } from "../../src/ports/port.ts";

/** A port and its far end. */
export interface Rig {
  readonly arena: Arena;
  readonly port: Port;
  /** Arena offset of room for frames to send: 64 buffers of 2048 bytes. */
  readonly room: number;
  /** The far end sends frames; absent for a port that received its frames at the start. */
  offer?(frames: readonly Uint8Array[]): void;
  /** What the far end has received since the last call. */
  collect(): Uint8Array[];
  /** Pulls or plugs the far end's side of the link. */
  setLink?(up: boolean): void;
  close(): void;
}

export interface Driver {
  readonly name: string;
  /** Opens a port; `frames` are offered by the far end right away. */
  start(frames: readonly Uint8Array[]): Rig;
  /** Frames that the port's ring holds at least before it must lose some; 0 = it never loses any. */
  readonly ringFrames: number;
  /** True when the rig can pull its link. */
  readonly hasLink: boolean;
  /** Longest ordinary frame. */
  readonly longest: number;
}

/** Room for the frames that a test sends. */
export const SEND_BYTES: number = BURST * 2048;
export const planSend = (planner: Planner): number => planner.reserve(SEND_BYTES, 4096);

const MACS = [0x02, 0, 0, 0, 0, 0xaa, 0x02, 0, 0, 0, 0, 0xbb];

/** A frame of `length` bytes that tells its number; type 0x88b5 is for experiments (IEEE 802). */
export function frame(length: number, number: number, head: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 7 + number) & 0xff;
  bytes.set(MACS);
  bytes.set([...head, 0x88, 0xb5].slice(0, length - 12), 12);
  if (length >= 22 + head.length) new DataView(bytes.buffer).setUint32(14 + head.length, number);
  return bytes;
}

type Length = (index: number) => number;
const frames = (count: number, length: Length): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => frame(length(index), index));

/** Receives until `count` frames came or nothing comes any more; copies of the bytes. */
export function receiveAll(rig: Rig, count: number, capacity: number = BURST): Uint8Array[] {
  const batch = new Batch(capacity);
  const set = new PollSet(8);
  set.watch(rig.port.descriptors);
  const got: Uint8Array[] = [];
  for (let quiet = 0; got.length < count && quiet < 3; ) {
    rig.port.receive(batch);
    for (let index = 0; index < batch.count; index++) got.push(bytesOf(rig, batch, index));
    const { count: taken } = batch;
    rig.port.release();
    if (taken > 0) quiet = 0;
    else if (!rig.port.pending())
      quiet += rig.port.descriptors.length > 0 ? 1 - Math.min(1, set.wait(100)) : 3;
  }
  return got;
}

export const bytesOf = (rig: Rig, batch: Batch, index: number): Uint8Array =>
  rig.arena.u8.slice(batch.start[index] as number, batch.end[index] as number);

/** Puts frames into the rig's room, at most 64, and sends them; the port's answer. */
export function send(rig: Rig, list: readonly Uint8Array[]): number {
  const batch = new Batch(BURST);
  for (const bytes of list) {
    const start = rig.room + batch.count * 2048 + HEADROOM;
    rig.arena.u8.fill(0, start - OFFLOAD, start);
    rig.arena.u8.set(bytes, start);
    batch.start[batch.count] = start;
    batch.end[batch.count] = start + bytes.length;
    batch.count++;
  }
  return rig.port.send(batch);
}

const shown = (frame: Uint8Array): string =>
  `${frame.length} bytes: ${Buffer.from(frame.slice(0, 48)).toString("hex")}`;

/** Compares frames by number of the first difference: a diff of a thousand frames helps nobody. */
export function assertFrames(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  const places = Math.min(actual.length, expected.length);
  for (let index = 0; index < places; index++) {
    const [got, wanted] = [actual[index] as Uint8Array, expected[index] as Uint8Array];
    if (Buffer.compare(got, wanted) === 0) continue;
    assert.equal(shown(got), shown(wanted), `frame ${index} of ${expected.length}`);
    assert.fail(`frame ${index} of ${expected.length} differs behind byte 48`);
  }
  assert.equal(actual.length, expected.length, "number of frames");
}

function withRig(driver: Driver, offered: readonly Uint8Array[], body: (rig: Rig) => void): void {
  const rig = driver.start(offered);
  try {
    body(rig);
  } finally {
    rig.close();
  }
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** Registers the contract for one driver. */
export function contract(driver: Driver): void {
  const { name } = driver;
  receiving(driver);
  shapes(driver);
  sending(driver);

  test(`${name}: what is sent does not come back`, () =>
    withRig(driver, [], (rig) => {
      assert.equal(
        send(
          rig,
          frames(20, () => 100),
        ),
        20,
      );
      assertFrames(receiveAll(rig, 1), []);
      assert.equal(rig.port.pending(), false);
    }));

  test(`${name}: closing gives every descriptor back`, () => {
    withRig(driver, [], () => undefined);
    const before = descriptors();
    for (let round = 0; round < 10; round++)
      withRig(
        driver,
        frames(3, () => 60),
        () => undefined,
      );
    assert.equal(descriptors(), before);
  });

  test(`${name}: says what it is`, () =>
    withRig(driver, [], (rig) => {
      const status = rig.port.status(0);
      assert.equal(status.driver, name.split(" ")[0]);
      assert.equal(status.up, true);
      assert.equal(status.mtu, 1500);
      assert.ok(status.mac > 0);
    }));
}

function receiving(driver: Driver): void {
  const { name } = driver;
  test(`${name}: frames arrive whole and in order, in bursts of any size`, () => {
    const offered = frames(500, (index) => 14 + ((index * 37) % 1400));
    for (const capacity of [1, 7, BURST]) {
      withRig(driver, offered, (rig) => {
        assertFrames(receiveAll(rig, 500, capacity), offered);
        assert.equal(rig.port.lost(), 0);
      });
    }
  });

  test(`${name}: every length from ${14} to ${driver.longest} arrives`, () => {
    const offered = frames(driver.longest - 13, (index) => 14 + index);
    // What has no ring, has no far end either: a file gives all.
    const step = driver.ringFrames === 0 ? offered.length : 500;
    withRig(driver, offered.slice(0, step), (rig) => {
      assertFrames(receiveAll(rig, step), offered.slice(0, step));
      for (let from = step; from < offered.length; from += step) {
        const some = offered.slice(from, from + step);
        rig.offer?.(some);
        assertFrames(receiveAll(rig, some.length), some);
      }
    });
  });

  test(`${name}: frames stay as they are until they are released, over several receives`, () => {
    const offered = frames(60, (index) => 60 + index);
    withRig(driver, offered, (rig) => {
      const batches = [new Batch(16), new Batch(16), new Batch(16), new Batch(12)];
      for (const batch of batches) rig.port.receive(batch);
      const got = batches.flatMap((batch) =>
        Array.from({ length: batch.count }, (_, index) => bytesOf(rig, batch, index)),
      );
      rig.port.release();
      assertFrames(got, offered);
    });
  });

  test(`${name}: ${HEADROOM} bytes before a frame belong to it`, () => {
    const offered = frames(150, (index) => 60 + index);
    withRig(driver, offered, (rig) => {
      const batch = new Batch(BURST);
      const got: Uint8Array[] = [];
      for (let round = 0; round < 20 && got.length < offered.length; round++) {
        rig.port.receive(batch);
        for (let index = 0; index < batch.count; index++) {
          const start = batch.start[index] as number;
          rig.arena.u8.fill(0xee, start - HEADROOM, start);
        }
        for (let index = 0; index < batch.count; index++) got.push(bytesOf(rig, batch, index));
        rig.port.release();
      }
      assertFrames(got, offered);
    });
  });
}

/** What lies around and in the bytes of received frames. */
function shapes(driver: Driver): void {
  const { name } = driver;
  test(`${name}: an ordinary frame has an empty offload header`, () =>
    withRig(
      driver,
      frames(70, () => 200),
      (rig) => {
        const batch = new Batch(BURST);
        let seen = 0;
        for (let round = 0; round < 2; round++) {
          rig.port.receive(batch);
          for (let index = 0; index < batch.count; index++) {
            const start = batch.start[index] as number;
            assert.deepEqual(
              [...rig.arena.u8.slice(start - OFFLOAD, start)],
              Array(OFFLOAD).fill(0),
            );
            // What a user leaves there must not come with the next frame.
            rig.arena.u8.fill(0xff, start - OFFLOAD, start);
            seen++;
          }
          rig.port.release();
        }
        assert.equal(seen, 70);
      },
    ));

  test(`${name}: VLAN tags are in line: customer, priority, service, two`, () => {
    const tags = [
      [0x81, 0x00, 0x00, 0x0a],
      [0x81, 0x00, 0xa0, 0x00],
      [0x88, 0xa8, 0x0f, 0xff],
      [0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x60, 0x0b],
      [0x81, 0x00, 0x00, 0x0a, 0x81, 0x00, 0x00, 0x0b],
    ];
    const offered = [64, 300, 1400].flatMap((length) =>
      tags.map((tag, index) => frame(length, index, tag)),
    );
    withRig(driver, offered, (rig) => {
      assertFrames(receiveAll(rig, offered.length), offered);
      assert.equal(send(rig, offered), offered.length);
      assertFrames(rig.collect(), offered);
    });
  });

  if (driver.ringFrames === 0) return;
  test(`${name}: what a full ring loses is counted, and the ring goes on`, () =>
    withRig(driver, [], (rig) => {
      const more = frames(2 * driver.ringFrames + 100, () => 80);
      for (let round = 0; round < 2; round++) {
        rig.offer?.(more);
        const got = receiveAll(rig, more.length);
        assert.ok(got.length >= driver.ringFrames && got.length < more.length, `${got.length}`);
        assertFrames(got, more.slice(0, got.length));
        assert.equal(rig.port.lost(), more.length - got.length);
        assert.equal(rig.port.lost(), 0);
      }
    }));
}

function sending(driver: Driver): void {
  const { name } = driver;
  test(`${name}: every length from 14 to ${driver.longest} is sent, in order`, () =>
    withRig(driver, [], (rig) => {
      const list = frames(driver.longest - 13, (index) => 14 + index);
      for (let from = 0; from < list.length; from += BURST) {
        const burst = list.slice(from, from + BURST);
        assert.equal(send(rig, burst), burst.length);
        assertFrames(rig.collect(), burst);
      }
    }));

  test(`${name}: a frame that cannot be sent does not keep others from it`, () =>
    withRig(driver, [], (rig) => {
      const good = frames(3, () => 90);
      const [first, second, third] = good as [Uint8Array, Uint8Array, Uint8Array];
      const batch = new Batch(BURST);
      const put = (bytes: Uint8Array, end: number): void => {
        const start = rig.room + batch.count * 2048 + HEADROOM;
        rig.arena.u8.fill(0, start - OFFLOAD, start);
        rig.arena.u8.set(bytes, start);
        batch.start[batch.count] = start;
        batch.end[batch.count++] = start + end;
      };
      put(first, 90);
      put(first, 9000);
      put(second, 90);
      put(second, 20000);
      put(third, 90);
      const taken = rig.port.send(batch);
      assert.ok(taken >= 3 && taken <= 5, `${taken} taken`);
      assertFrames(
        rig.collect().filter((bytes) => bytes.length === 90),
        good,
      );
    }));

  test(`${name}: hostile offload headers do no harm`, () =>
    withRig(driver, [], (rig) => {
      for (let seed = 0; seed < 40; seed++) {
        const batch = new Batch(BURST);
        for (let index = 0; index < BURST; index++) {
          const start = rig.room + index * 2048 + HEADROOM;
          rig.arena.u8.set(frame(90, index), start);
          for (let at = 1; at <= OFFLOAD; at++) {
            rig.arena.u8[start - at] = (seed * 31 + index * 17 + at * at * 5) & 0xff;
          }
          batch.start[index] = start;
          batch.end[index] = start + 90;
        }
        batch.count = BURST;
        const taken = rig.port.send(batch);
        assert.ok(taken >= 0 && taken <= BURST);
      }
      rig.collect();
      const good = frames(1, () => 70);
      assert.equal(send(rig, good), 1);
      assertFrames(rig.collect(), good);
    }));

  if (!driver.hasLink) return;
  test(`${name}: a link that goes down and up is noticed`, () =>
    withRig(driver, [], (rig) => {
      for (let round = 0; round < 3; round++) {
        rig.setLink?.(false);
        assert.equal(rig.port.status(0).up, false);
        send(
          rig,
          frames(5, () => 60),
        );
        assertFrames(receiveAll(rig, 1), []);
        rig.setLink?.(true);
        assert.equal(rig.port.status(0).up, true);
        const list = frames(20, (index) => 100 + index);
        rig.collect();
        rig.offer?.(list);
        assertFrames(receiveAll(rig, list.length), list);
        assert.equal(send(rig, list), list.length);
        assertFrames(rig.collect(), list);
      }
    }));
}
