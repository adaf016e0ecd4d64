import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Inside } from "../engine/inside.ts";
import { BridgeRig, bridgeInterface, bridgeFrame as frame, rigConfig } from "../sim/bridge-rig.ts";
import { access, trunk } from "../sim/configs.ts";
import type { Bridging } from "./bridging.ts";

const A = 0x0200_0000_000a;
const B = 0x0200_0000_000b;
const C = 0x0200_0000_000c;
const OWN = 0x02aa_0000_0001;
const ALL = 0xffff_ffff_ffff;
const GROUP = 0x0100_5e00_0001;
const BPDU = 0x0180_c200_0000;

const only = (rig: BridgeRig): Bridging => rig.bridges[0] as Bridging;
const three = { members: [access(10), access(10), access(10)] };

test("BR-7 a discarding channel neither learns, nor takes, nor sends a frame; control frames still reach it", () => {
  const rig = new BridgeRig({ ...three, interfaces: [bridgeInterface(OWN, 10)] });
  rig.receive(0, 0, frame(ALL, A), 1);
  rig.receive(0, 1, frame(ALL, B), 1);
  only(rig).setPortState(0, false, false);
  rig.sent();
  rig.drops();
  rig.insides[0]?.arps.splice(0);
  rig.insides[0]?.delivered.splice(0);

  for (const to of [B, ALL, GROUP, OWN, C]) rig.receive(0, 0, frame(to, C), 2);
  rig.receive(0, 0, frame(ALL, C, [], "0806"), 2);
  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(new Set(rig.drops()), new Set(["stp-discarding"]));
  assert.equal(only(rig).locate(0, C, 10), -1, "nothing is learned");
  assert.deepEqual(rig.insides[0]?.arps, [], "nor does it reach the appliance");
  assert.deepEqual(rig.insides[0]?.delivered, []);

  rig.receive(0, 1, frame(A, B), 3);
  assert.deepEqual(rig.drops(), ["stp-discarding"], "nor is a known station behind it reached");
  rig.receive(0, 1, frame(C, B), 3);
  assert.deepEqual(rig.sent(), [`2 ${frame(C, B)}`], "nor does a flood go there");
  rig.receive(0, 0, frame(BPDU, A, [], "0027"), 4);
  rig.receive(0, 0, frame(BPDU + 2, A, [], "8809"), 4);
  assert.deepEqual(rig.drops(), ["bpdu-no-stp", "lacp-no-channel"]);

  const { start, end } = rig.recorders[0]?.frame(frame(A, OWN)) ?? { start: 0, end: 0 };
  only(rig).output(0, start, end, 5);
  assert.deepEqual(rig.drops(), ["stp-discarding"], "from inside neither");

  only(rig).setPortState(0, true, true);
  rig.receive(0, 1, frame(A, B), 6);
  assert.deepEqual(rig.sent(), [`0 ${frame(A, B)}`]);
});

test("BR-7 a learning channel learns, and nothing else", () => {
  const rig = new BridgeRig({
    members: [trunk(1, 10, 20), access(10)],
    interfaces: [bridgeInterface(OWN, 10)],
  });
  only(rig).setPortState(0, true, false);
  only(rig).setPortState(1, true, false);

  rig.receive(0, 0, frame(ALL, A), 1);
  rig.receive(0, 0, frame(ALL, B, [20]), 1);
  rig.receive(0, 0, frame(ALL, C, [30]), 1);
  rig.receive(0, 0, frame(ALL, OWN, [10]), 1);
  rig.receive(0, 0, frame(ALL, GROUP, [10]), 1);
  rig.receive(0, 1, frame(ALL, C, [20]), 1);
  rig.receive(0, 1, `${frame(ALL, C).slice(0, 24)}8100`, 1);
  assert.equal(only(rig).locate(0, A, 1), 0);
  assert.equal(only(rig).locate(0, B, 20), 0);
  assert.equal(
    only(rig).summary().entries,
    2,
    "not what the filter refuses, nor what is no station",
  );
  rig.receive(0, 1, frame(ALL, B), 1);
  rig.receive(0, 1, frame(ALL, C, [0xa000]), 2);
  assert.equal(only(rig).locate(0, C, 10), 1, "a priority tag");
  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(new Set(rig.drops()), new Set(["stp-discarding"]));
  const { rows } = only(rig).rows(0, 10, 3);
  assert.equal(rows.length, 4);
});

test("BR-7 mute and block are two reasons: a channel opens when both are gone, and a reload keeps both", () => {
  const options = { ...three, bridge: { moveLimit: 20, muteTime: 10_000 } };
  const rig = new BridgeRig(options);
  for (let n = 0; n < 30; n++) {
    rig.receive(0, 0, frame(B, A), 5000 + n);
    rig.receive(0, 1, frame(B, A), 5000 + n);
  }
  only(rig).setPortState(1, false, false);
  rig.drops();
  const { bridging, common } = rigConfig(options);
  only(rig).configure(bridging, common, 6000);
  rig.receive(0, 1, frame(ALL, C), 6000);
  assert.deepEqual(rig.drops(), ["muted"]);
  rig.tickTo(6000, 16_000, 100);
  rig.receive(0, 1, frame(ALL, C), 16_000);
  assert.deepEqual(rig.drops(), ["stp-discarding"]);
  only(rig).configure(bridging, common, 16_000);
  rig.sent();
  rig.receive(0, 0, frame(ALL, C), 16_000);
  assert.deepEqual(rig.sent(), [`2 ${frame(ALL, C)}`]);
  only(rig).setPortState(1, true, true);
  rig.receive(0, 1, frame(ALL, C), 16_001);
  assert.deepEqual(rig.drops(), []);
});

test("BR-7 whatever the states and the frames, none crosses a channel that does not forward", () => {
  const state = fc.constantFrom([false, false], [true, false], [true, true]);
  const station = fc.constantFrom(A, B, C);
  const step = fc.oneof(
    fc.record({ channel: fc.nat(3), set: state }),
    fc.record({ channel: fc.nat(3), from: station, to: fc.oneof(station, fc.constant(ALL)) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rig = new BridgeRig({
        members: [access(10), access(10), access(10), access(10)],
        bridge: { moveLimit: 0 },
      });
      const forwards = [true, true, true, true];
      const learns = [true, true, true, true];
      const where = new Map<number, number>();
      for (const [n, one] of steps.entries()) {
        const { channel } = one;
        if ("set" in one) {
          const [learn = true, forward = true] = one.set;
          only(rig).setPortState(channel, learn, forward);
          learns[channel] = learn;
          forwards[channel] = forward;
          continue;
        }
        if (learns[channel]) where.set(one.from, channel);
        rig.receive(0, channel, frame(one.to, one.from), n);
        const out = rig.sent().map((line) => Number(line.split(" ")[0]));
        const known = where.get(one.to);
        const wanted = [0, 1, 2, 3].filter(
          (to) =>
            forwards[channel] &&
            forwards[to] &&
            to !== channel &&
            (known === undefined || known === to),
        );
        assert.deepEqual(out, wanted);
      }
      for (const [mac, channel] of where) assert.equal(only(rig).locate(0, mac, 10), channel);
    }),
  );
});

test("BR-7 PVST+ and BPDUs go to spanning tree where one listens, whatever the channel's state, and else as before", () => {
  const rig = new BridgeRig(three);
  const pvst = frame(0x0100_0ccc_cccd, A, [], "0032");
  rig.receive(0, 0, pvst, 1);
  assert.equal(rig.sent().length, 2, "nobody listens: a group as any other");

  const heard: string[] = [];
  const inside = rig.insides[0] as Inside;
  inside.bpdu = (port, channel) => heard.push(`bpdu ${port} ${channel}`);
  inside.pvst = (_port, channel) => {
    heard.push(`pvst ${channel}`);
    return channel !== 2;
  };
  for (const [learns, forwards] of [
    [true, true],
    [true, false],
    [false, false],
  ] as const) {
    only(rig).setPortState(1, learns, forwards);
    rig.receive(0, 1, pvst, 2);
    rig.receive(0, 1, frame(BPDU, A, [], "0027"), 2);
    assert.deepEqual(heard.splice(0), ["pvst 1", "bpdu 1 1"]);
    assert.deepEqual(rig.sent(), []);
  }
  rig.receive(0, 2, pvst, 3);
  assert.deepEqual(heard, ["pvst 2"]);
  assert.deepEqual(rig.sent(), [`0 ${pvst}`], "not taken: it floods, not into what is blocked");
});
