// ARP on a real wire (ARP-2..7): however many cores there are, the network sees one requester and one answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Appliance, type Rig, type Seen, until, withRig } from "./rig.ts";

const CORES = 4;

/** Host a in VLAN 10; t and r in VLAN 20. */
function config(more = ""): string {
  return `cores: {count: ${CORES}}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
  p2: {driver: packet, interface: p2}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 20}
      p2: {mode: access, access-vlan: 20}
interfaces:
  v10: {bridge: br0, vlan: 10, addresses: [10.0.1.1/24]}
  v20: {bridge: br0, vlan: 20, addresses: [10.0.2.1/24]${more}}
`;
}

async function network(rig: Rig): Promise<void> {
  await rig.mute("sw");
  for (const [n, [name, address]] of [
    ["a", "10.0.1.2"],
    ["t", "10.0.2.2"],
    ["r", "10.0.2.3"],
  ].entries()) {
    await rig.host(name as string);
    await rig.cable(name as string, "eth0", "sw", `p${n}`);
    await rig.address(name as string, "eth0", `${address}/24`);
    const gateway = `${address?.slice(0, 7)}1`;
    await rig.in(name as string, "ip", "route", "add", "default", "via", gateway);
  }
}

interface ArpSeen {
  readonly at: number;
  readonly operation: number;
  readonly senderMac: string;
  readonly sender: string;
  readonly target: string;
}

const macAt = (hex: string, at: number): string =>
  hex.slice(at, at + 12).replace(/..(?!$)/g, "$&:");
const ipAt = (hex: string, at: number): string =>
  [0, 2, 4, 6].map((n) => Number.parseInt(hex.slice(at + n, at + n + 2), 16)).join(".");

/** What the untagged ARP frames say. */
function arps(frames: readonly Seen[]): ArpSeen[] {
  return frames.map(({ t, hex }) => ({
    at: t,
    operation: Number.parseInt(hex.slice(40, 44), 16),
    senderMac: macAt(hex, 44),
    sender: ipAt(hex, 56),
    target: ipAt(hex, 76),
  }));
}

const requests = (frames: readonly Seen[], target: string): ArpSeen[] =>
  arps(frames).filter(
    (one) => one.operation === 1 && one.target === target && one.sender !== target,
  );

/** An ARP frame in hex. */
function arpFrame(
  operation: 1 | 2,
  from: string,
  sender: string,
  to: string,
  target: string,
): string {
  const mac = (text: string): string => text.replaceAll(":", "");
  const ip = (text: string): string =>
    text
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("");
  const head = `${mac(to)}${mac(from)}0806000108000604000${operation}`;
  return `${head}${mac(from)}${ip(sender)}${mac(to)}${ip(target)}`;
}

async function macOfInterface(appliance: Appliance, name: string): Promise<string> {
  const rows = await appliance.show("interfaces");
  return String(rows.find((row) => row["interface"] === name)?.["mac"]);
}

async function count(appliance: Appliance, reason: string): Promise<number> {
  const rows = await appliance.show("drops");
  return rows
    .filter((row) => row["reason"] === reason)
    .reduce((sum, row) => sum + Number(row["count"]), 0);
}

/** Every core's MAC and state of an address. */
async function entries(appliance: Appliance, address: string): Promise<unknown[]> {
  return (await appliance.show("arp", address)).map(({ mac, state }) => `${mac ?? "-"} ${state}`);
}

test("ARP-2 ARP-3 a burst that misses on all cores puts ONE request on the wire, and its frames leave with the reply", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config());
    assert.equal(await rig.ping("a", "10.0.1.1"), 3);
    const [mac, own] = [await rig.macOf("t", "eth0"), await macOfInterface(appliance, "v20")];
    // The target says nothing by itself: the test answers, when all frames wait.
    await rig.sysctl("t", { "net.ipv4.conf.eth0.arp_ignore": 8 });
    const seen = await rig.sniff("t", "eth0", "0806");
    const arrived = await rig.startWire("t", "collect", 9000, 1);

    const before = await appliance.show("cores");
    await rig.wire("a", "burst", "10.0.2.2", 9000, 200);
    await delay(300);
    assert.equal(requests(seen(), "10.0.2.2").length, 1);
    assert.deepEqual(await entries(appliance, "10.0.2.2"), Array(CORES).fill("- pending"));
    await rig.wire("t", "send", "eth0", 1, 0, arpFrame(2, mac, "10.0.2.2", own, "10.0.2.1"));

    const numbers = JSON.parse((await arrived.ended).split("\n")[1] ?? "") as number[];
    const after = await appliance.show("cores");
    const shares = after.map(
      (row, core) => Number(row["frames-received"]) - Number(before[core]?.["frames-received"]),
    );
    assert.ok(
      shares.every((share) => share >= 20),
      `every core had more than it may keep: ${shares}`,
    );
    // Each core kept 16, the newest.
    assert.equal(numbers.length, CORES * 16);
    assert.equal(new Set(numbers).size, numbers.length);
    assert.equal(await count(appliance, "arp-queue-full"), 200 - CORES * 16);
    assert.ok(Math.min(...numbers) > 50, "the oldest were dropped");
    assert.deepEqual(await entries(appliance, "10.0.2.2"), Array(CORES).fill(`${mac} reachable`));

    const bus = await appliance.show("bus");
    const master = after.find((row) => (row["roles"] as string[]).includes("arp"))?.["core"];
    for (let core = 0; core < CORES; core++) {
      const asks = bus.find(
        (row) => row["from"] === core && row["to"] === master && row["type"] === "arp-ask",
      );
      assert.equal(asks?.["sent"], core === master ? undefined : 1, `asks of core ${core}`);
    }
    await rig.sysctl("t", { "net.ipv4.conf.eth0.arp_ignore": 0 });
    assert.equal(await rig.ping("a", "10.0.2.2"), 3);
    assert.equal(requests(seen(), "10.0.2.2").length, 1);
  });
});

test("ARP-4 an address that nobody has costs 3 requests a second apart, then host unreachable, then silence", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config());
    const seen = await rig.sniff("t", "eth0", "0806");
    const asked = (): ArpSeen[] => requests(seen(), "10.0.2.99");

    const first = await rig.try("a", "ping", "-n", "-c", "1", "-W", "5", "10.0.2.99");
    assert.match(first.stdout, /From 10\.0\.1\.1 icmp_seq=1 Destination Host Unreachable/);
    const times = asked().map(({ at }) => at);
    assert.equal(times.length, 3);
    for (const n of [1, 2]) {
      const apart = (times[n] as number) - (times[n - 1] as number);
      assert.ok(apart > 0.95 && apart < 1.3, `${apart} s`);
    }

    // While the failure is remembered nothing is asked; the sender is told, once a second.
    const failed = performance.now();
    await rig.wire("a", "burst", "10.0.2.99", 9000, 100);
    assert.deepEqual(await entries(appliance, "10.0.2.99"), Array(CORES).fill("- failed"));
    await delay(Math.max(0, failed + 1100 - performance.now()));
    const second = await rig.try("a", "ping", "-n", "-c", "1", "-W", "1", "10.0.2.99");
    assert.match(second.stdout, /Destination Host Unreachable/);
    assert.equal(asked().length, 3);
    assert.ok((await count(appliance, "arp-negative")) >= 100);
    const event = (await appliance.show("events")).find(({ cause }) => cause === "arp-failed");
    assert.equal(event?.["subject"], "arp 10.0.2.99");

    // Later it is tried again: the host may have come.
    await rig.address("t", "eth0", "10.0.2.99/24");
    await until(
      "the address to be reached",
      async () => (await rig.ping("a", "10.0.2.99", 1, "-w", "1")) === 1,
    );
    assert.equal(asked().length, 4);
  });
});

test("ARP-5 ARP-7 gratuitous ARP of either kind changes the entry on all cores", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config());
    assert.equal(await rig.ping("a", "10.0.2.2"), 3);
    for (const [kind, mac] of [
      ["-U", "02:00:00:00:0a:01"],
      ["-A", "02:00:00:00:0a:02"],
    ] as const) {
      await rig.in("t", "ip", "link", "set", "eth0", "address", mac);
      await rig.in("t", "arping", "-q", kind, "-c", "1", "-I", "eth0", "10.0.2.2");
      await until(`${mac} on all cores`, async () => {
        const found = await entries(appliance, "10.0.2.2");
        return found.length === CORES && found.every((one) => one === `${mac} reachable`);
      });
      assert.equal(await rig.ping("a", "10.0.2.2"), 3);
    }
    const changes = (await appliance.show("events")).filter(({ cause }) => cause === "arp-changed");
    assert.deepEqual(
      changes.map(({ subject, to }) => `${subject} ${to}`),
      ["arp 10.0.2.2 02:00:00:00:0a:01", "arp 10.0.2.2 02:00:00:00:0a:02"],
    );
    const coherence = await appliance.show("coherence");
    assert.ok(coherence.every(({ equal }) => equal === true));
  });
});

test("ARP-7 a rival for the appliance's own address is named, and the address is defended", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config());
    const [own, rival] = [await macOfInterface(appliance, "v20"), await rig.macOf("r", "eth0")];
    assert.equal(await rig.ping("t", "10.0.2.1"), 3);
    const seen = await rig.sniff("t", "eth0", "0806");

    await rig.address("r", "eth0", "10.0.2.1/24");
    await rig.in("r", "arping", "-q", "-U", "-c", "1", "-I", "eth0", "10.0.2.1");
    const event = await until("the event", async () =>
      (await appliance.show("events")).find(({ cause }) => cause === "arp-conflict"),
    );
    assert.equal(event["subject"], "arp 10.0.2.1");
    assert.ok(JSON.stringify(event).includes(own) && JSON.stringify(event).includes(rival));
    const claims = arps(seen()).filter(
      ({ sender, target }) => sender === "10.0.2.1" && target === "10.0.2.1",
    );
    // The claim ends at the appliance; the defence goes out, and perhaps an announcement of the start.
    assert.ok(claims.length >= 1);
    for (const { senderMac } of claims) assert.equal(senderMac, own);
    const [entry] = JSON.parse(await rig.in("t", "ip", "-j", "neigh", "show", "10.0.2.1")) as {
      lladdr: string;
    }[];
    assert.equal(entry?.lladdr, own);
    assert.equal(await rig.ping("t", "10.0.2.1"), 3);
  });
});

test("ARP-2 ARP-7 arping gets one answer per question; announcements leave on command; proxy ARP speaks for others", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config(", proxy-arp: true"));
    const own = await macOfInterface(appliance, "v20");
    for (const [from, target, mac] of [
      ["t", "10.0.2.1", own],
      ["r", "10.0.2.2", await rig.macOf("t", "eth0")],
    ] as const) {
      const asked = await rig.in(from, "arping", "-c", "3", "-b", "-I", "eth0", target);
      assert.match(asked, /Received 3 response\(s\)/);
      assert.equal(asked.toLowerCase().split(mac).length, 4, asked);
    }
    const duplicate = await rig.try("t", "arping", "-D", "-c", "2", "-I", "eth0", "10.0.2.1");
    assert.equal(duplicate.code, 1, "duplicate address detection finds the appliance");

    const seen = await rig.sniff("t", "eth0", "0806");
    const announced = (): number =>
      arps(seen()).filter(({ sender, target }) => sender === "10.0.2.1" && target === sender)
        .length;
    // Those of the start are over after two seconds.
    await delay(2500);
    const before = announced();
    const one = await appliance.cli("send", "arp", "10.0.2.1");
    assert.equal(one.code, 0, one.stderr);
    await until("an announcement", () => announced() === before + 1);
    const all = await appliance.cli("send", "arp", "--all");
    assert.match(all.stdout, /2 addresses announced/);
    await until("another", () => announced() === before + 2);
    const stranger = await appliance.cli("send", "arp", "10.0.2.77");
    assert.equal(stranger.code, 1);

    // A host that believes all of 10.0.0.0/16 to be on its wire reaches the other subnet.
    await rig.in("t", "ip", "addr", "flush", "dev", "eth0");
    await rig.address("t", "eth0", "10.0.2.2/16");
    assert.equal(await rig.ping("t", "10.0.1.2"), 3);
    const [entry] = JSON.parse(await rig.in("t", "ip", "-j", "neigh", "show", "10.0.1.2")) as {
      lladdr: string;
    }[];
    assert.equal(entry?.lladdr, own);
    assert.equal(
      (await rig.try("t", "arping", "-c", "1", "-w", "1", "-I", "eth0", "10.0.2.200")).code,
      1,
    );
  });
});

test("ARP-7 a static entry wins over the wire until it is removed", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config());
    const [mac, rival] = [await rig.macOf("t", "eth0"), await rig.macOf("r", "eth0")];
    await rig.address("t", "eth0", "10.0.2.50/24");
    const added = await appliance.cli("add", "arp", "10.0.2.50", mac, "--interface", "v20");
    assert.equal(added.code, 0, added.stderr);
    assert.deepEqual(await entries(appliance, "10.0.2.50"), Array(CORES).fill(`${mac} reachable`));
    const seen = await rig.sniff("t", "eth0", "0806");

    await rig.address("r", "eth0", "10.0.2.50/24");
    await rig.in("r", "arping", "-q", "-U", "-c", "2", "-I", "eth0", "10.0.2.50");
    assert.deepEqual(await entries(appliance, "10.0.2.50"), Array(CORES).fill(`${mac} reachable`));
    assert.ok((await count(appliance, "arp-spoof")) >= 2);
    assert.equal(await rig.ping("a", "10.0.2.50"), 3);
    assert.equal(
      requests(seen(), "10.0.2.50").length,
      0,
      "nothing is asked for what is configured",
    );
    assert.equal((await appliance.cli("clear", "arp")).code, 0);
    assert.equal((await entries(appliance, "10.0.2.50")).length, CORES);

    assert.equal((await appliance.cli("rm", "arp", "10.0.2.50")).code, 0);
    assert.deepEqual(await entries(appliance, "10.0.2.50"), []);
    assert.equal((await appliance.cli("rm", "arp", "10.0.2.50")).code, 1);
    await rig.in("r", "arping", "-q", "-U", "-c", "1", "-I", "eth0", "10.0.2.50");
    await rig.in("t", "ip", "addr", "del", "10.0.2.50/24", "dev", "eth0");
    assert.equal(await rig.ping("a", "10.0.2.50"), 3);
    assert.deepEqual(
      await entries(appliance, "10.0.2.50"),
      Array(CORES).fill(`${rival} reachable`),
    );
  });
});
