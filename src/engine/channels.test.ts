import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Recorder } from "../sim/recorder.ts";
import { Channels } from "./channels.ts";
import type { ChannelConfig } from "./config.ts";
import { deal, HASH_NAMES, SLOTS, slotOf } from "./spread.ts";

const LA: readonly ChannelConfig[] = [
  { name: "", ports: [] },
  { name: "", ports: [] },
  { name: "", ports: [] },
  { name: "p3", ports: [3] },
  { name: "LA/1", ports: [0, 1, 2], hash: "l3+l4" },
];
const SINGLE: readonly ChannelConfig[] = [0, 1, 2, 3].map((port) => ({
  name: `p${port}`,
  ports: [port],
}));
const word = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, "0");

/** An IPv4 UDP frame; `tag` puts a VLAN tag in line, `fragment` is the offset word. */
function udp(
  source: number,
  destination: number,
  from: number,
  to: number,
  tag = false,
  fragment = 0,
): string {
  const header = `45000030 0000 ${word(fragment, 2)} 4011 0000 ${word(source, 4)} ${word(destination, 4)}`;
  const vlan = tag ? "8100000a" : "";
  return `02000000000b 02000000000a ${vlan} 0800 ${header} ${word(from, 2)} ${word(to, 2)} ${"00".repeat(20)}`;
}

function open(channels: Channels, ...ports: number[]): void {
  for (const port of ports) channels.setMember(port, true, true);
}

test("LAG-4 members start shut; frames are taken from those that collect, sent on those that distribute", () => {
  const recorder = new Recorder();
  const channels = new Channels(recorder, LA, 4);
  const { start, end } = recorder.frame(udp(1, 2, 3, 4));

  assert.equal(channels.channelOf(0) < 0, true);
  assert.equal(channels.isBlocked(0), true);
  assert.equal(channels.ownerOf(0), 4);
  assert.equal(channels.send(4, start, end), false);
  assert.equal(channels.channelOf(3), 3, "a single port as ever");

  channels.setMember(1, true, false);
  assert.equal(channels.channelOf(1), 4);
  assert.equal(channels.send(4, start, end), false, "collecting alone sends nothing");
  channels.setMember(1, true, true);
  assert.equal(channels.send(4, start, end), true);
  assert.deepEqual(
    recorder.frames.map(({ port }) => port),
    [1],
  );
  channels.setMember(1, false, false);
  assert.equal(channels.isUp(4), false);
  assert.equal(channels.isBlocked(1), true);
});

test("LAG-4 a conversation leaves through one member, with and without a tag, and all members are used alike", () => {
  const recorder = new Recorder();
  const channels = new Channels(recorder, LA, 4);
  open(channels, 0, 1, 2);
  const used = [0, 0, 0];
  for (let flow = 0; flow < 3000; flow++) {
    const ports = new Set<number>();
    for (const tag of [false, true]) {
      const { start, end } = recorder.frame(
        udp(0x0a000001 + (flow % 7), 0x0a000100, flow, 80, tag),
      );
      recorder.frames.length = 0;
      channels.send(4, start, end);
      ports.add(recorder.frames[0]?.port ?? -1);
    }
    assert.equal(ports.size, 1);
    const [port = 0] = ports;
    used[port] = (used[port] ?? 0) + 1;
  }
  for (const count of used) assert.ok(count > 850 && count < 1150, `${used}`);
});

test("LAG-4 fragments of a packet follow its first, which has ports that the others lack", () => {
  const recorder = new Recorder();
  const slot = (fragment: number, port: number): number => {
    const { start, end } = recorder.frame(udp(1, 2, port, 80, false, fragment));
    return slotOf(recorder.view, start, end, HASH_NAMES.indexOf("l3+l4"));
  };
  assert.equal(slot(0x2000, 1000), slot(0x00b9, 0xffff), "first and later fragment");
  const slots = new Set(Array.from({ length: 50 }, (_, port) => slot(0, port)));
  assert.ok(slots.size > 20, "whole packets go by their ports");
});

test("LAG-4 each hash looks at what it is named after, and at nothing else", () => {
  const recorder = new Recorder();
  const vary = (policy: string, make: (n: number) => string): number => {
    const slots = new Set<number>();
    for (let n = 0; n < 64; n++) {
      const { start, end } = recorder.frame(make(n));
      slots.add(slotOf(recorder.view, start, end, HASH_NAMES.indexOf(policy as "l2")));
    }
    return slots.size;
  };
  const byPort = (n: number): string => udp(1, 2, n, 80);
  const byAddress = (n: number): string => udp(0x0a000000 + n, 2, 1, 80);
  const byMac = (n: number): string =>
    udp(1, 2, 3, 4).replace("02000000000a", `0200000000${word(n, 1)}`);
  assert.equal(vary("l2", byPort), 1);
  assert.equal(vary("l2", byAddress), 1);
  assert.ok(vary("l2", byMac) > 30);
  assert.equal(vary("l2+l3", byPort), 1);
  assert.ok(vary("l2+l3", byAddress) > 30);
  assert.ok(vary("l2+l3", byMac) > 30);
  assert.ok(vary("l3+l4", byPort) > 30);
  assert.equal(vary("l3+l4", byMac), 1);
});

test("LAG-4 frames cut short, of any type and length, get a slot and nothing is read behind them", () => {
  const view = new DataView(new ArrayBuffer(128));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 14, maxLength: 128 }), fc.nat(2), (bytes, policy) => {
      const start = 128 - bytes.length;
      for (const [index, byte] of bytes.entries()) view.setUint8(start + index, byte);
      const slot = slotOf(view, start, 128, policy);
      assert.ok(slot >= 0 && slot < SLOTS);
    }),
  );
});

test("LAG-4 dealing depends on who is there alone; only the slots of a member that left move", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 16 }),
      fc.nat(0xffff),
      fc.nat(15),
      (count, mask, gone) => {
        const members = Array.from({ length: count }, (_, index) => index + 3);
        const present = members.filter((_, index) => ((mask >> index) & 1) === 1);
        const rest = present.filter((port) => port !== members[gone % count]);
        if (present.length === 0 || rest.length === 0) return;
        const before = new Int16Array(SLOTS);
        const after = new Int16Array(SLOTS);
        deal(members, present, before, 0);
        deal(members, rest, after, 0);
        const share = new Map<number, number>();
        for (let slot = 0; slot < SLOTS; slot++) {
          const [was, is] = [before[slot] as number, after[slot] as number];
          assert.ok(rest.includes(is));
          const home = members[slot % count] as number;
          if (present.includes(home) && rest.includes(home))
            assert.equal(was, is, "a member's own slots stay");
          share.set(is, (share.get(is) ?? 0) + 1);
        }
        const fair = SLOTS / rest.length;
        for (const port of rest) {
          const slots = share.get(port) ?? 0;
          assert.ok(slots >= fair * 0.75 - 2 && slots <= fair * 1.35 + 2, `${slots} of ${fair}`);
        }
      },
    ),
  );
});

test("LAG-4 a member without link is left out on this core at once, whatever the master says", () => {
  const recorder = new Recorder();
  const channels = new Channels(recorder, LA, 4);
  open(channels, 0, 1, 2);
  channels.linkChanged(1, false);
  for (let flow = 0; flow < 200; flow++) {
    const { start, end } = recorder.frame(udp(1, 2, flow, 80));
    channels.send(4, start, end);
  }
  assert.ok(recorder.frames.every(({ port }) => port === 0 || port === 2));
  assert.deepEqual(channels.active(4), [0, 2]);
  channels.linkChanged(0, false);
  channels.linkChanged(2, false);
  assert.equal(channels.isUp(4), false);
});

test("LAG-5 ports of a channel that is removed stay shut until they are released", () => {
  const recorder = new Recorder();
  const channels = new Channels(recorder, LA, 4);
  open(channels, 0, 1, 2);
  channels.configure(SINGLE, 4);
  for (const port of [0, 1, 2]) {
    assert.equal(channels.isBlocked(port), true);
    assert.equal(channels.isUp(port), false);
    assert.equal(channels.freedFrom(port), 4);
  }
  assert.equal(channels.channelOf(3), 3);
  channels.release(1);
  assert.deepEqual([channels.channelOf(1), channels.isUp(1)], [1, true]);
  channels.linkChanged(0, false);
  channels.linkChanged(0, true);
  assert.deepEqual([channels.channelOf(0), channels.isUp(0)], [0, true], "taken in hand");
  channels.configure(SINGLE, 4);
  assert.equal(channels.isBlocked(2), true, "another reload does not open it");
  channels.configure(LA, 4);
  channels.setMember(2, true, true);
  assert.equal(channels.channelOf(2), 4, "back in an aggregate, link aggregation decides");
});
