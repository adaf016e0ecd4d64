// Two kernel hosts and a bridge of several cores between them: what their users see (BR-1..6, BR-9 static entries).

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

/** A bridge with access ports p0, p1 .. in the given VLANs. */
function config(cores: number, vlans: readonly number[], more = ""): string {
  const ports = vlans.map((_, n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n");
  const access = vlans.map((vlan, n) => `      p${n}: {mode: access, access-vlan: ${vlan}}`);
  return `cores: {count: ${cores}}
ports:
${ports}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
${access.join("\n")}
${more}`;
}

/** Hosts with one cable each to the appliance's ports, 10.0.0.1 and on. */
async function hosts(rig: Rig, ...names: string[]): Promise<void> {
  await rig.mute("sw");
  for (const [n, name] of names.entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await rig.address(name, "eth0", `10.0.0.${n + 1}/24`);
  }
}

/** A station's rows, one of each core. */
async function station(appliance: Appliance, mac: string): Promise<Record<string, unknown>[]> {
  return appliance.show("bridge", mac);
}

/** Fails unless every core has the same tables. */
async function coherent(appliance: Appliance): Promise<void> {
  const rows = await until("equal tables", async () => {
    const found = await appliance.show("coherence");
    return found.every(({ equal }) => equal === true) && found;
  });
  assert.ok(rows.length >= 2);
}

test("BR-2 BR-6 hosts of one VLAN ping each other through 2 cores, those of another hear nothing", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c", "d");
    const appliance = await rig.linkloom("sw", config(2, [10, 10, 20, 20]));
    const heard = await rig.sniff("c", "eth0");

    assert.equal(await rig.ping("a", "10.0.0.2", 5), 5);
    assert.equal(await rig.ping("c", "10.0.0.4", 5), 5);
    assert.equal(await rig.ping("a", "10.0.0.3", 2, "-w", "1"), 0);

    const strangers = [await rig.macOf("a", "eth0"), await rig.macOf("b", "eth0")];
    const sources = heard().map(({ hex }) => hex.slice(12, 24));
    assert.ok(sources.length >= 5, "the sniffer hears its own VLAN");
    for (const mac of strangers) assert.ok(!sources.includes(mac.replaceAll(":", "")));

    for (const [name, vlan, channel] of [
      ["a", 10, "p0"],
      ["b", 10, "p1"],
      ["c", 20, "p2"],
      ["d", 20, "p3"],
    ] as const) {
      const rows = await station(appliance, await rig.macOf(name, "eth0"));
      assert.deepEqual(
        rows.map((row) => [row["core"], row["vlan"], row["channel"]]),
        [
          [0, vlan, channel],
          [1, vlan, channel],
        ],
      );
    }
    await coherent(appliance);
    assert.equal(await appliance.stop(), 0);
  });
});

test("CORE-6 TCP and UDP between two hosts with default offloads are whole and as fast as through the kernel's bridge", async (context) => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b");
    // The same hosts with a second cable each to a bridge of the kernel.
    await rig.host("kernel");
    await rig.in("kernel", "ip", "link", "add", "br0", "type", "bridge");
    await rig.in("kernel", "ip", "link", "set", "br0", "up");
    for (const [n, name] of ["a", "b"].entries()) {
      await rig.cable(name, "eth1", "kernel", `p${n}`);
      await rig.in("kernel", "ip", "link", "set", `p${n}`, "master", "br0");
      await rig.address(name, "eth1", `10.1.0.${n + 1}/24`);
    }
    const appliance = await rig.linkloom("sw", config(2, [10, 10]));

    const kernel = await rig.iperf("a", "b", "10.1.0.2", "-t", "2");
    const one = await rig.iperf("a", "b", "10.0.0.2", "-t", "2");
    const back = await rig.iperf("a", "b", "10.0.0.2", "-t", "2", "-R");
    const four = await rig.iperf("a", "b", "10.0.0.2", "-t", "2", "-P", "4");
    const udp = await rig.iperf("a", "b", "10.0.0.2", "-u", "-b", "100M", "-l", "1400", "-t", "2");

    for (const [what, { gigabits, retransmits }] of Object.entries({ kernel, one, back, four })) {
      context.diagnostic(`TCP ${what}: ${gigabits.toFixed(2)} Gbit/s, ${retransmits} sent again`);
    }
    context.diagnostic(
      `UDP: ${udp.gigabits.toFixed(2)} Gbit/s, ${(udp.lost * 100).toFixed(2)} % lost`,
    );
    for (const { gigabits, bytes, retransmits } of [one, back, four]) {
      // A queue that overflows while TCP looks for its rate is no storm; one segment in ten would be.
      assert.ok(retransmits < bytes / 1448 / 10, `${retransmits} sent again of ${bytes} bytes`);
      // The benches hold the ratio; here, beside other work on the machine, only that super-frames are used at all.
      assert.ok(gigabits > kernel.gigabits / 4, `${gigabits} of the kernel's ${kernel.gigabits}`);
    }
    assert.ok(udp.gigabits > 0.08 && udp.lost < 0.1, JSON.stringify(udp));
    const drops = await appliance.show("drops");
    const allowed = ["kernel-ring", "transmit-queue-full"];
    assert.deepEqual(
      drops.filter(({ reason }) => !allowed.includes(String(reason))),
      [],
    );
  });
});

test("BR-3 BR-4 a host that moves to another port with its address is reached at once", async (context) => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b");
    await rig.cable("b", "eth1", "sw", "p2");
    const appliance = await rig.linkloom("sw", config(2, [10, 10, 10]));
    const mac = await rig.macOf("b", "eth0");
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);

    const pings = rig.startPing("a", "10.0.0.2");
    await delay(500);
    await rig.in(
      ...(["b", "sh", "-c"] as const),
      `ip addr del 10.0.0.2/24 dev eth0 && ip link set eth0 address 02:00:00:00:00:99 &&
       ip link set eth1 address ${mac} && ip addr add 10.0.0.2/24 dev eth1 && arping -q -U -c 1 -I eth1 10.0.0.2`,
    );
    await delay(1000);
    const { sent, lost, gapMs } = await pings.stop();
    context.diagnostic(`${lost} of ${sent} pings lost, longest silence ${gapMs.toFixed(0)} ms`);
    assert.ok(sent > 80 && gapMs < 500, `${lost} of ${sent} lost, ${gapMs} ms`);

    const rows = await station(appliance, mac);
    assert.equal(rows.length, 2);
    for (const { channel, moves } of rows) {
      assert.equal(channel, "p2");
      assert.ok(Number(moves) >= 1, `${moves} moves`);
    }
    const moved = (await appliance.show("events")).find(({ cause }) => cause === "station-moved");
    assert.deepEqual([moved?.["from"], moved?.["to"]], ["p1", "p2"]);
    await coherent(appliance);
  });
});

test("BR-5 when a link goes down its stations are forgotten on every core, and back up they return", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b");
    const appliance = await rig.linkloom("sw", config(2, [10, 10]));
    const mac = await rig.macOf("b", "eth0");
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    assert.equal((await station(appliance, mac)).length, 2);

    await rig.in("b", "ip", "link", "set", "eth0", "down");
    await until("no station behind the dead link", async () => {
      const [port] = await appliance.show("ports", "--port", "p1");
      return port?.["link"] === "down" && (await station(appliance, mac)).length === 0;
    });
    const causes = (await appliance.show("events")).map(
      ({ cause, subject }) => `${cause} ${subject}`,
    );
    assert.ok(causes.includes("port-down port p1"), causes.join("; "));
    assert.equal((await station(appliance, await rig.macOf("a", "eth0"))).length, 2);

    await rig.in("b", "ip", "link", "set", "eth0", "up");
    await until("the link to be up", async () => {
      const [port] = await appliance.show("ports", "--port", "p1");
      return port?.["link"] === "up";
    });
    // Each core looks at the links ten times a second.
    await delay(150);
    assert.equal(await rig.ping("a", "10.0.0.2", 5), 5);
    assert.equal((await station(appliance, mac)).length, 2);
    await coherent(appliance);
  });
});

test("BR-5 BR-9 a silent station ages out on every core; one that talks and a static one stay", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c");
    const appliance = await rig.linkloom(
      "sw",
      config(2, [10, 10, 10]).replace("stp:", "ageing-time: 10s\n    stp:"),
    );
    const [a, c] = [await rig.macOf("a", "eth0"), await rig.macOf("c", "eth0")];
    const fixed = "02:00:00:00:00:77";
    const added = await appliance.cli("add", "bridge", fixed, "--channel", "p2", "--vlan", "10");
    assert.equal(added.code, 0, added.stderr);
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    assert.equal(await rig.ping("c", "10.0.0.2"), 3);
    const silent = performance.now();
    await rig.in("c", "ip", "addr", "del", "10.0.0.3/24", "dev", "eth0");

    // A frame to the static station leaves through its port alone, although it never spoke.
    const [toC, toB] = [await rig.sniff("c", "eth0"), await rig.sniff("b", "eth0")];
    await rig.wire(
      "a",
      "send",
      "eth0",
      3,
      0.01,
      `020000000077${a.replaceAll(":", "")}88b5${"00".repeat(46)}`,
    );
    const toFixed = (frames: readonly { hex: string }[]): number =>
      frames.filter(({ hex }) => hex.startsWith("020000000077")).length;
    await until("the frames to the static station", () => toFixed(toC()) === 3);
    assert.equal(toFixed(toB()), 0);

    const pings = rig.startPing("a", "10.0.0.2");
    await until(
      "the silent station to age out",
      async () => (await station(appliance, c)).length === 0,
      25_000,
    );
    const after = performance.now() - silent;
    assert.ok(after > 9_000, `gone after ${after} ms`);
    await delay(2_000);
    assert.equal((await station(appliance, a)).length, 2);
    assert.equal((await pings.stop()).lost, 0);
    for (const row of await station(appliance, fixed)) {
      assert.deepEqual([row["static"], row["channel"]], [true, "p2"]);
    }

    const cleared = await appliance.cli("clear", "bridge");
    assert.equal(cleared.code, 0, cleared.stderr);
    const left = await appliance.show("bridge");
    assert.deepEqual(
      left.map(({ core, mac }) => [core, mac]),
      [
        [0, fixed],
        [1, fixed],
      ],
    );
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    await coherent(appliance);
    const removed = await appliance.cli("rm", "bridge", fixed, "--vlan", "10");
    assert.equal(removed.code, 0, removed.stderr);
    assert.equal((await station(appliance, fixed)).length, 0);
  });
});
