// From start to end: readiness, reload under traffic, what it says when it cannot start, interfaces that come and go
// (OPS-1, OPS-2).

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Appliance, type Done, type Rig, until, withRig } from "./rig.ts";

/** Ports of a bridge by number and VLAN, then further lines. */
function config(vlans: Readonly<Record<number, number>>, more: string): string {
  const ports = Object.keys(vlans);
  return `cores: {count: 2}
ports:
${ports.map((n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n")}
${more.startsWith("  ") ? more.split("\n")[0] : ""}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
${ports.map((n) => `      p${n}: {mode: access, access-vlan: ${vlans[Number(n)]}}`).join("\n")}
${more.startsWith("  ") ? more.slice(more.indexOf("\n") + 1) : more}
`;
}

async function hosts(rig: Rig, ...names: string[]): Promise<void> {
  await rig.mute("sw");
  for (const [n, name] of names.entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await rig.address(name, "eth0", `10.0.0.${n + 1}/24`);
  }
}

/** Packet sockets in the appliance's namespace. */
async function packetSockets(rig: Rig): Promise<number> {
  return (await rig.in("sw", "cat", "/proc/net/packet")).trim().split("\n").length - 1;
}

async function promiscuity(rig: Rig, device: string): Promise<number> {
  const [link] = JSON.parse(await rig.in("sw", "ip", "-d", "-j", "link", "show", device)) as [
    { promiscuity: number },
  ];
  return link.promiscuity;
}

test("OPS-1 OPS-2 it says when it is ready, shows its tables, and SIGTERM releases everything", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b");
    const text = config(
      { 0: 10, 1: 10 },
      "  t0: {driver: tap, interface: ll0}\n      t0: {access-vlan: 10}",
    );
    const appliance = await rig.linkloom("sw", text);
    assert.match(
      appliance.output(),
      new RegExp(`^linkloom ready: 2 cores, 3 ports, control ${appliance.socket}$`, "m"),
    );
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    assert.ok((await packetSockets(rig)) > 0);
    assert.ok((await promiscuity(rig, "p0")) > 0);
    assert.equal((await rig.try("sw", "ip", "link", "show", "ll0")).code, 0);

    // The command line prints what the socket says, and people get a table in which equal copies are one row.
    const ports = await appliance.json("show", "ports");
    assert.deepEqual(
      ports.map(({ port, link, driver }) => [port, link, driver]),
      [
        ["p0", "up", "packet"],
        ["p1", "up", "packet"],
        ["t0", "up", "tap"],
      ],
    );
    const mac = await rig.macOf("a", "eth0");
    const json = await appliance.json("show", "bridge", mac);
    assert.deepEqual(
      json.map((row) => [row["core"], row["channel"]]),
      [
        [0, "p0"],
        [1, "p0"],
      ],
    );
    const table = await appliance.cli("show", "br", mac);
    assert.equal(
      table.stdout.split("\n").filter((line) => line.includes(mac)).length,
      1,
      table.stdout,
    );
    assert.match(table.stdout, /^\s*0-1 .* p0 /m);
    const wrong = await appliance.cli("show", "nothing");
    assert.equal(wrong.code, 2, wrong.stderr);

    const began = performance.now();
    assert.equal(await appliance.stop(), 0, appliance.output());
    assert.ok(performance.now() - began < 3000);
    assert.equal(await packetSockets(rig), 0);
    assert.equal(await promiscuity(rig, "p0"), 0);
    assert.notEqual((await rig.try("sw", "ip", "link", "show", "ll0")).code, 0);
    assert.equal(existsSync(appliance.socket), false);
    const nobody = await appliance.cli("show", "ports");
    assert.equal(nobody.code, 3);
    assert.match(nobody.stderr, /No appliance answers/);
  });
});

test("OPS-1 a reload changes what differs and disturbs nothing else; a bad file changes nothing", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c", "d");
    const interfaces = (...vlans: number[]): string =>
      `interfaces:\n${vlans.map((vlan) => `  v${vlan}: {bridge: br0, vlan: ${vlan}, addresses: [10.0.0.${vlan}/24]}`).join("\n")}`;
    const appliance = await rig.linkloom("sw", config({ 0: 10, 1: 10, 2: 20 }, interfaces(10)));
    const reloaded = async (text: string, says: RegExp): Promise<void> => {
      const before = appliance.output().length;
      rig.reload("sw", appliance, text);
      await until(`${says}`, () => says.test(appliance.output().slice(before)));
    };
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    assert.equal(await rig.ping("a", "10.0.0.10"), 3);
    assert.equal(await rig.ping("c", "10.0.0.1", 1, "-w", "1"), 0);
    const pings = rig.startPing("a", "10.0.0.2");
    await delay(300);

    // c's port changes its VLAN, d's port is new, the interface moves to another VLAN.
    await reloaded(config({ 0: 10, 1: 10, 2: 10, 3: 10 }, ""), /linkloom reloaded: changed .*p2/);
    await until("the new port", async () => {
      const [port] = await appliance.show("ports", "--port", "p3");
      return port?.["link"] === "up";
    });
    // Each core looks at the links ten times a second.
    await delay(150);
    assert.equal(await rig.ping("c", "10.0.0.1"), 3);
    assert.equal(await rig.ping("d", "10.0.0.3"), 3);
    assert.equal(await rig.ping("b", "10.0.0.10", 1, "-w", "1"), 0, "the interface is gone");
    assert.deepEqual(await appliance.show("interfaces"), []);

    // Faults of three kinds: a key, a VLAN, an interface that is not there.
    const bad = config({ 0: 10, 1: 10, 2: 5000, 3: 10 }, "colour: red").replace(
      "interface: p3",
      "interface: p9",
    );
    await reloaded(bad, /reload refused, nothing changed/);
    for (const fault of [/colour/, /5000/, /p9/]) assert.match(appliance.output(), fault);
    await reloaded(
      "ports: [",
      /reload refused, nothing changed[\s\S]*reload refused, nothing changed|reload refused/,
    );
    assert.equal(await rig.ping("d", "10.0.0.3"), 3);

    // Back to the start, with a port less and the interface again.
    await reloaded(config({ 0: 10, 1: 10, 2: 20 }, interfaces(10)), /linkloom reloaded: changed/);
    assert.equal((await appliance.show("ports")).length, 3);
    assert.equal(await rig.ping("b", "10.0.0.10"), 3);
    assert.equal(await rig.ping("c", "10.0.0.1", 1, "-w", "1"), 0);
    await reloaded(config({ 0: 10, 1: 10, 2: 20 }, interfaces(10)), /nothing differs/);

    const { sent, lost } = await pings.stop();
    assert.ok(sent > 200, `${sent} sent`);
    assert.equal(lost, 0, `${lost} of ${sent} pings of the undisturbed hosts were lost`);
    const coherence = await until("equal tables", async () => {
      const rows = await appliance.show("coherence");
      return rows.every(({ equal }) => equal === true) && rows;
    });
    assert.ok(coherence.length >= 4);
    assert.equal(await appliance.stop(), 0);
    assert.equal(await packetSockets(rig), 0);
  });
});

test("OPS-1 what stands in the way of a start is named, with the remedy and the exit code", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b");
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const file = join(rig.directory, "start.yaml");
    const socket = join(rig.directory, "start.sock");
    const start = (text: string, ...before: string[]): Promise<Done> => {
      writeFileSync(file, text);
      const words = [process.execPath, main, "run", "-c", file, "--socket", socket];
      const [command, ...rest] = [...before, ...words] as [string, ...string[]];
      return rig.try("sw", command, ...rest);
    };
    const good = config({ 0: 10, 1: 10 }, "");

    const missing = await start(good.replace("interface: p1", "interface: nope"));
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /start\.yaml:4:\d+: fault: ports\.p1\.interface: found "nope"/);

    // Root without the one right that packet sockets need.
    const unable = await start(good, "setpriv", "--bounding-set=-net_raw");
    assert.equal(unable.code, 4, unable.stderr);
    assert.match(unable.stderr, /Cannot open port "p0" on "p0": EPERM from socket\(AF_PACKET\)/);
    assert.match(unable.stderr, /CAP_NET_RAW/);

    await rig.address("sw", "p1", "192.0.2.1/24");
    const addressed = await start(good);
    assert.equal(addressed.code, 2);
    assert.match(addressed.stderr, /start\.yaml:4:\d+: fault: ports\.p1/);
    assert.match(addressed.stderr, /192\.0\.2\.1/);
    assert.match(addressed.stderr, /force/);
    await rig.in("sw", "ip", "addr", "flush", "dev", "p1");

    const tap = await start(
      good.replace("bridges:", "  t0: {driver: tap, interface: p0}\nbridges:"),
    );
    assert.notEqual(tap.code, 0, "a TAP of the name of another interface");
    assert.equal(await packetSockets(rig), 0, "nothing of what failed is left");

    const appliance = await rig.linkloom("sw", good);
    writeFileSync(file, good);
    const words = [main, "run", "-c", file, "--socket", appliance.socket];
    const second = await rig.try("sw", process.execPath, ...words);
    assert.equal(second.code, 1, second.stderr);
    assert.match(second.stderr, /sw\.sock/);
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);

    // A process that was killed leaves a socket behind; the next one takes its place.
    appliance.child.kill("SIGKILL");
    await until("its end", () => appliance.child.signalCode !== null);
    assert.ok(existsSync(appliance.socket));
    const next: Appliance = await rig.linkloom("sw", good);
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    assert.equal(await next.stop(), 0);
  });
});

test("CORE-11 an interface that goes down, or is deleted and made anew, works again by itself", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "c");
    const appliance = await rig.linkloom("sw", config({ 0: 10, 1: 10, 2: 10 }, ""));
    const link = async (state: string): Promise<void> => {
      await until(`the link to be ${state}`, async () => {
        const [port] = await appliance.show("ports", "--port", "p1");
        return port?.["link"] === state;
      });
      // Each core looks at the links ten times a second.
      await delay(150);
    };
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);
    const station = await rig.macOf("b", "eth0");
    const pings = rig.startPing("a", "10.0.0.3");

    await rig.in("sw", "ip", "link", "set", "p1", "down");
    await link("down");
    assert.equal(await rig.ping("a", "10.0.0.2", 1, "-w", "1"), 0);
    await rig.in("sw", "ip", "link", "set", "p1", "up");
    await link("up");
    assert.equal(await rig.ping("a", "10.0.0.2"), 3);

    for (let time = 0; time < 2; time++) {
      await rig.in("sw", "ip", "link", "del", "p1");
      await link("down");
      await rig.cable("b", "eth0", "sw", "p1");
      // The same station as before, or a's kernel would not find it for a while.
      await rig.in("b", "ip", "link", "set", "eth0", "address", station);
      await rig.address("b", "eth0", "10.0.0.2/24");
      await link("up");
      await until(
        "b behind the new interface",
        async () => (await rig.ping("a", "10.0.0.2", 1)) === 1,
      );
    }
    // Still steered by the kernel, on both cores.
    const rows = await appliance.show("cores");
    assert.ok(rows.every(({ state }) => state === "online"));
    const { sent, lost } = await pings.stop();
    assert.ok(sent > 100);
    assert.equal(lost, 0, `${lost} of ${sent} pings of the other ports were lost`);
    assert.equal(await appliance.stop(), 0);
  });
});
