// Spanning tree with Open vSwitch in user space (BR-7), rapid: rings and meshes agree on root, roles and costs, and
// heal after every cut and repair with data flowing; an edge lets the first exchange of a host through.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until, withRig } from "./rig.ts";
import { DEFAULT_TIMERS, Mesh } from "./stp-rig.ts";

/** Generous: what the standard takes at default timers when nothing can be agreed, and a slow machine's start. */
const LIMIT = 45_000;

test("BR-7 a ring of Linkloom and two Open vSwitch with RSTP heals after every cut, at default timers", async (context) => {
  await withRig(async (rig) => {
    const mesh = await Mesh.make(
      rig,
      {
        b1: { kind: "ovs-rstp", priority: 4096, host: true },
        b2: { kind: "linkloom", priority: 8192, host: true },
        b3: { kind: "ovs-rstp", priority: 12_288, host: true },
      },
      ["b1-b2", "b2-b3", "b3-b1"],
      DEFAULT_TIMERS,
    );
    const took = await mesh.converge("the first tree", LIMIT);
    context.diagnostic(`the first tree ${Math.round(took)} ms after the start`);
    await mesh.data(LIMIT);
    await mesh.cutAll((text) => context.diagnostic(text), LIMIT);

    const appliance = mesh.appliances.get("b2");
    const rows = (await appliance?.show("stp")) ?? [];
    for (const row of rows.filter(({ channel }) => channel !== null)) {
      assert.equal(row["protocol"], "rstp", JSON.stringify(row));
      if (row["channel"] !== "e0") assert.equal(row["cost"], 2000, "10 Gbit/s, as veth says");
    }
    const [bridge] = rows;
    assert.equal(bridge?.["cost"], 2000);
    assert.equal(bridge?.["root-channel"], "c0");
    const explained = await appliance?.json<{ text: string }[]>("explain", "stp", "br0", "c0");
    const text = (explained ?? []).map((line) => line.text).join("\n");
    assert.match(text, /takes 4096\.\S+ for the root, at cost 2000 through c0/);
    assert.match(text, /it is the best way to the root: cost 2000 \(0 that 4096/);
  });
});

test("BR-7 a full mesh of two Linkloom, on one core and on four, and two Open vSwitch heals after every cut", async (context) => {
  await withRig(async (rig) => {
    const mesh = await Mesh.make(
      rig,
      {
        b1: { kind: "linkloom", priority: 4096, cores: 4, host: true },
        b2: { kind: "ovs-rstp", priority: 8192 },
        b3: { kind: "linkloom", priority: 12_288, cores: 1, host: true },
        b4: { kind: "ovs-rstp", priority: 16_384 },
      },
      ["b1-b2", "b2-b3", "b3-b4", "b4-b1", "b1-b3", "b2-b4"],
      DEFAULT_TIMERS,
    );
    await mesh.converge("the first tree", LIMIT);
    await mesh.data(LIMIT);
    await mesh.cutAll((text) => context.diagnostic(text), LIMIT);
  });
});

/** Says "discover" to everybody ten times a second from the moment the link is up; tells when the first answer came. */
const CLIENT = `
import socket, time, subprocess
subprocess.run(["ip", "link", "set", "eth0", "up"], check=True)
began = time.monotonic()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("", 6868))
s.settimeout(0.1)
while time.monotonic() - began < 40:
    try:
        s.sendto(b"discover", ("10.8.0.255", 6767))
        s.recv(64)
        break
    except OSError:
        time.sleep(0.01)
print(round((time.monotonic() - began) * 1000))
`;
const SERVER = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("", 6767))
print("ready", flush=True)
while True:
    _, who = s.recvfrom(64)
    s.sendto(b"offer", ("10.8.0.255", 6868))
`;

test("BR-7 a host on an edge gets its first answer within a second of its link; auto takes about three", async (context) => {
  await withRig(async (rig) => {
    const mesh = await Mesh.make(
      rig,
      {
        b1: { kind: "linkloom", priority: 4096, host: true, options: { e0: "stp: {edge: on}" } },
        b2: { kind: "linkloom", priority: 8192, host: true },
        b3: { kind: "ovs-rstp", priority: 12_288, host: true },
      },
      ["b1-b2", "b2-b3"],
      DEFAULT_TIMERS,
    );
    await mesh.converge("the first tree", LIMIT);
    const server = rig.start("hb3", "/usr/bin/python3", "-c", SERVER);
    await until("the server", () => server.output().includes("ready"));
    const first = async (host: string): Promise<number> => {
      await rig.in(host, "ip", "link", "set", "eth0", "down");
      const name = host.slice(1);
      await until(`${name} to see the link go`, async () => {
        const rows = (await mesh.appliances.get(name)?.show("stp", "--channel", "e0")) ?? [];
        return rows.length > 0 && rows.every((row) => row["state"] === "discarding");
      });
      return Number(await rig.python(host, CLIENT));
    };
    const edge = [await first("hb1"), await first("hb1"), await first("hb1")];
    const auto = await first("hb2");
    context.diagnostic(
      `first answer after ${edge.join(", ")} ms with edge: on, ${auto} ms with auto`,
    );
    assert.ok(Math.min(...edge) < 1000, `${edge}`);
    assert.ok(auto < 30_000, `${auto}: less than two forward delays`);
  });
});
