// Snooping beside real kernels (BR-8): hosts that join and leave by IGMPv1 to 3 and MLDv1 and 2, a kernel bridge as the
// querier, and our own. What reaches whom is counted on the wire of each host.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Appliance, type Rig, type Seen, type Started, until, withRig } from "./rig.ts";

const MEMBERS = fileURLToPath(new URL("members.py", import.meta.url));
const PYTHON = "/usr/bin/python3";
/** Long: the machine may be busy with other suites. */
const PATIENCE = 60_000;

const OWN =
  "snooping: {querier: true, querier-address: 10.0.0.200, query-interval: 4s, query-response-interval: 1s, last-member-interval: 500ms}";
const OTHER =
  "snooping: {query-interval: 4s, query-response-interval: 1s, last-member-interval: 500ms}";

const config = (ports: number, snooping: string): string => `cores: {count: 2}
ports:
${Array.from({ length: ports }, (_, n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: "off"}
    ${snooping}
    channels:
${Array.from({ length: ports }, (_, n) => `      p${n}: {}`).join("\n")}
`;

/** Hosts with both families and one cable each; IPv6 comes up with the cable. */
async function hosts(rig: Rig, ...names: string[]): Promise<void> {
  await rig.mute("sw");
  for (const [n, name] of names.entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await rig.sysctl(name, { "net.ipv6.conf.eth0.disable_ipv6": 0 });
    await rig.address(name, "eth0", `10.0.0.${n + 1}/24`);
  }
}

/** A link-local address that may be used: duplicate detection is over. */
async function ipv6Ready(rig: Rig, ...names: string[]): Promise<void> {
  for (const name of names) {
    await until(
      `IPv6 on ${name}`,
      async () => {
        const text = await rig.in(name, "ip", "-6", "addr", "show", "dev", "eth0");
        return text.includes("fe80") && !text.includes("tentative");
      },
      PATIENCE,
    );
  }
}

class Member {
  readonly #started: Started;

  private constructor(started: Started) {
    this.#started = started;
  }

  static async start(rig: Rig, host: string): Promise<Member> {
    const started = rig.startWith(host, PYTHON, MEMBERS, "listen", "eth0");
    await until("the listener", () => started.output().includes("ready"), PATIENCE);
    return new Member(started);
  }

  async say(word: "join" | "leave", group: string): Promise<void> {
    const before = this.#started.output().length;
    this.#started.child.stdin?.write(`${word} ${group}\n`);
    await until(
      `${word} ${group}`,
      () => this.#started.output().slice(before).includes(`${word} ${group} done`),
      PATIENCE,
    );
  }
}

/** The hex of a group as it stands in the destination of a frame's IP header. */
function isTo(group: string): (frame: Seen) => boolean {
  if (!group.includes(":")) {
    const hex = group
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("");
    return (frame) =>
      frame.hex.slice(24, 28) === "0800" &&
      frame.hex.slice(46, 48) === "11" &&
      frame.hex.slice(60, 68) === hex;
  }
  const [, low = ""] = group.split("::");
  const last = low
    .split(":")
    .map((part) => part.padStart(4, "0"))
    .join("");
  return (frame) =>
    frame.hex.slice(24, 28) === "86dd" &&
    frame.hex.slice(40, 42) === "11" &&
    frame.hex.slice(76, 80) === group.slice(0, 4) &&
    frame.hex.slice(76, 108).endsWith(last);
}

/** Rows of a group, one of each core; `wanted` says which channels all must have. */
async function joined(
  appliance: Appliance,
  group: string,
  wanted: readonly string[],
): Promise<void> {
  await until(
    `${group} on ${wanted.join(",") || "nobody"}`,
    async () => {
      const rows = (await appliance.show("groups", group)).filter((row) => row["group"] === group);
      if (wanted.length === 0) return rows.length === 0;
      return (
        rows.length === 2 &&
        rows.every((row) => (row["channels"] as string[]).join() === wanted.join())
      );
    },
    PATIENCE,
  );
}

async function limited(appliance: Appliance, family: string): Promise<void> {
  await until(
    `multicast of ${family} to be limited`,
    async () => {
      const rows = await appliance.show("groups");
      const own = rows.filter((row) => row["family"] === family && row["group"] === null);
      return own.length === 2 && own.every((row) => row["limited"] === true);
    },
    PATIENCE,
  );
}

let markers = 0;

/**
 * Sends `count` datagrams to a group, then one to a link-local group that everybody gets, and waits for that
 * everywhere: so that what has not arrived by then does not come. How many of the group each host saw.
 */
async function sendAndCount(
  rig: Rig,
  from: string,
  group: string,
  count: number,
  heard: Readonly<Record<string, () => Seen[]>>,
): Promise<Record<string, number>> {
  const isGroup = isTo(group);
  const seen = (name: string): number => heard[name]?.().filter(isGroup).length ?? 0;
  const before = Object.fromEntries(Object.keys(heard).map((name) => [name, seen(name)]));
  await rig.in(from, PYTHON, MEMBERS, "send", "eth0", group, String(count));
  const marker = `224.0.0.${100 + (markers++ % 100)}`;
  const isMarker = isTo(marker);
  await until(
    "the marker everywhere",
    async () => {
      await rig.in(from, PYTHON, MEMBERS, "send", "eth0", marker, "1");
      return Object.values(heard).every((look) => look().some(isMarker));
    },
    PATIENCE,
  );
  return Object.fromEntries(
    Object.keys(heard).map((name) => [name, seen(name) - (before[name] ?? 0)]),
  );
}

test("BR-8 hosts of IGMPv1, 2 and 3 join and leave; data reaches members alone, counted on the wire", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c", "d");
    for (const [name, version] of [
      ["b", 1],
      ["c", 2],
      ["d", 3],
    ] as const) {
      await rig.sysctl(name, { "net.ipv4.conf.eth0.force_igmp_version": version });
    }
    const group = "239.1.2.3";
    const appliance = await rig.linkloom("sw", config(4, OWN));
    const heard = {
      b: await rig.sniff("b", "eth0"),
      c: await rig.sniff("c", "eth0"),
      d: await rig.sniff("d", "eth0"),
    };
    const old = await Member.start(rig, "b");
    const plain = await Member.start(rig, "c");
    const young = await Member.start(rig, "d");
    await limited(appliance, "ipv4");
    assert.deepEqual(await sendAndCount(rig, "a", group, 50, heard), { b: 0, c: 0, d: 0 });
    await young.say("join", group);
    await joined(appliance, group, ["p3"]);
    assert.deepEqual(await sendAndCount(rig, "a", group, 200, heard), { b: 0, c: 0, d: 200 });
    await young.say("leave", group);
    await joined(appliance, group, []);
    await plain.say("join", group);
    await joined(appliance, group, ["p2"]);
    assert.deepEqual(await sendAndCount(rig, "a", group, 50, heard), { b: 0, c: 50, d: 0 });
    await plain.say("leave", group);
    await joined(appliance, group, []);
    await old.say("join", group);
    await joined(appliance, group, ["p1"]);
    assert.deepEqual(await sendAndCount(rig, "a", group, 50, heard), { b: 50, c: 0, d: 0 });
    await old.say("leave", group);
    await joined(appliance, group, []);
    assert.deepEqual(await sendAndCount(rig, "a", group, 50, heard), { b: 0, c: 0, d: 0 });
    assert.equal(await appliance.stop(), 0);
  });
});

test("BR-8 hosts of MLDv1 and 2 join and leave; data reaches members alone, counted on the wire", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c");
    await rig.sysctl("b", { "net.ipv6.conf.eth0.force_mld_version": 1 });
    await rig.sysctl("c", { "net.ipv6.conf.eth0.force_mld_version": 2 });
    const group = "ff15::1:2";
    const appliance = await rig.linkloom("sw", config(3, OWN));
    await ipv6Ready(rig, "a", "b", "c");
    const heard = { b: await rig.sniff("b", "eth0"), c: await rig.sniff("c", "eth0") };
    const old = await Member.start(rig, "b");
    const young = await Member.start(rig, "c");
    await limited(appliance, "ipv6");
    await young.say("join", group);
    await joined(appliance, group, ["p2"]);
    assert.deepEqual(await sendAndCount(rig, "a", group, 200, heard), { b: 0, c: 200 });
    await old.say("join", group);
    await joined(appliance, group, ["p1", "p2"]);
    assert.deepEqual(await sendAndCount(rig, "a", group, 50, heard), { b: 50, c: 50 });
    await old.say("leave", group);
    await joined(appliance, group, ["p2"]);
    await young.say("leave", group);
    await joined(appliance, group, []);
    assert.deepEqual(await sendAndCount(rig, "a", group, 50, heard), { b: 0, c: 0 });
    assert.equal(await appliance.stop(), 0);
  });
});

test("BR-8 a kernel bridge is the querier: members and the querier get data; without it, everybody does", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c", "q");
    const bridge = ["mcast_snooping", "1", "mcast_querier", "1", "mcast_query_use_ifaddr", "1"];
    const times = ["mcast_query_interval", "200", "mcast_query_response_interval", "100"];
    const start = ["mcast_startup_query_interval", "100", "mcast_startup_query_count", "20"];
    await rig.in("q", "ip", "link", "add", "br0", "type", "bridge", ...bridge, ...times, ...start);
    await rig.in("q", "ip", "addr", "flush", "dev", "eth0");
    await rig.in("q", "ip", "link", "set", "eth0", "master", "br0");
    await rig.address("q", "br0", "10.0.0.4/24");
    await rig.in("q", "ip", "link", "set", "br0", "up");
    const appliance = await rig.linkloom("sw", config(4, OTHER));
    const heard = {
      b: await rig.sniff("b", "eth0"),
      c: await rig.sniff("c", "eth0"),
      q: await rig.sniff("q", "eth0"),
    };
    const member = await Member.start(rig, "b");
    await member.say("join", "239.7.7.7");
    await limited(appliance, "ipv4");
    await joined(appliance, "239.7.7.7", ["p1"]);
    const [row] = await appliance.show("groups", "239.7.7.7");
    assert.deepEqual(
      [row?.["querier"], row?.["querier-state"], row?.["routers"]],
      ["10.0.0.4", "other", ["p3"]],
    );
    assert.deepEqual(await sendAndCount(rig, "a", "239.7.7.7", 100, heard), {
      b: 100,
      c: 0,
      q: 100,
    });
    assert.deepEqual(await sendAndCount(rig, "a", "239.7.7.8", 50, heard), { b: 0, c: 0, q: 50 });
    const explained = await appliance.cli("explain", "group", "239.7.7.7");
    assert.match(explained.stdout, /it goes to p1, and to routers: p3; the querier is 10\.0\.0\.4/);

    await rig.in("q", "ip", "link", "set", "br0", "type", "bridge", "mcast_querier", "0");
    await until(
      "data to flood again",
      async () => (await sendAndCount(rig, "a", "239.7.7.8", 10, heard))["c"] === 10,
      PATIENCE,
    );
    const events = await appliance.show("events");
    assert.ok(events.some((event) => event["cause"] === "querier-changed"));
    assert.equal(await appliance.stop(), 0);
  });
});
