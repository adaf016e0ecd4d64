// Virtual routers beside FRR (VRRP version 3), ucarp (CARP) and an HSRP router of scapy frames.

import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Rig, until, withRig } from "./rig.ts";
import {
  adverts,
  makeNetworks,
  pause,
  type Router,
  rowsOf,
  Stream,
  setGateway,
  startFrr,
  startOurs,
  startUcarp,
  untilState,
  VIP,
  VRID,
} from "./vr-rig.ts";

const PATIENCE = 40_000;
const HSRP = fileURLToPath(new URL("hsrp.py", import.meta.url));

async function flows(stream: Stream): Promise<void> {
  await until(
    "data through the virtual router",
    async () => {
      const before = stream.count;
      await pause(300);
      return stream.count - before > 20;
    },
    PATIENCE,
  );
}

async function say(stream: Stream, who: string): Promise<void> {
  const { gaps } = await stream.stop();
  process.stdout.write(`# ${who}: silences over 50 ms in all changes: ${gaps.join(" ")} ms\n`);
}

test("VR-3 takes over from FRR, preempts it and gives back to it", () =>
  withRig(async (rig: Rig) => {
    await makeNetworks(rig, ["b"]);
    const router: Omit<Router, "side" | "priority"> = {
      version: 3,
      family: 4,
      interval: 500,
      cores: 2,
    };
    const vtysh = await startFrr(rig, { ...router, side: "a", priority: 150 });
    const status = async (): Promise<string> =>
      / Status \(v4\)\s+(\w+)/.exec(await vtysh("show vrrp"))?.[1] ?? "";
    const ours = await startOurs(rig, { ...router, side: "b", priority: 100 });
    await until("FRR to be master", async () => (await status()) === "Master", PATIENCE);
    await untilState(ours, "backup", PATIENCE);
    await setGateway(rig, VIP);
    const stream = await Stream.start(rig);
    await flows(stream);

    await vtysh(`configure terminal\ninterface p0\nvrrp ${VRID} shutdown`);
    await untilState(ours, "active", PATIENCE);
    await flows(stream);
    await vtysh(`configure terminal\ninterface p0\nno vrrp ${VRID} shutdown`);
    await untilState(ours, "backup", PATIENCE);
    await until("FRR to be master again", async () => (await status()) === "Master", PATIENCE);
    await flows(stream);

    await ours.cli("set", "vr", "gw", "priority", "200");
    await untilState(ours, "active", PATIENCE);
    await until("FRR to yield", async () => (await status()) === "Backup", PATIENCE);
    await ours.stop();
    await until("FRR to take over", async () => (await status()) === "Master", PATIENCE);
    await flows(stream);
    await say(stream, "FRR");
  }));

test("VR-5 takes over from ucarp and yields to it", () =>
  withRig(async (rig: Rig) => {
    await makeNetworks(rig, ["b"]);
    const router = { version: 3, family: 4, interval: 1000, cores: 2, side: "b" } as const;
    const section = `{protocol: carp, interface: lan, vrid: 7, advbase: 1, advskew: 50, password: secret, addresses: [${VIP}]}`;
    const seen = await rig.sniff("h", "eth0", "0800");
    const peer = await startUcarp(rig, "a", 7, 10, ["-P"]);
    const isMaster = async (): Promise<boolean> =>
      (await rig.in("a", "ip", "addr", "show", "p0")).includes(` ${VIP}/`);
    await until("ucarp to be master", isMaster, PATIENCE);
    const ours = await startOurs(rig, { ...router, priority: 100 }, section);
    await until(
      "ours to hear it",
      async () => {
        const [row] = await rowsOf(ours, "vr");
        return row?.["state"] === "backup" && Number(row["adverts-received"]) > 1;
      },
      PATIENCE,
    );
    await setGateway(rig, VIP);
    const stream = await Stream.start(rig);
    await flows(stream);

    await rig.finish(peer);
    await untilState(ours, "master", PATIENCE);
    await flows(stream);
    // Ours is heard with a counter that rises, and a digest that ucarp takes: it yields nothing, we yield to it.
    await until(
      "our advertisements",
      () => adverts(seen()).some(({ mac }) => mac === "00005e000107"),
      PATIENCE,
    );
    await startUcarp(rig, "a", 7, 10, ["-P"]);
    await untilState(ours, "backup", PATIENCE);
    await until("ucarp to be master again", isMaster, PATIENCE);
    await flows(stream);
    await say(stream, "ucarp");
  }));

test("VR-5 stands by for an HSRP router, takes over when it resigns, and yields to its higher priority", () =>
  withRig(async (rig: Rig) => {
    await makeNetworks(rig, ["b"]);
    const router = { version: 3, family: 4, interval: 1000, cores: 2, side: "b" } as const;
    const section = `{protocol: hsrp, version: 1, interface: lan, vrid: 5, priority: 110, hello: 1s, hold: 3s, addresses: [${VIP}]}`;
    const args = ["netns", "exec", rig.name("a"), "/usr/bin/python3", HSRP];
    const peer = spawn("ip", [...args, "p0", "10.9.0.2", VIP, "5"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    rig.onEnd(async () => void peer.kill("SIGKILL"));
    let output = "";
    peer.stdout.on("data", (data: Buffer) => {
      output += data.toString();
    });
    const tell = async (words: string): Promise<void> => {
      peer.stdin.write(`${words}\n`);
      await until(`the peer: ${words}`, () => output.includes(`did ${words}`), PATIENCE);
    };
    await until("the peer", () => output.includes("ready"), PATIENCE);
    await tell("active 150");
    const ours = await startOurs(rig, { ...router, priority: 100 }, section);
    await untilState(ours, "standby", PATIENCE);

    await tell("resign");
    await untilState(ours, "active", PATIENCE);
    await setGateway(rig, VIP);
    const stream = await Stream.start(rig);
    await flows(stream);
    const found = await rig.in("h", "ip", "neigh", "show", VIP);
    if (!found.includes("00:00:0c:07:ac:05")) throw new Error(`h has ${found}`);

    await tell("active 200");
    await until(
      "ours to step back",
      async () => {
        const [row] = await rowsOf(ours, "vr");
        return row?.["state"] === "speak" || row?.["state"] === "standby";
      },
      PATIENCE,
    );
    await tell("quiet");
    await untilState(ours, "active", PATIENCE);
    await flows(stream);
    await say(stream, "HSRP");
  }));
