import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./check.ts";
import { compile } from "./compile.ts";
import { planOf } from "./fake-appliance.ts";
import { derivedMac } from "./machine.ts";

const text = (
  channels: string,
  bridge = "LA/1: {}, p3: {}",
  ports = 4,
): string => `cores: {count: 2}
ports:
${Array.from({ length: ports }, (_, n) => `  p${n}: {driver: memory, mac: "02:00:00:00:00:${(0x20 - n).toString(16)}"}`).join("\n")}
channels:
${channels}
bridges: {br0: {stp: {protocol: "off"}, channels: {${bridge}}}}
interfaces:
  v1: {bridge: br0, vlan: 1, addresses: [192.0.2.1/24]}
`;
const TWO = "  LA/1: {members: [p0, p1]}";

test("LAG-1 a channel has a number after the ports; its members have none of their own", () => {
  const { config } = planOf(text(TWO));
  assert.deepEqual(
    config.common.channels.map(({ name, ports, hash }) => [name, ports, hash]),
    [
      ["", [], undefined],
      ["", [], undefined],
      ["p2", [2], undefined],
      ["p3", [3], undefined],
      ["LA/1", [0, 1], "l3+l4"],
    ],
  );
  assert.deepEqual(
    config.bridging.bridges[0]?.channels.map(({ channel }) => channel),
    [4, 3],
  );
  assert.equal(
    config.common.interfaces[0]?.mac,
    0x02000000001d,
    "the lowest of all the bridge's ports",
  );
});

test("LAG-4 one system MAC, the lowest of all ports, kept over a reload that takes that port away", () => {
  const facts = {
    link: () => undefined,
    derivedMac: (d: string, p: string) => derivedMac(`${d} ${p}`),
  };
  const first = planOf(text(TWO)).config;
  assert.equal(first.lag?.channels[0]?.system, 0x02000000001d);
  const { configuration } = check(text(TWO, "LA/1: {}", 3));
  assert.ok(configuration !== undefined);
  const second = compile(configuration, facts, first).config;
  assert.equal(second.lag?.channels[0]?.system, 0x02000000001d);
  assert.equal(second.lag?.channels[0]?.channel, 4, "the channel keeps its number");
  assert.equal(second.common.channels[3]?.name, "");
});

test("LAG-5 what the file says of a channel reaches link aggregation", () => {
  const options =
    "{activity: passive, rate: fast, system-priority: 7, system-id: '02:00:00:00:00:99', fallback: static, mux: coupled}";
  const { config } = planOf(
    text(
      `  LA/7: {members: [p0, p1], hash: l2, min-links: 2, max-links: 3, up-delay: 2s, down-delay: 100ms, lacp: ${options}, member-options: {p1: {priority: 5}}}`,
      "LA/7: {}, p3: {}",
    ),
  );
  const [channel] = config.lag?.channels ?? [];
  const { members, ...rest } = channel ?? { members: [] };
  assert.deepEqual(rest, {
    channel: 4,
    mode: "lacp",
    minLinks: 2,
    maxLinks: 3,
    system: 0x020000000099,
    systemPriority: 7,
    key: 7,
    activity: "passive",
    rate: "fast",
    fallback: "static",
    mux: "coupled",
    upDelay: 2000,
    downDelay: 100,
  });
  assert.deepEqual(
    members.map(({ port, number, priority }) => [port, number, priority]),
    [
      [0, 1, 0x8000],
      [1, 2, 5],
    ],
  );
});

/** Channels, and what must be said of them. */
const FAULTS: readonly (readonly [string, string, string])[] = [
  ["  LA/1: {members: []}", "channels.LA/1.members", "1 to 16 ports"],
  [
    "  LA/1: {members: [p0, p1], min-links: 3}",
    "channels.LA/1.min-links",
    "at most the number of members, 2",
  ],
  ["  LA/1: {members: [p0, p9]}", "channels.LA/1.members[1]", "a port"],
  [
    "  LA/1: {members: [p0], lacp: {key: 3}}\n  LA/2: {members: [p1], lacp: {key: 3}}",
    "channels.LA/2",
    "a key of its own",
  ],
  ["  LA/1: {members: [p0, p3]}", "bridges.br0.channels.p3", "a port that nothing else uses"],
];
for (const [channels, path, expected] of FAULTS) {
  test(`OPS-1 refused: ${channels.trim().replaceAll("\n", ",")}`, () => {
    const { faults } = check(text(channels));
    const found = faults.find((fault) => fault.path === path);
    assert.equal(found?.expected, expected, JSON.stringify(faults));
  });
}

test("OPS-1 two channels without a word on keys have keys of their own", () => {
  const { config } = planOf(
    text("  LA/1: {members: [p0]}\n  LA/2: {members: [p1]}", "LA/1: {}, LA/2: {}"),
  );
  assert.deepEqual(
    config.lag?.channels.map(({ key }) => key),
    [1, 2],
  );
});
