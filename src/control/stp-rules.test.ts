import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf } from "../stp/config.ts";
import { check } from "./check.ts";
import { planOf } from "./fake-appliance.ts";

const file = (stp: string, channel = ""): string => `ports:
  p0: {driver: memory, mac: "02:00:00:00:00:10"}
  p1: {driver: memory, mac: "02:00:00:00:00:11"}
  p2: {driver: memory, mac: "02:00:00:00:00:05"}
channels: {LA/1: {members: [p1, p2]}}
bridges:
  br0:
${stp === "" ? "" : `    stp: {${stp}}\n`}    channels:
      p0: {${channel}}
      LA/1: {}
`;

const faults = (stp: string, channel = ""): string[] =>
  check(file(stp, channel)).faults.map(
    ({ severity, path, expected, hint }) => `${severity} ${path}: ${expected}; ${hint}`,
  );

test("BR-7 a bridge that says nothing runs RSTP with the standard's defaults, as the specification's first word says", () => {
  const { stp } = planOf(file("")).config;
  assert.deepEqual(faults(""), []);
  const [bridge] = stp?.bridges ?? [];
  assert.deepEqual(
    { ...bridge, channels: bridge?.channels.map(({ channel, number }) => [channel, number]) },
    {
      bridge: 0,
      protocol: "rstp",
      address: 0x0200_0000_0005,
      priority: 32_768,
      helloTime: 2000,
      forwardDelay: 15_000,
      maxAge: 20_000,
      txHoldCount: 6,
      channels: [
        [0, 1],
        [3, 4],
      ],
    },
  );
});

test("BR-7 what the file says of a channel arrives at its port of the spanning tree", () => {
  const { stp } = planOf(
    file(
      "protocol: stp, priority: 4096, hello-time: 3s, tx-hold-count: 3",
      `stp: {edge: on, point-to-point: "off", bpdu-guard: true, tcn-guard: true, cost: 7, priority: 16, guard-recovery: 5m}`,
    ),
  ).config;
  const [bridge] = stp?.bridges ?? [];
  assert.deepEqual(
    [bridge?.protocol, bridge?.priority, bridge?.helloTime, bridge?.txHoldCount],
    ["stp", 4096, 3000, 3],
  );
  assert.deepEqual(bridge?.channels[0], {
    channel: 0,
    number: 1,
    priority: 16,
    cost: 7,
    edge: "on",
    pointToPoint: "off",
    bpduGuard: true,
    bpduFilter: false,
    rootGuard: false,
    loopGuard: false,
    tcnGuard: true,
    guardRecovery: 300_000,
  });
});

test("OPS-1 BR-7 priorities off their steps, times that do not go together and guards that contradict are told with a remedy", () => {
  assert.deepEqual(faults("priority: 5000"), [
    "fault bridges.br0.stp.priority: a multiple of 4096, 0 to 61440; the nearest is 4096",
  ]);
  assert.deepEqual(faults("", "stp: {priority: 250}").length, 1);
  assert.deepEqual(faults("", "stp: {priority: 100}"), [
    "fault bridges.br0.channels.p0.stp.priority: a multiple of 16, 0 to 240; the nearest is 96",
  ]);
  assert.match(faults("hello-time: 4s")[0] ?? "", /hello-time: 1s to 2s; .*protocol: stp/);
  assert.deepEqual(faults("protocol: stp, hello-time: 4s"), []);
  assert.match(faults("max-age: 40s")[0] ?? "", /max-age: 6s to 28s beside/);
  assert.match(faults("forward-delay: 4s")[0] ?? "", /max-age: 6s to 6s beside/);
  assert.deepEqual(faults("forward-delay: 4s, max-age: 6s"), []);
  const slow = faults("protocol: stp, forward-delay: 4s, hello-time: 5s");
  assert.match(slow[0] ?? "", /forward-delay: times that go together; .*raise forward-delay/);
  assert.deepEqual(faults("protocol: off, forward-delay: 4s"), [], "nobody uses them");
  assert.match(
    faults("", "stp: {root-guard: true, loop-guard: true}")[0] ?? "",
    /^fault .*loop-guard: either/,
  );
  assert.match(
    faults("", "stp: {bpdu-filter: true, bpdu-guard: true}")[0] ?? "",
    /^warning .*bpdu-guard: either/,
  );
  assert.match(faults("", "stp: {edge: on, loop-guard: true}")[0] ?? "", /^warning .*loop-guard/);
  assert.match(faults("protocol: off", "stp: {edge: on}")[0] ?? "", /^warning .*channels.p0.stp/);
  assert.match(faults("", "stp: {edge: maybe}")[0] ?? "", /auto, on or off/);
});

test("BR-7 the cost of a channel is that of IEEE 802.1D-2004 table 17-3", () => {
  const speeds = [10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 30_000, 0];
  assert.deepEqual(speeds.map(costOf), [2_000_000, 200_000, 20_000, 2000, 200, 20, 2, 667, 20_000]);
});
