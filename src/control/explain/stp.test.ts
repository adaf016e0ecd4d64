import assert from "node:assert/strict";
import { test } from "node:test";
import { explainStp, type StpEvidence } from "./stp.ts";

const OWN = "32768.02:aa:00:00:00:01";
const ROOT = "4096.02:cc:00:00:00:01";
const OTHER = "32768.02:99:00:00:00:01";

const bridge = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  core: 0,
  bridge: "br0",
  channel: null,
  role: "designated",
  cost: 4000,
  "designated-bridge": OWN,
  root: ROOT,
  protocol: "rstp",
  "root-channel": "p0",
  "forward-delay-ms": 15_000,
  "topology-changes": 0,
  "topology-change-ms": null,
  ...more,
});

const port = (channel: string, more: Record<string, unknown>): Record<string, unknown> => ({
  core: 0,
  bridge: "br0",
  channel,
  role: "designated",
  state: "forwarding",
  cost: 2000,
  "designated-bridge": OWN,
  "designated-port": "128.1",
  root: ROOT,
  edge: false,
  "point-to-point": true,
  protocol: "rstp",
  transitions: 2,
  reason: "agreed",
  "designated-cost": 4000,
  priority: 128,
  number: 2,
  "since-ms": 12_345,
  "bpdus-sent": 10,
  "bpdus-received": 20,
  ...more,
});

const ROOT_PORT = port("p0", {
  role: "root",
  reason: "root-port",
  "designated-bridge": OTHER,
  "designated-cost": 2000,
  number: 1,
});

const about = (row: Record<string, unknown>, more: Partial<StpEvidence> = {}): string =>
  explainStp({ rows: [bridge(), ROOT_PORT, row], channel: text(row), events: [], ...more }).join(
    "\n",
  );
const text = (row: Record<string, unknown>): string => String(row["channel"]);

test("BR-7 an alternate channel is told by the step at which the other vector won", () => {
  const alternate = (more: Record<string, unknown>): string =>
    about(port("p1", { role: "alternate", state: "discarding", reason: "better-bridge", ...more }));
  assert.match(
    alternate({ "designated-bridge": "32768.02:bb:00:00:00:01", "designated-cost": 2000 }),
    /p1 is alternate and discarding since 12\.3 s: 32768\.02:bb\S+ serves this segment, not we, because there its root path cost is 2000, against 4000/,
  );
  assert.match(
    alternate({ "designated-bridge": OTHER, "designated-cost": 4000 }),
    /at equal cost \(4000\) its bridge 32768\.02:99\S+ has a lower identifier than 32768\.02:aa/,
  );
});

test("BR-7 the root port is told with its sum, and why the next best lost", () => {
  const spare = port("p1", {
    role: "alternate",
    "designated-bridge": OTHER,
    "designated-cost": 2000,
    "designated-port": "128.2",
  });
  const lines = explainStp({ rows: [bridge(), ROOT_PORT, spare], channel: "p0", events: [] });
  assert.match(lines[0] ?? "", /takes 4096\S+ for the root, at cost 4000 through p0/);
  assert.match(
    lines[1] ?? "",
    /cost 4000 \(2000 that 32768\.02:99\S+ tells, and its own 2000\)\. The next best is p1, and p0 wins because at equal cost and bridge its port 128\.1 has a lower/,
  );
});

const REASONS: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ["bpdu-guard", {}, /BPDU guard shut it: .*linkloom clear stp p1.*guard-recovery/],
  ["root-guard", {}, /claims a better root, 4096\..*opens by itself/],
  ["loop-guard", {}, /fell silent.*next BPDU/],
  ["own-bpdu", {}, /looped/],
  ["link-down", { role: "disabled" }, /it has no link\.\nLook at the cable/],
  ["edge", { edge: true }, /nobody sends BPDUs there, so it is an edge/],
  ["disputed", {}, /one direction alone/],
  ["waits-for-cores", {}, /show cores/],
  ["waits-for-agreement", {}, /opens after twice 15 s.*edge: on/],
  ["waits-for-timer", {}, /once to learn and once to forward/],
  ["waits-for-old-root", {}, /was the way to the root/],
  ["own-segment", { role: "backup" }, /our own port 128\.1 serves this segment already/],
  ["agreed", { protocol: "stp" }, /old STP.*15 s/],
  ["agreed", { "point-to-point": false }, /shared segment/],
  ["agreed", { "pvst-received": 3 }, /3 BPDUs of PVST\+/],
  ["agreed", { "bad-received": 2 }, /2 BPDUs were not valid/],
];

for (const [reason, more, expected] of REASONS) {
  test(`BR-7 ${reason} is told in plain words, with what to do (${Object.keys(more)})`, () => {
    assert.match(about(port("p1", { reason, ...more })), expected);
  });
}

test("BR-7 the root, a bridge without a tree, cores that differ, events and an absent master have sentences", () => {
  const root = explainStp({
    rows: [bridge({ role: "root", cost: 0, "topology-changes": 2, "topology-change-ms": 4200 })],
    events: [],
  });
  assert.match(root.join("\n"), /is the root.*none has a lower.*\n.*changed 2 times.*4\.2 s ago/);
  assert.match(
    explainStp({ rows: [bridge({ protocol: "off" })], events: [] }).join(" "),
    /runs no spanning tree.*protocol: rstp/,
  );
  const row = port("p1", { state: "discarding" });
  const copy = { ...port("p1", {}), core: 1, number: null };
  const events = [
    { time: "T", cause: "stp-state", from: "forwarding", to: "discarding", evidence: "alternate" },
  ];
  const lines = explainStp({ rows: [bridge(), row, copy], channel: "p1", events }).join("\n");
  assert.match(lines, /under way to one state: core 0 discarding, core 1 forwarding/);
  assert.match(lines, /T: stp-state, forwarding to discarding alternate/);
  assert.match(explainStp({ rows: [], events: [] })[0] ?? "", /try again/);
});
