// What keeping the past costs: an appliance of 10 ports and 4 cores with all its protocols, in this process, nobody
// looking. The work of one reading is measured, with that of the cores that it asks, and said as CPU time a second at
// the pace at which the daemon reads; then how many bytes an hour takes.
//   npm run bench -- past
//   node bench/past.ts [--runs 5] [--turns 300]

import { setTimeout as delay } from "node:timers/promises";
import { check } from "../src/control/check.ts";
import { plan } from "../src/control/load.ts";
import { Past } from "../src/control/past.ts";
import { startAppliance } from "../src/runtime/appliance.ts";
import { option, report } from "./measure.ts";

const PORTS = Array.from({ length: 10 }, (_, n) => `p${n}`);
const MEMBERS = PORTS.slice(0, 4);
const CONFIG = `
cores: {count: 4}
ports: {${PORTS.map((port) => `${port}: {driver: memory}`).join(", ")}}
channels: {LA/1: {members: [${MEMBERS.join(", ")}], mode: lacp}}
bridges:
  br0:
    channels: {${["LA/1", ...PORTS.slice(4)].map((name) => `${name}: {mode: access, access-vlan: 10}`).join(", ")}}
interfaces: {v10: {bridge: br0, vlan: 10, addresses: [10.0.1.1/24, "2001:db8::1/64"]}}
virtual-routers: {gw: {protocol: vrrp, version: 3, interface: v10, vrid: 10, priority: 150, addresses: [10.0.1.254]}}
`;
const LIMIT = 8 * 1024 * 1024;
/** Readings an hour: every two seconds the near objects, every ten those that cores are asked for. */
const HOUR = 3_600_000;

/** CPU time of the whole process, in milliseconds. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function main(): Promise<void> {
  const { configuration, faults } = check(CONFIG);
  if (configuration === undefined) throw new Error(JSON.stringify(faults));
  const appliance = await startAppliance(plan(configuration));
  const shown = { appliance, configuration };
  const turns = option("turns", 300);
  const figures: Record<"near" | "all" | "idle" | "hour", number[]> = {
    near: [],
    all: [],
    idle: [],
    hour: [],
  };
  await delay(2000);
  for (let run = 0; run < option("runs", 5); run++) {
    const idleFrom = cpu();
    await delay(2000);
    const idle = (cpu() - idleFrom) / 2000;
    figures.idle.push(idle * 100);
    for (const pace of ["near", "all"] as const) {
      let now = Date.now();
      const past = new Past({ shown, limit: LIMIT, now: () => now });
      await past.turn();
      const began = performance.now();
      const from = cpu();
      for (let n = 0; n < turns; n++) {
        // Cores are asked when ten seconds have passed; two cost what lies near alone.
        now += pace === "near" ? 1 : 10_000;
        await past.turn();
      }
      const idled = (performance.now() - began) * idle;
      figures[pace].push((cpu() - from - idled) / turns);
      const everyTen = (past.room.taken / turns) * (HOUR / 10_000);
      if (pace === "all") figures.hour.push(everyTen / 1e6);
      past.close();
    }
  }
  await appliance.stop();
  // At rest every two seconds what is near, every ten all; while things happen all the time, all every two seconds.
  const all = (n: number): number => figures.all[n] ?? 0;
  const rest = figures.near.map((near, n) => (near * 4 + all(n)) / 10);
  report("all threads at rest", figures.idle, "% of a CPU");
  report("a reading of what lies in shared memory", figures.near, "ms of CPU");
  report("a reading with all that cores are asked for", figures.all, "ms of CPU");
  report("keeping the past at rest", rest, "ms of CPU a second", "under 3, which is 0.3 %");
  const busy = figures.all.map((one) => one / 2);
  report("keeping the past while things happen", busy, "ms of CPU a second");
  report("an hour at rest, a moment each ten seconds", figures.hour, "MB");
}

await main();
