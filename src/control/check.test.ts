import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { check } from "./check.ts";
import { describeFault, type Fault } from "./errors.ts";
import { EVERYTHING, SMALL } from "./example.ts";
import type { Machine } from "./report.ts";
import { keysAt, parseConfiguration } from "./schema.ts";

const faultsOf = (text: string, machine: Machine | null = null): Fault[] =>
  check(text, { machine }).faults.filter(({ severity }) => severity === "fault");

/** Line, path and what is said, as one text. */
const brief = ({ line, path, found, expected, hint }: Fault): string =>
  `${line} ${path}: ${found} / ${expected} / ${hint}`;

test("OPS-1 every key of the specification is known to the schema", () => {
  const result = parseConfiguration(parse(EVERYTHING));

  assert.deepEqual(result.error?.issues ?? [], []);
});

test("OPS-1 values arrive in plain numbers", () => {
  const { data } = parseConfiguration(parse(EVERYTHING));

  assert.equal(data?.cores.tick, 1);
  assert.equal(data?.steering.rebalance.threshold, 0.2);
  assert.equal(data?.bridges["br0"]?.["ageing-time"], 300_000);
  assert.equal(data?.["global-cache"].size, 67_108_864);
  assert.deepEqual(
    data?.bridges["br0"]?.channels["LA/1"]?.["trunk-vlans"]?.slice(0, 3),
    [10, 20, 21],
  );
  assert.deepEqual(data?.routes[0]?.via, { ipv4: 0xc6336401 });
  assert.equal(data?.neighbours.static[0]?.mac, 0x020000000009);
});

test("OPS-1 the specification's example is refused only for what this version lacks", () => {
  const faults = faultsOf(EVERYTHING);

  assert.deepEqual(
    faults.map(({ path }) => path),
    ["ports.p1.driver"],
  );
  assert.ok(faults.every(({ hint }) => hint.includes("not in this version")));
});

test("OPS-1 what can be left undone without harm is a warning, not a fault", () => {
  const warnings = check(EVERYTHING).faults.filter(({ severity }) => severity === "warning");

  assert.deepEqual(
    warnings.map(({ path }) => path),
    ["ports.t0"],
  );
});

test("OPS-1 an empty file is refused, and a broken one says where the YAML breaks", () => {
  assert.equal(faultsOf("")[0]?.expected, "a configuration");
  const broken = faultsOf("cores: {count: 2\nports:\n  p0: [}\n");
  assert.ok(broken.length > 0);
  assert.ok(broken.every(({ line, expected }) => line >= 1 && expected === "YAML"));
  assert.equal(faultsOf("cores: {count: 2}\ncores: {count: 3}\n")[0]?.line, 2);
  assert.equal(faultsOf("- a\n- b\n")[0]?.expected, "a group of keys");
  assert.ok(faultsOf("a: &a [*a, *a]\nb: *a\n").length > 0);
});

/** A line put into SMALL (its first line is 1), and what must be said of it. */
const SAID: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
  [
    "a bare duration is refused with the unit to write",
    "cores: {tick: 5}",
    /^1 cores\.tick: 5 \/ a duration with a unit, 1ms to 100ms \/ .*write 5ms$/,
  ],
  ["a bare number of seconds names seconds", "neighbours: {arp: {timeout: 1200}}", /write 1200s$/],
  ["a duration out of range is refused", "cores: {tick: 200ms}", /1ms to 100ms/],
  [
    "an unknown key names the nearest known one",
    "cores:\n  cuont: 2",
    /^2 cores\.cuont: an unknown key \/ one of count, tick.*did you mean "count"\?$/,
  ],
  ["an unknown section names the nearest", "brigdes: {}", /did you mean "bridges"\?/],
  [
    "a word that is not one of the list names the nearest",
    "cores: {idle: slep}",
    /did you mean "sleep"\?/,
  ],
  ["a core count of 0 is refused", "cores: {count: 0}", /a number of cores, 1 to 64/],
  ["a core count of 65 is refused", "cores: {count: 65}", /a number of cores, 1 to 64/],
  ["a number in quotes is told so", 'cores: {count: "2"}', /write it without quotes/],
  [
    "buckets must be a power of two",
    "steering: {buckets: 100}",
    /a power of two, 2 to 128 \/ the nearest is 128/,
  ],
  ["buckets end at 128", "steering: {buckets: 256}", /a power of two, 2 to 128/],
  [
    "a key of 15 bytes is refused",
    `steering: {key: "${"ab".repeat(15)}"}`,
    /16 to 52 bytes in hex \/ these are 15/,
  ],
  ["a role's core must exist", "roles: {arp: 7}", /a core of this appliance, 0 to 1/],
  ["a rule needs a core or a role", "steering: {rules: [{vlan: 3}]}", /either core or role/],
  ["a rule matches something", "steering: {rules: [{core: 0}]}", /a field to match/],
  [
    "a rule's core must exist",
    "steering: {rules: [{vlan: 3, core: 9}]}",
    /a core of this appliance/,
  ],
  [
    "a rule with ports names a protocol",
    "steering: {rules: [{destination-port: 80, core: 0}]}",
    /protocol: tcp or udp beside a port/,
  ],
  [
    "a rule's port must exist",
    "steering: {rules: [{port: px, core: 0}]}",
    /a port \/ there is none/,
  ],
  ["least-load takes frames", "steering: {scheme: least-load, unit: 5ms}", /a number of frames/],
  [
    "time-slice takes a duration",
    "steering: {scheme: time-slice, unit: 3}",
    /a duration, such as 10ms/,
  ],
  ["a size needs a unit", "global-cache: {size: 64}", /write 64MiB/],
  [
    "an empty section is told what belongs there",
    "neighbours:",
    /^1 neighbours: nothing \/ a group of keys/,
  ],
];

for (const [what, text, expected] of SAID) {
  test(`OPS-1 ${what}`, () => {
    const faults = faultsOf(text);

    assert.equal(faults.length, 1, faults.map(brief).join("\n"));
    assert.match(brief(faults[0] as Fault), expected);
  });
}

/** Changes of SMALL, and the faults that must follow, all of them. */
const CHANGED: readonly (readonly [
  what: string,
  from: string,
  to: string,
  expected: readonly string[],
])[] = [
  [
    "an interface on a bridge that is not there",
    "bridge: br0",
    "bridge: br9",
    ["14 interfaces.vlan10.bridge"],
  ],
  [
    "an interface on a bridge and a channel",
    "bridge: br0,",
    "bridge: br0, channel: wan,",
    ["14 interfaces.vlan10"],
  ],
  ["an interface on neither", "bridge: br0, ", "", ["14 interfaces.vlan10"]],
  [
    "an interface VLAN that nobody carries",
    "br0, vlan: 10",
    "br0, vlan: 30",
    ["14 interfaces.vlan10.vlan"],
  ],
  [
    "a VLAN out of range",
    "access-vlan: 10",
    "access-vlan: 4095",
    ["11 bridges.br0.channels.p0.access-vlan"],
  ],
  ["a trunk out of range", '"10,20"', '"10,0"', ["12 bridges.br0.channels.p1.trunk-vlans"]],
  [
    "a table size that is no power of two",
    "table-size: 64",
    "table-size: 65",
    ["8 bridges.br0.table-size"],
  ],
  [
    "a bridge channel that is not there",
    "      p0:",
    "      px:",
    ["3 ports.p0 (warning)", "11 bridges.br0.channels.px"],
  ],
  [
    "one port on a bridge and under an interface",
    "channel: wan",
    "channel: p0",
    ["5 ports.wan (warning)", "15 interfaces.outside.channel"],
  ],
  [
    "the network's own address",
    "192.0.2.1/24",
    "192.0.2.0/24",
    ["14 interfaces.vlan10.addresses[0]"],
  ],
  [
    "the broadcast address",
    "192.0.2.1/24",
    "192.0.2.255/24",
    ["14 interfaces.vlan10.addresses[0]"],
  ],
  ["a loopback address", "192.0.2.1/24", "127.0.0.1/24", ["14 interfaces.vlan10.addresses[0]"]],
  ["an address twice", "192.0.2.1/24", "198.51.100.2/30", ["15 interfaces.outside.addresses[0]"]],
  [
    "a subnet behind two interfaces",
    "192.0.2.1/24",
    "198.51.100.1/30",
    ["15 interfaces.outside.addresses[0]", "16 routes[0].via"],
  ],
  [
    "a next hop that is not on a link",
    "via: 198.51.100.1",
    "via: 203.0.113.1",
    ["16 routes[0].via"],
  ],
  ["our own address as next hop", "via: 198.51.100.1", "via: 198.51.100.2", ["16 routes[0].via"]],
  ["a route with host bits", "0.0.0.0/0", "10.1.2.3/8", ["16 routes[0].to"]],
  ["a route without a next hop", ", via: 198.51.100.1", "", ["16 routes[0]"]],
  [
    "a blackhole with a next hop",
    "via: 198.51.100.1",
    "via: 198.51.100.1, kind: blackhole",
    ["16 routes[0].via"],
  ],
  [
    "keys of a trunk on an access channel",
    "access-vlan: 10",
    "native-vlan: 10",
    ["11 bridges.br0.channels.p0.native-vlan", "14 interfaces.vlan10.vlan?"],
  ],
];

for (const [what, from, to, expected] of CHANGED) {
  test(`OPS-1 check finds ${what}`, () => {
    assert.ok(SMALL.includes(from));
    const { faults } = check(SMALL.replace(from, to));

    const found = faults.map(
      ({ severity, line, path }) => `${line} ${path}${severity === "warning" ? " (warning)" : ""}`,
    );
    const wanted = expected.filter((place) => !place.endsWith("?"));
    assert.deepEqual(
      found.filter((place) => !expected.includes(`${place}?`)),
      wanted,
    );
  });
}

test("OPS-1 all faults are listed at once, and meaning is checked beside faulty values", () => {
  const text = SMALL.replace("count: 2", "count: 99")
    .replace("access-vlan: 10", "acces-vlan: 10")
    .replace("via: 198.51.100.1", "via: 203.0.113.1")
    .concat(
      "neighbours: {static: [{address: zz, mac: 1, interface: vlan10}, {address: 10.0.0.1, mac: 02-00-00-00-00-01, interface: vlan10}]}\n",
    );

  const places = faultsOf(text).map(({ line, path }) => `${line} ${path}`);

  assert.deepEqual(places, [
    "1 cores.count",
    "11 bridges.br0.channels.p0.acces-vlan",
    "16 routes[0].via",
    "17 neighbours.static[0].address",
    "17 neighbours.static[0].mac",
    "17 neighbours.static[1].address",
  ]);
});

const machine: Machine = {
  links: () =>
    new Map([
      ["lo", { addresses: ["127.0.0.1/8"] }],
      ["eth0", { addresses: ["192.0.2.1/24"] }],
      ["eth1", { addresses: [] }],
    ]),
};
const packet = (options: string): string =>
  `ports: {p0: {driver: packet, ${options}}}\nbridges: {br0: {stp: {protocol: off}, channels: {p0: {}}}}\n`;

test("OPS-1 an interface that the machine lacks is a fault, unless another machine is meant", () => {
  const text = packet("interface: eht1");

  assert.match(brief(faultsOf(text, machine)[0] as Fault), /did you mean "eth1"\?/);
  assert.deepEqual(faultsOf(text, null), []);
  assert.deepEqual(faultsOf(packet("interface: eth1"), machine), []);
});

test("OPS-1 a port on which the kernel answers too is refused with the reason, unless forced", () => {
  const [fault] = faultsOf(packet("interface: eth0"), machine);

  assert.match(fault?.hint ?? "", /ip address del 192\.0\.2\.1\/24 dev eth0, or write force: true/);
  assert.deepEqual(faultsOf(packet("interface: eth0, force: true"), machine), []);
});

test("OPS-1 two ports of one interface are refused", () => {
  const text =
    "ports: {a: {driver: packet, interface: eth1}, b: {driver: packet, interface: eth1}}\n";

  assert.match(brief(faultsOf(text)[0] as Fault), /ports\.b\.interface.*port a has it/);
});

test("a number of cores from outside replaces the file's, and its faults", () => {
  const text = `${SMALL}roles: {arp: 3}\n`;

  assert.equal(faultsOf(text).length, 1);
  const { configuration } = check(text, { cores: 4 });
  assert.equal(configuration?.cores.count, 4);
  assert.equal(configuration?.cores.tick, 1);
});

test("keysAt walks groups, named entries, lists and variants", () => {
  const data = parse(EVERYTHING) as unknown;

  assert.deepEqual(keysAt(["cores"], data), [
    "count",
    "tick",
    "idle",
    "priorities",
    "failure-timeout",
    "restart-delay",
    "max-restarts",
    "overload-threshold",
    "overload-time",
  ]);
  assert.ok(keysAt(["ports", "t0"], data).includes("interface"));
  assert.ok(!keysAt(["ports", "p3"], data).includes("interface"));
  assert.ok(keysAt(["routes", 0], data).includes("via"));
  assert.deepEqual(keysAt(["nowhere", "at", "all"], data), []);
});

test("every fault has a place in the file, whatever is changed in it, and check never throws", () => {
  const lines = EVERYTHING.split("\n").length;
  const scalars = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      -1,
      0,
      4095,
      1e9,
      "",
      "off",
      "1s",
      "br0",
      "::1",
      "10.0.0.0/8",
      [],
      {},
      [[]],
    ),
    fc.string({ maxLength: 12 }),
    fc.constant({ __proto__: null, constructor: 1 }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), scalars, fc.boolean()), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const data = parse(EVERYTHING) as unknown;
        for (const [choice, value, remove] of changes) {
          mutate(data, choice, structuredClone(value), remove); // Its own: a later change may go into it.
        }
        const text = stringify(data, { aliasDuplicateObjects: false });
        const { faults } = check(text);
        const last = text.split("\n").length;
        for (const fault of faults) {
          assert.ok(fault.line >= 1 && fault.line <= last, describeFault("x", fault));
          assert.ok(fault.expected !== "");
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(lines > 40);
});

/** Replaces or removes one value, or adds a key, at a place that `choice` picks. */
function mutate(data: unknown, choice: number, value: unknown, remove: boolean): void {
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== "object") return;
    const group = node as Record<string, unknown>;
    for (const key of Object.keys(group)) {
      places.push([group, key]);
      walk(group[key]);
    }
  };
  walk(data);
  const place = places[choice % Math.max(places.length, 1)];
  if (place === undefined) return;
  const [group, key] = place;
  if (remove && !Array.isArray(group)) delete group[key];
  else if (choice % 7 === 0 && !Array.isArray(group)) group[`${key}x`] = value;
  else group[key] = value;
}

test("text that is no configuration at all never throws", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (text) => {
      check(text);
    }),
    { numRuns: 500 },
  );
});

test("OPS-1 the shipped examples have no fault and no warning", () => {
  const folder = new URL("../../docs/examples/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));

  assert.ok(files.length >= 2);
  for (const file of files) {
    const { faults } = check(readFileSync(new URL(file, folder), "utf8"));
    assert.deepEqual(
      faults.map((fault) => describeFault(file, fault)),
      [],
    );
  }
});
