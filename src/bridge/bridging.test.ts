import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BridgeRig,
  bridgeInterface,
  bridgeFrame as frame,
  type RigOptions,
} from "../sim/bridge-rig.ts";
import { access, trunk } from "../sim/configs.ts";
import type { Bridging } from "./bridging.ts";
import { BridgeCounter } from "./counters.ts";

const A = 0x0200_0000_000a;
const B = 0x0200_0000_000b;
const C = 0x0200_0000_000c;
const OWN = 0x02aa_0000_0001;
const ALL = 0xffff_ffff_ffff;
const GROUP = 0x0100_5e00_0001;
const BPDU = 0x0180_c200_0000;

const only = (rig: BridgeRig): Bridging => rig.bridges[0] as Bridging;
const counter = (rig: BridgeRig, index: number): number => only(rig).counters[index] as number;

/** Teaches a rig where stations are, and forgets what that sent. */
function learned(
  options: RigOptions,
  stations: [mac: number, channel: number, tags?: number[]][],
): BridgeRig {
  const rig = new BridgeRig(options);
  for (const [mac, channel, tags] of stations)
    rig.receive(0, channel, frame(ALL, mac, tags ?? []), 1);
  rig.sent();
  rig.drops();
  return rig;
}

// --- BR-2 ------------------------------------------------------------------------------------------------------------

test("BR-2 a frame to an unknown station floods, and to a known one goes to its channel alone", () => {
  const rig = new BridgeRig({ members: [access(10), access(10), access(10)] });

  rig.receive(0, 0, frame(B, A), 1);
  assert.deepEqual(rig.sent(), [`1 ${frame(B, A)}`, `2 ${frame(B, A)}`]);
  rig.receive(0, 1, frame(A, B), 2);
  assert.deepEqual(rig.sent(), [`0 ${frame(A, B)}`]);
  rig.receive(0, 0, frame(B, A), 3);
  assert.deepEqual(rig.sent(), [`1 ${frame(B, A)}`]);

  assert.equal(counter(rig, BridgeCounter.Flooded), 1);
  assert.equal(counter(rig, BridgeCounter.Forwarded), 2);
  assert.equal(counter(rig, BridgeCounter.Learned), 2);
});

test("BR-2 broadcast and multicast go to every channel but the source", () => {
  const rig = new BridgeRig({ members: [access(10), access(10), access(10)] });

  for (const to of [ALL, GROUP]) {
    rig.receive(0, 1, frame(to, A), 1);
    assert.deepEqual(rig.sent(), [`0 ${frame(to, A)}`, `2 ${frame(to, A)}`]);
  }
});

test("BR-2 a frame to a station of its own channel goes nowhere", () => {
  const rig = learned({ members: [access(10), access(10)] }, [
    [A, 0],
    [B, 0],
  ]);

  rig.receive(0, 0, frame(B, A), 2);

  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(rig.drops(), ["same-channel"]);
});

test("BR-2 BPDUs, slow protocols and all other reserved groups are taken before learning and never relayed", () => {
  const rig = new BridgeRig({
    members: [access(10), trunk(1, 10)],
    interfaces: [bridgeInterface(OWN, 10)],
  });

  for (let group = 0; group < 16; group++) {
    rig.receive(0, 0, frame(BPDU + group, A, [], group === 2 ? "8809" : "0027"), 1);
    rig.receive(0, 1, frame(BPDU + group, A, [10], "0027"), 1);
  }

  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(rig.entries(0), []);
  const drops = rig.drops();
  assert.equal(drops.filter((name) => name === "bpdu-no-stp").length, 2);
  assert.equal(drops.filter((name) => name === "lacp-no-channel").length, 1);
  assert.equal(drops.filter((name) => name === "reserved-group").length, 29);
});

test("BR-2 01-80-C2-00-00-10 and the groups behind it are relayed", () => {
  const rig = new BridgeRig({ members: [access(10), access(10)] });

  rig.receive(0, 0, frame(BPDU + 0x10, A), 1);

  assert.equal(rig.sent().length, 1);
});

test("BR-2 a source that is a group or zero is neither learned nor forwarded", () => {
  const rig = new BridgeRig({ members: [access(10), access(10)] });

  for (const from of [ALL, GROUP, 0, 0x0300_0000_0001]) rig.receive(0, 0, frame(B, from), 1);

  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(rig.entries(0), []);
  assert.deepEqual(rig.drops(), Array(4).fill("source-group"));
});

test("BR-2 a frame to an interface's MAC goes inside without its tag, and the same MAC on another VLAN does not", () => {
  const rig = new BridgeRig({
    members: [trunk(1, 10, 20), access(20)],
    interfaces: [bridgeInterface(OWN, 10)],
  });

  rig.receive(0, 0, frame(OWN, A, [0x600a]), 1);
  rig.receive(0, 0, frame(OWN, A, [20]), 1);

  assert.deepEqual(rig.insides[0]?.delivered, [{ iface: 0, channel: 0, hex: frame(OWN, A) }]);
  assert.deepEqual(rig.sent(), [`1 ${frame(OWN, A)}`], "flooded as an unknown station's");
});

test("BR-2 a group frame goes inside as a copy of its own and out as it came", () => {
  const rig = new BridgeRig({
    members: [trunk(1, 10), trunk(1, 10), access(10)],
    interfaces: [bridgeInterface(OWN, 10), bridgeInterface(OWN + 1, 10)],
  });

  rig.receive(0, 0, frame(ALL, A, [10]), 1);

  assert.deepEqual(rig.insides[0]?.delivered, [
    { iface: 0, channel: 0, hex: frame(ALL, A) },
    { iface: 1, channel: 0, hex: frame(ALL, A) },
  ]);
  assert.deepEqual(rig.sent(), [`1 ${frame(ALL, A, [10])}`, `2 ${frame(ALL, A)}`]);
});

test("BR-2 a group frame that only the appliance wants is no drop", () => {
  const rig = new BridgeRig({ members: [access(10)], interfaces: [bridgeInterface(OWN, 10)] });

  rig.receive(0, 0, frame(ALL, A), 1);

  assert.equal(rig.insides[0]?.delivered.length, 1);
  assert.deepEqual(rig.drops(), []);
});

test("BR-2 without another channel in the VLAN a frame is dropped with that reason", () => {
  const rig = new BridgeRig({ members: [access(10), access(20)] });

  rig.receive(0, 0, frame(B, A), 1);

  assert.deepEqual(rig.drops(), ["no-destination-channel"]);
});

test("BR-2 the appliance's own MAC arriving from outside is not learned", () => {
  const rig = new BridgeRig({
    members: [access(10), access(10)],
    interfaces: [bridgeInterface(OWN, 10)],
  });

  rig.receive(0, 0, frame(ALL, OWN), 1);

  assert.deepEqual(rig.entries(0), []);
});

test("BR-2 ARP and RARP on an interface's VLAN are shown inside; what is not consumed is bridged onward", () => {
  const rig = new BridgeRig({
    members: [trunk(1, 10, 20), access(10)],
    interfaces: [bridgeInterface(OWN, 10), bridgeInterface(OWN + 1, 10)],
  });
  const inside = rig.insides[0];
  assert.ok(inside !== undefined);

  rig.receive(0, 0, frame(ALL, A, [10], "0806"), 1);
  assert.deepEqual(inside.arps, [
    { iface: 0, channel: 0, type: "0806" },
    { iface: 1, channel: 0, type: "0806" },
  ]);
  assert.deepEqual(rig.sent(), [`1 ${frame(ALL, A, [], "0806")}`]);
  assert.deepEqual(inside.delivered, [], "shown once");

  inside.consumes = true;
  rig.receive(0, 1, frame(ALL, B, [], "8035"), 1);
  assert.deepEqual(inside.arps.slice(2), [{ iface: 0, channel: 1, type: "8035" }]);
  assert.deepEqual(rig.sent(), []);

  rig.receive(0, 0, frame(ALL, A, [20], "0806"), 1);
  assert.equal(inside.arps.length, 3, "VLAN 20 has no interface");
});

test("ARP-2 a core that is not the ARP master hands ARP over before it learns from it", () => {
  const rig = new BridgeRig({
    cores: 2,
    members: [access(10), access(10)],
    interfaces: [bridgeInterface(OWN, 10)],
  });
  const recorder = rig.recorders[1];
  assert.ok(recorder !== undefined);

  rig.receive(1, 1, frame(ALL, A, [], "0806"), 1);

  assert.deepEqual(recorder.handovers, [{ to: 0, port: 1, hex: frame(ALL, A, [], "0806") }]);
  assert.deepEqual(rig.entries(1), []);
  assert.deepEqual(recorder.messages, []);
  recorder.masters[0] = 1;
  rig.receive(1, 1, frame(ALL, A, [], "0806"), 1);
  assert.equal(rig.insides[1]?.arps.length, 1, "the role has moved here");
});

test("BR-2 frames from inside leave tagged as the channel wants, to the known channel or to all", () => {
  const rig = learned(
    { members: [access(10), trunk(1, 10), access(20)], interfaces: [bridgeInterface(OWN, 10)] },
    [[A, 1, [10]]],
  );
  const recorder = rig.recorders[0];
  assert.ok(recorder !== undefined);
  const output = (hex: string): void => {
    const { start, end } = recorder.frame(hex);
    only(rig).output(0, start, end, 2);
  };

  output(frame(A, OWN));
  assert.deepEqual(rig.sent(), [`1 ${frame(A, OWN, [10])}`]);
  output(frame(B, OWN));
  assert.deepEqual(rig.sent(), [`0 ${frame(B, OWN)}`, `1 ${frame(B, OWN, [10])}`]);
  output(frame(ALL, OWN));
  assert.equal(rig.sent().length, 2);
  assert.deepEqual(rig.entries(0).length, 1, "the appliance does not learn itself");
});

test("BR-2 a channel without link gets nothing: counted for one station, silent in a flood", () => {
  const rig = learned({ members: [access(10), access(10), access(10)] }, [[A, 1]]);
  rig.channels[0]?.linkChanged(1, false);

  rig.receive(0, 0, frame(A, B), 2);
  assert.deepEqual(rig.drops(), ["channel-down"]);
  rig.receive(0, 0, frame(C, B), 2);
  assert.deepEqual(rig.sent(), [`2 ${frame(C, B)}`]);
  assert.deepEqual(rig.drops(), []);
  rig.channels[0]?.linkChanged(2, false);
  rig.receive(0, 0, frame(C, B), 3);
  assert.deepEqual(rig.drops(), ["no-destination-channel"], "nobody is left");
});

test("BR-2 a link that goes down takes the stations learned there along, on all cores, and only these", () => {
  const rig = new BridgeRig({ cores: 2, members: [access(10), access(10)] });
  rig.receive(0, 0, frame(ALL, A), 1);
  rig.receive(1, 1, frame(ALL, B), 1);
  rig.settle(1);

  only(rig).linkDown(0, 2);

  assert.equal(rig.settle(2), 1);
  for (const core of [0, 1]) {
    assert.equal(rig.bridges[core]?.locate(0, A, 10), -1);
    assert.equal(rig.bridges[core]?.locate(0, B, 10), 1);
  }
});

// --- BR-6 ------------------------------------------------------------------------------------------------------------

/** Frames that one frame becomes, by port: "port tags" with tags as hex TCIs. */
function passes(options: RigOptions, channel: number, tags: number[], type = "0800"): string[] {
  const rig = new BridgeRig(options);
  rig.receive(0, channel, frame(ALL, A, tags, type), 1);
  const out = rig.sent().map((line) => {
    const [port, hex] = line.split(" ") as [string, string];
    let at = 24;
    const seen: string[] = [];
    for (; hex.slice(at, at + 4) === "8100"; at += 8) seen.push(hex.slice(at + 4, at + 8));
    assert.equal(hex.slice(at), frame(ALL, A, [], type).slice(24), "type and payload stay");
    assert.equal(hex.slice(0, 24), frame(ALL, A).slice(0, 24), "addresses stay");
    return [port, ...seen].join(" ");
  });
  return [...out, ...rig.drops()];
}

test("BR-6 access to access stays untagged, access to trunk gains the tag, trunk to access loses it, trunk to trunk keeps it", () => {
  const members = [access(10), access(10), trunk(1, 10, 20), trunk(1, 10)];

  assert.deepEqual(passes({ members }, 0, []), ["1", "2 000a", "3 000a"]);
  assert.deepEqual(passes({ members }, 2, [0x000a]), ["3 000a", "0", "1"]);
  assert.deepEqual(
    passes({ members }, 2, [0xf00a]),
    ["3 f00a", "0", "1"],
    "priority and drop bit stay",
  );
});

test("BR-6 the native VLAN enters and leaves a trunk untagged, and a tagged frame of it is taken too", () => {
  const members = [trunk(1, 10), trunk(1, 10), access(1), trunk(5, 1)];

  assert.deepEqual(passes({ members }, 0, []), ["1", "2", "3 0001"]);
  assert.deepEqual(passes({ members }, 0, [1]), ["3 0001", "1", "2"]);
});

test("BR-6 a trunk without a native VLAN takes no untagged frame and no priority tag", () => {
  const members = [trunk(0, 10), access(10)];

  assert.deepEqual(passes({ members }, 0, []), ["vlan-filtered"]);
  assert.deepEqual(passes({ members }, 0, [0xe000]), ["vlan-filtered"]);
  assert.deepEqual(passes({ members }, 1, []), ["0 000a"]);
});

test("BR-6 a channel takes and gets only the VLANs that it carries, and 4095 is nobody's", () => {
  const members = [trunk(1, 10, 4094), trunk(1, 20, 4094), access(4094)];

  assert.deepEqual(passes({ members }, 0, [20]), ["vlan-filtered"]);
  assert.deepEqual(passes({ members }, 0, [10]), ["no-destination-channel"]);
  assert.deepEqual(passes({ members }, 0, [4094]), ["1 0ffe", "2"]);
  assert.deepEqual(passes({ members }, 0, [4095]), ["vlan-reserved"]);
  assert.deepEqual(passes({ members }, 2, [4095]), ["vlan-reserved"]);
});

test("BR-6 an access channel takes its own VLAN's tag and a priority tag, and no other", () => {
  const members = [access(10), access(10), trunk(1, 10, 20)];

  assert.deepEqual(passes({ members }, 0, [10]), ["2 000a", "1"]);
  assert.deepEqual(
    passes({ members }, 0, [0xa000]),
    ["2 a00a", "1"],
    "the priority goes along where a tag does",
  );
  assert.deepEqual(passes({ members }, 0, [20]), ["vlan-tagged-on-access"]);
});

test("BR-6 a priority tag on the way to a known station names the VLAN and keeps the priority, or goes", () => {
  const rig = learned({ members: [access(10), trunk(1, 10), access(10)] }, [
    [A, 1, [10]],
    [B, 2],
  ]);

  rig.receive(0, 0, frame(A, C, [0xb000]), 2);
  rig.receive(0, 0, frame(B, C, [0xb000]), 2);

  assert.deepEqual(rig.sent(), [`1 ${frame(A, C, [0xb00a])}`, `2 ${frame(B, C)}`]);
});

test("BR-6 stations are learned for each VLAN alone", () => {
  const rig = learned({ members: [trunk(1, 10, 20), trunk(1, 10, 20)] }, [
    [A, 0, [10]],
    [A, 1, [20]],
  ]);

  assert.equal(only(rig).locate(0, A, 10), 0);
  assert.equal(only(rig).locate(0, A, 20), 1);
  assert.equal(only(rig).locate(0, A, 1), -1);
});

test("BR-6 an outer tag of a provider passes as it is, also out of access channels", () => {
  const members = [access(10), access(10), trunk(1, 10)];
  const inner = "00c88100000a0800";

  assert.deepEqual(passes({ members }, 0, [], `88a8${inner}`), ["1", "2 000a"]);
  assert.deepEqual(passes({ members }, 2, [10], `88a8${inner}`), ["0", "1"]);
});

test("BR-6 a second customer tag stays inside the first, and passes only where the first one stays", () => {
  const members = [trunk(1, 10), trunk(1, 10), access(10)];

  assert.deepEqual(passes({ members }, 0, [10, 20]), ["1 000a 0014", "vlan-double-tag"]);
});

test("BR-6 VLAN hopping by two tags comes out nowhere: not by the native VLAN, not by a priority tag, not inside", () => {
  const members = [access(1), trunk(1, 20), trunk(1, 20), access(1)];
  const hops = [
    [1, 20],
    [0, 20],
    [0xe000, 20],
    [1, 0],
    [1, 20, 30],
  ];

  for (const tags of hops) {
    for (const channel of [0, 1]) {
      assert.deepEqual(passes({ members }, channel, tags), ["vlan-double-tag"], `${tags}`);
    }
  }

  const rig = learned({ members, interfaces: [bridgeInterface(OWN, 1)] }, [[B, 2]]);
  assert.equal(rig.insides[0]?.delivered.splice(0).length, 1);
  rig.receive(0, 0, frame(B, A, [1, 20]), 2);
  rig.receive(0, 0, frame(OWN, A, [1, 20]), 2);
  rig.receive(0, 0, frame(ALL, A, [1, 20]), 2);
  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(rig.insides[0]?.delivered, []);
  assert.deepEqual(rig.drops(), Array(3).fill("vlan-double-tag"));
});

test("BR-6 of any frame with any tags, nothing leaves on a channel in a VLAN that the frame's own was not", () => {
  const tci = fc.oneof(fc.constantFrom(0, 1, 10, 20, 4095), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(
      fc.array(tci, { maxLength: 4 }),
      fc.integer({ min: 0, max: 3 }),
      (tags, channel) => {
        const members = [access(10), trunk(1, 10, 20), trunk(20, 10, 1), access(20)];
        const untagged = [10, 1, 20, 20];
        const first = (tags[0] ?? 0) & 0xfff;
        const vlan = first === 0 ? untagged[channel] : first;
        const rig = new BridgeRig({ members });

        rig.receive(0, channel, frame(ALL, A, tags), 1);

        for (const line of rig.sent()) {
          const [port, hex] = line.split(" ") as [string, string];
          const tagged = hex.slice(24, 28) === "8100";
          const id = tagged ? Number.parseInt(hex.slice(28, 32), 16) & 0xfff : 0;
          assert.equal(id === 0 ? untagged[Number(port)] : id, vlan, line);
        }
      },
    ),
  );
});

test("BR-6 a copy that finds no buffer is counted, and the form that needs none still leaves", () => {
  const rig = new BridgeRig({ members: [access(10), access(10), trunk(1, 10)] });
  const recorder = rig.recorders[0];
  assert.ok(recorder !== undefined);
  const { start, end } = recorder.frame(frame(ALL, A));
  recorder.poolEmpty = true;

  only(rig).receive(0, start, end, 1);

  assert.deepEqual(rig.sent(), [`1 ${frame(ALL, A)}`]);
  assert.deepEqual(rig.drops(), ["pool-empty"]);
});

test("BR-6 the offload header travels with the MACs, and its offsets with the tag", () => {
  const rig = learned({ members: [access(10), trunk(1, 10)] }, [[B, 1, [10]]]);
  const recorder = rig.recorders[0];
  assert.ok(recorder !== undefined);
  const { start, end } = recorder.frame(frame(B, A));
  recorder.view.setUint8(start - 10, 1); // NEEDS_CSUM
  recorder.view.setUint16(start - 8, 54, true); // hdr_len
  recorder.view.setUint16(start - 4, 34, true); // csum_start
  recorder.view.setUint16(start - 2, 16, true);

  only(rig).receive(0, start, end, 2);

  assert.deepEqual(rig.sent(), [`1 ${frame(B, A, [10])}`]);
  const to = start - 4;
  assert.equal(recorder.view.getUint8(to - 10), 1);
  assert.equal(recorder.view.getUint16(to - 8, true), 58);
  assert.equal(recorder.view.getUint16(to - 4, true), 38);
  assert.equal(recorder.view.getUint16(to - 2, true), 16);
});

// --- BR-9, BR-10 -------------------------------------------------------------------------------------------------------

test("BR-9 a static station does not move, age or give way; one without a channel is dropped", () => {
  const rig = new BridgeRig({
    members: [access(10), access(10), access(10)],
    bridge: {
      statics: [
        { mac: A, vlan: 10, channel: 1 },
        { mac: B, vlan: 10, channel: -1 },
        { mac: C, vlan: 99, channel: 1 },
      ],
    },
  });
  const D = 0x0200_0000_000d;

  rig.receive(0, 2, frame(D, A), 1);
  rig.sent();
  rig.tickTo(0, 2_000_000, 100_000);
  rig.receive(0, 0, frame(A, D), 2_000_001);
  assert.deepEqual(
    rig.sent(),
    [`1 ${frame(A, D)}`],
    "not where its MAC was seen, but where it is pinned",
  );
  rig.receive(0, 0, frame(B, D), 2_000_002);
  assert.deepEqual(rig.sent(), []);
  assert.deepEqual(rig.drops(), ["static-drop"]);
  const { rows } = only(rig).rows(0, 10, 2_000_002);
  assert.equal(
    rows.filter((row) => row["static"] === true).length,
    2,
    "VLAN 99 is on no channel of the bridge",
  );
  assert.equal(only(rig).clear({}, 2_000_003), 1, "a flush takes D and leaves the static ones");
  assert.equal(only(rig).summary().entries, 2);
});

test("BR-9 static entries come and go live", () => {
  const rig = learned({ members: [access(10), access(10)] }, [[A, 0]]);

  assert.equal(only(rig).addStatic(0, A, 10, 1, 2), true);
  assert.equal(only(rig).locate(0, A, 10), 1);
  assert.equal(only(rig).addStatic(0, A, 20, 1, 2), false, "the channel is not in VLAN 20");
  assert.equal(only(rig).addStatic(7, A, 10, 1, 2), false);
  assert.equal(only(rig).removeStatic(0, A, 10, 3), true);
  assert.equal(only(rig).removeStatic(0, A, 10, 3), false);
  assert.equal(only(rig).locate(0, A, 10), -1);
  rig.receive(0, 0, frame(ALL, A), 4);
  assert.equal(only(rig).locate(0, A, 10), 0, "learned anew");
});

test("BR-10 a channel to which stations move all the time is muted for a while, with events, and the other is not", () => {
  const rig = new BridgeRig({
    members: [access(10), access(10)],
    bridge: { moveLimit: 20, muteTime: 10_000 },
  });
  const recorder = rig.recorders[0];
  assert.ok(recorder !== undefined);

  for (let n = 0; n < 30; n++) {
    rig.receive(0, 0, frame(B, A), 5000 + n);
    rig.receive(0, 1, frame(B, A), 5000 + n);
  }

  const muted = recorder.events.filter(({ name }) => name === "channel-muted");
  assert.deepEqual(muted, [{ name: "channel-muted", a: 0, b: 1, c: 21, d: 0 }]);
  assert.equal(rig.drops().filter((name) => name === "muted").length, 9);
  assert.equal(only(rig).locate(0, A, 10), 0, "the station is back where it lives");
  rig.receive(0, 1, frame(BPDU, B, [], "0027"), 5100);
  assert.deepEqual(rig.drops(), ["bpdu-no-stp"], "control frames are heard from a muted channel");
  rig.tickTo(5100, 16_000, 100);
  assert.equal(recorder.events.filter(({ name }) => name === "channel-unmuted").length, 1);
  rig.receive(0, 1, frame(A, B), 16_000);
  assert.deepEqual(rig.drops(), []);
});

test("BR-10 twenty moves in a second are borne, and each counts and shows", () => {
  const rig = new BridgeRig({ members: [access(10), access(10)] });

  for (let n = 0; n < 41; n++) rig.receive(0, n & 1, frame(B, A), 5000 + n);

  const [row] = only(rig).rows(0, 10, 6000).rows;
  assert.equal(row?.["moves"], 40);
  assert.equal(row?.["last-move-ms"], 960);
  assert.equal(counter(rig, BridgeCounter.Moved), 40);
  assert.deepEqual(
    rig.drops().filter((name) => name === "muted"),
    [],
  );
  assert.ok(
    rig.recorders[0]?.events.some(
      ({ name, a, c, d }) => name === "station-moved" && a === A && c === 0 && d === 1,
    ),
  );
});

test("BR-10 when the table is full, the port with most entries gives up its oldest, counted and told", () => {
  const rig = new BridgeRig({
    members: [access(10), access(10)],
    bridge: { tableSize: 16, probeLimit: 16 },
  });
  rig.receive(0, 1, frame(ALL, B), 1);
  for (let n = 0; n < 15; n++) rig.receive(0, 0, frame(ALL, A + 0x100 * n), 2 + n);

  for (let n = 0; n < 100; n++) rig.receive(0, 0, frame(ALL, C + 0x10000 * n), 100 + n);

  assert.equal(only(rig).locate(0, B, 10), 1, "the flood of port 0 took nothing from port 1");
  assert.equal(only(rig).summary().entries, 16);
  assert.equal(counter(rig, BridgeCounter.Evicted), 100);
  assert.ok(rig.recorders[0]?.events.some(({ name, b }) => name === "bridge-full" && b === 0));
});

// --- rows, doors, bad input ----------------------------------------------------------------------------------------------

test("OPS-2 rows tell every field of the bridge table, in slices", () => {
  const rig = learned({ members: [access(10), trunk(1, 20)] }, [
    [A, 0],
    [B, 1, [20]],
  ]);
  only(rig).addStatic(0, C, 10, -1, 2);

  const rows: Record<string, unknown>[] = [];
  for (let cursor = 0; cursor >= 0; ) {
    const slice = only(rig).rows(cursor, 1, 101);
    rows.push(...slice.rows);
    cursor = slice.next;
  }

  rows.sort((a, b) => Number(a["mac"]) - Number(b["mac"]));
  const { index, version, ...first } = rows[0] ?? {};
  assert.deepEqual(first, {
    core: 0,
    bridge: 0,
    mac: A,
    vlan: 10,
    channel: 0,
    "in-use": true,
    static: false,
    "age-ms": 100,
    moves: 0,
    "last-move-ms": -1,
  });
  assert.equal(typeof index, "number");
  assert.ok(Number(version) > 0);
  assert.equal(rows.length, 3);
  assert.equal(rows[2]?.["channel"], -1);
});

test("OPS-2 the ageing timer of each bridge shows when it is due", () => {
  const rig = new BridgeRig({ members: [access(10)] });

  assert.deepEqual(only(rig).timers(290_000), [
    { timer: "bridge-ageing", subject: "br0", "due-ms": 10_000, "period-ms": 300_000 },
  ]);
});

test("BR-10 clear takes what all filters match, on all cores, and says how many", () => {
  const members = [trunk(1, 10, 20), trunk(1, 10, 20)];
  const filled = (): BridgeRig => {
    const rig = new BridgeRig({ cores: 2, members });
    rig.receive(0, 0, frame(ALL, A, [10]), 1);
    rig.receive(0, 0, frame(ALL, A, [20]), 1);
    rig.receive(1, 1, frame(ALL, B, [10]), 1);
    rig.receive(1, 0, frame(ALL, C, [10]), 1);
    rig.settle(1);
    return rig;
  };
  const cases: [Parameters<Bridging["clear"]>[0], number, number][] = [
    [{}, 4, 0],
    [{ bridge: 0 }, 4, 0],
    [{ bridge: 1 }, 0, 4],
    [{ vlan: 10 }, 3, 1],
    [{ channel: 0 }, 3, 1],
    [{ vlan: 10, channel: 0 }, 2, 2],
    [{ mac: A }, 2, 2],
    [{ mac: A, vlan: 20 }, 1, 3],
    [{ mac: A, channel: 1 }, 0, 4],
  ];
  for (const [filter, count, left] of cases) {
    const rig = filled();
    assert.equal(only(rig).clear(filter, 5), count, JSON.stringify(filter));
    rig.settle(5);
    assert.equal(rig.bridges[0]?.summary().entries, left, JSON.stringify(filter));
    assert.deepEqual(rig.bridges[0]?.summary(), rig.bridges[1]?.summary());
    assert.deepEqual(rig.entries(0), rig.entries(1));
  }
});

test("BR-2 frames of every length and of random bytes are counted and never throw", () => {
  const rig = new BridgeRig({
    members: [access(10), trunk(1, 10, 20)],
    interfaces: [bridgeInterface(OWN, 10)],
    bridge: { moveLimit: 0 },
  });
  for (const whole of [
    frame(ALL, A, [10, 20]),
    frame(OWN, A),
    frame(BPDU, A),
    frame(BPDU + 2, A, [], "8809"),
  ]) {
    for (let length = 0; length <= whole.length; length += 2) {
      for (const channel of [0, 1, 2, 99, -1]) rig.receive(0, channel, whole.slice(0, length), 1);
    }
  }
  const bytes = fc.uint8Array({ maxLength: 80, size: "max" });
  fc.assert(
    fc.property(bytes, fc.integer({ min: -1, max: 3 }), fc.boolean(), (data, channel, tagged) => {
      if (tagged && data.length > 13) data.set([0x81, 0x00], 12);
      rig.receive(0, channel, Buffer.from(data).toString("hex"), 2);
    }),
    { numRuns: 3000 },
  );
  const drops = new Set(rig.drops());
  for (const reason of ["runt", "port-unattached", "source-group", "bpdu-no-stp"])
    assert.ok(drops.has(reason), reason);
});
