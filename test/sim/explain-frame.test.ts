// `explain frame` against what happens: the prediction of copies of the cores, then the very frame on the appliance
// itself (OPS-4).

import assert from "node:assert/strict";
import { test } from "node:test";
import { applianceOf } from "../../src/cli/replay-appliance.ts";
import type { Appliance } from "../../src/control/appliance-port.ts";
import { askedOf } from "../../src/control/explain/explain.ts";
import { explainFrame, type FrameAnswer } from "../../src/control/explain/frame.ts";
import { planOf } from "../../src/control/fake-appliance.ts";
import { DROP_NAMES } from "../../src/engine/drop.ts";
import { Prng } from "../../src/lib/prng.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { arpReply, arpRequest, bytes, plain, udp } from "./frames.ts";

const SIZES = [1, 2, 4];

const configOf = (cores: number): string => `
cores: {count: ${cores}}
ports:
${[0, 1, 2, 3, 4, 5].map((n) => `  p${n}: {driver: memory}`).join("\n")}
channels:
  LA/1: {members: [p4, p5], mode: static}
bridges:
  br0:
    stp: {protocol: off}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: trunk, native-vlan: 1, trunk-vlans: "10,20"}
      p2: {mode: access, access-vlan: 20}
      LA/1: {mode: trunk, native-vlan: 1, trunk-vlans: "10,20"}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24, "2001:db8:10::1/64"]}
  vlan20: {bridge: br0, vlan: 20, addresses: [198.51.100.1/24, "2001:db8:20::1/64"]}
  wan: {channel: p3, addresses: [203.0.113.1/30]}
routes: [{to: 0.0.0.0/0, via: 203.0.113.2}]
`;

interface Left {
  readonly port: number;
  readonly hex: string;
}

interface Rig {
  readonly cluster: Cluster;
  readonly appliance: Appliance;
  readonly left: Left[];
}

function rig(cores: number, text: string = configOf(cores)): Rig {
  const left: Left[] = [];
  const { config } = planOf(text);
  const cluster = new Cluster(config, {
    onFrame: (port, _core, view, start, end) => {
      const frame = new Uint8Array(view.buffer.slice(start, end) as ArrayBuffer);
      left.push({ port, hex: Buffer.from(frame).toString("hex") });
    },
  });
  cluster.run(3000);
  cluster.settle();
  const origin = { seconds: 0, nanos: 0 };
  const over = { sent: [], events: [], origin, played: 0, skipped: {}, fault: undefined };
  return { cluster, left, appliance: applianceOf({ cluster, ...over }) };
}

function ask({ appliance }: Rig, port: number, frame: string, core?: number): Promise<FrameAnswer> {
  const asked = askedOf({ appliance });
  const name = appliance.config.common.ports[port]?.name;
  return explainFrame(appliance, asked, { frame, port: name, core });
}

interface Became {
  readonly sent: readonly string[];
  readonly drops: readonly string[];
}

/** Sends the frame on the appliance itself. */
function happen({ cluster, left }: Rig, port: number, frame: string, core: number): Became {
  left.length = 0;
  const before = cluster.drops();
  cluster.inject(port, bytes(frame), core);
  cluster.settle();
  const after = cluster.drops();
  const drops = DROP_NAMES.filter((name) => (after[name] ?? 0) > (before[name] ?? 0));
  return { sent: left.map((one) => `${one.port} ${one.hex}`).sort(), drops };
}

function predicted({ appliance }: Rig, answer: FrameAnswer): Became {
  const index = (name: string): number =>
    appliance.config.common.ports.findIndex((port) => port.name === name);
  const names = new Set(answer.cores.flatMap(({ drops }) => drops));
  return {
    sent: answer.sent.map(({ port, hex }) => `${index(port)} ${hex}`).sort(),
    drops: DROP_NAMES.filter((name) => names.has(name)),
  };
}

const A = "02:00:00:00:00:0a";
const B = "02:00:00:00:00:0b";
const OURS = "06:00:00:00:00:01";
const hexOf = (frame: Uint8Array): string => Buffer.from(frame).toString("hex");

for (const cores of SIZES) {
  test(`OPS-4 the prediction is what happens, frame after frame, on ${cores} cores`, async () => {
    const one = rig(cores);
    const { appliance } = one;
    const ours = appliance.config.common.interfaces.map(({ mac }) =>
      mac
        .toString(16)
        .padStart(12, "0")
        .replaceAll(/(..)(?!$)/g, "$1:"),
    );
    const random = new Prng(7 + cores);
    const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
    const stations = Array.from({ length: 6 }, (_, n) => `02:00:00:00:00:0${n + 1}`);
    for (let n = 0; n < 40; n++) {
      const port = random.below(6);
      const from = pick(stations);
      const address = `192.0.2.${10 + stations.indexOf(from)}`;
      const to = pick([...stations, ...ours, "ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03"]);
      const target = pick(["192.0.2.1", "192.0.2.11", "198.51.100.9", "203.0.113.2", "9.9.9.9"]);
      const vlan = pick([-1, -1, 1, 10, 20, 30]);
      const made = pick([
        () => plain(to, from),
        () => udp(to, from, address, target, 5000, 7),
        () => arpRequest(from, address, target),
        () => arpReply(ours[0] as string, "192.0.2.1", from, address),
        () => bytes("0180c2000000020000000001002642420300000000000000"),
        () => bytes(`0180c200000202000000000188090101${"00".repeat(108)}`),
        () => bytes(`0180c20000030200000000018888${"00".repeat(46)}`),
      ])();
      const text = Buffer.from(made).toString("hex");
      const tag = vlan < 0 ? "" : `8100${vlan.toString(16).padStart(4, "0")}`;
      const frame = `${text.slice(0, 24)}${tag}${text.slice(24)}`;
      const core = random.below(cores);
      const told = await ask(one, port, frame, core);
      const hoped = predicted(one, told);
      const came = happen(one, port, frame, core);
      assert.deepEqual(hoped, came, `${n}: ${told.lines.join("\n")}`);
      one.cluster.run(pick([1, 20, 1500]));
    }
  });
}

/** One kind of outcome: what came before, the frame, and what must be told. */
interface Outcome {
  readonly says: string;
  readonly port: number;
  readonly frame: Uint8Array;
  readonly before?: (one: Rig) => void;
  readonly told: readonly RegExp[];
}

const REPLY = arpReply(OURS, "198.51.100.1", B, "198.51.100.9");

const OUTCOMES: readonly Outcome[] = [
  {
    says: "a frame to a station that nobody knows floods, tagged as each channel wants it",
    port: 0,
    frame: plain(B, A),
    told: [
      /p0 is an access channel of br0; the frame is in VLAN 10, because it has no tag/,
      /02:00:00:00:00:0a is not known in VLAN 10/,
      /floods it: nobody knows its destination/,
      /It leaves by p1 tagged 10, p[45] tagged 10\./,
      /Event: station-learned/,
    ],
  },
  {
    says: "a frame to a known station goes there alone",
    port: 0,
    frame: plain(B, A),
    before: ({ cluster }) => void cluster.inject(1, plain(A, B, 10), 0),
    told: [/02:00:00:00:00:0b is on p1 in VLAN 10/, /It leaves by p1 tagged 10\./],
  },
  {
    says: "a station that moves is told so",
    port: 0,
    frame: plain(B, A),
    before: ({ cluster }) => void cluster.inject(1, plain(B, A, 10), 0),
    told: [/02:00:00:00:00:0a was on p1: it moves/, /Event: station-moved/],
  },
  {
    says: "a VLAN that the channel does not carry is given up by its counted name",
    port: 1,
    frame: plain(B, A, 30),
    told: [/gives it up, counted as vlan-filtered \(the channel is no member/, /Nothing leaves/],
  },
  {
    says: "a tag on an access channel is given up",
    port: 0,
    frame: plain(B, A, 20),
    told: [/counted as vlan-tagged-on-access/],
  },
  {
    says: "a packet is routed to a neighbour that is known",
    port: 0,
    frame: udp(OURS, A, "192.0.2.10", "198.51.100.9", 5000, 7),
    before: ({ cluster }) => void cluster.inject(2, REPLY, 0),
    told: [
      /06:00:00:00:00:01 is our own vlan10/,
      /The route 198\.51\.100\.0\/24 leads to 198\.51\.100\.9 on the link of vlan20/,
      /It is routed, and leaves by p[0-9]: .* ttl 63 /,
    ],
  },
  {
    says: "a packet to a neighbour that is not known waits while it is asked for",
    port: 0,
    frame: udp(OURS, A, "192.0.2.10", "9.9.9.9", 5000, 7),
    told: [
      /The route 0\.0\.0\.0\/0 leads to 9\.9\.9\.9 by 203\.0\.113\.2 on wan/,
      /203\.0\.113\.2 is no known neighbour: it is asked for, and the packet waits/,
      /The appliance sends on p3: .* ARP request who has 203\.0\.113\.2/,
    ],
  },
  {
    says: "an ICMP error that it causes is told",
    port: 3,
    frame: udp(OURS, A, "203.0.113.2", "203.0.113.1", 5000, 7),
    before: ({ cluster }) =>
      void cluster.inject(3, arpReply(OURS, "203.0.113.1", A, "203.0.113.2"), 0),
    told: [
      /p3 is routed: wan takes untagged frames there/,
      /203\.0\.113\.1 is our own address on wan/,
      /ip-protocol|The appliance sends on p3: .*ICMP.*unreachable/,
    ],
  },
  {
    says: "a question for our address is answered",
    port: 0,
    frame: arpRequest(A, "192.0.2.10", "192.0.2.1"),
    told: [/The appliance sends on p0: .* ARP reply 192\.0\.2\.1 is at/],
  },
  {
    says: "a BPDU where no spanning tree runs is given up",
    port: 0,
    frame: bytes("0180c2000000020000000001002642420300000000000000"),
    told: [/such an address ends at every bridge/, /counted as bpdu-no-stp/],
  },
];

/** With known MACs of our own, so that frames can be written down. */
const fixed = (cores: number): string =>
  configOf(cores).replaceAll(/(vlan10|vlan20|wan): \{/g, `$1: {mac: "${OURS}", `);

for (const { says, port, frame, before, told } of OUTCOMES) {
  test(`OPS-4 explain frame: ${says}`, async () => {
    for (const cores of [1, 3]) {
      const one = rig(cores, fixed(cores));
      before?.(one);
      one.cluster.settle();
      const answer = await ask(one, port, hexOf(frame));
      for (const expected of told) assert.match(answer.lines.join("\n"), expected);
    }
  });
}

test("OPS-4 explain frame changes nothing: tables, counters and messages are as before", async () => {
  const one = rig(2, fixed(2));
  one.cluster.inject(1, plain(B, A, 10), 0);
  one.cluster.settle();
  one.left.length = 0;
  const look = (): unknown => [
    one.cluster.messages(),
    one.cluster.drops(),
    one.cluster.cores.map(({ dispatch }) =>
      [0, 1, 2, 3, 4, 5, 6].map((table) => dispatch.replicated(table)?.rows(0, 100, 0)),
    ),
  ];
  const before = look();
  for (const { port, frame } of OUTCOMES) await ask(one, port, hexOf(frame));
  one.cluster.settle();
  assert.deepEqual(look(), before);
  assert.deepEqual(one.left, []);
});

test("OPS-4 explain frame refuses what is no frame, port or core, and says why", async () => {
  const one = rig(1);
  const asked = askedOf({ appliance: one.appliance });
  const good = hexOf(plain(B, A));
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ port: "p0" }, /There is no frame/],
    [{ frame: "", port: "p0" }, /There is no frame/],
    [{ frame: 7, port: "p0" }, /There is no frame/],
    [{ frame: `${good}0`, port: "p0" }, /half a byte: 121 hex digits/],
    [{ frame: `${good}0x`, port: "p0" }, /"x" is no hex digit/],
    [{ frame: "0011", port: "p0" }, /2 bytes are no frame: a header has 14/],
    [{ frame: "00".repeat(10_240), port: "p0" }, /10240 bytes are more than a frame may have/],
    [{ frame: good }, /The port is missing/],
    [{ frame: good, port: "p77" }, /There is no port "p77"/],
    [{ frame: good, port: "p0", core: 1 }, /"1" is no core/],
    [{ frame: good, port: "p0", core: "x" }, /"x" is no core/],
  ];
  for (const [question, expected] of refused) {
    await assert.rejects(explainFrame(one.appliance, asked, question), expected);
  }
});

test("OPS-4 frames of every length and of random bytes are explained, never refused for their bytes", async () => {
  const one = rig(2);
  const random = new Prng(3);
  const asked = askedOf({ appliance: one.appliance });
  for (let length = 14; length < 2000; length += 83) {
    const frame = Uint8Array.from({ length }, () => random.below(256));
    if (length % 2 === 0) frame[0] = 0;
    const answer = await explainFrame(one.appliance, asked, { frame: hexOf(frame), port: "p1" });
    assert.ok(answer.lines.length > 3);
  }
});
