// How long a host's datagrams stop when the Active router of two dies, or leaves in good order: two Linklooms, two
// keepalived, and one of each, in one run; at advertisements of 1 s and of 100 ms (VRRP version 3, IPv4). A host sends
// through the virtual address every 5 ms; the router is cut off right behind one of its advertisements, so that what is
// measured is the backup's wait and not the moment of the cut. Needs root.
//
//   npm run bench -- vr [--trials N] [--cores N] [--interval MILLIS]

import { Appliance, type Rig, type Started, until, withRig } from "../test/interop/rig.ts";
import {
  adverts,
  keepalivedState,
  kill,
  makeNetworks,
  pause,
  type Router,
  type Side,
  Stream,
  setGateway,
  startKeepalived,
  startOurs,
  stateOf,
  VIP,
} from "../test/interop/vr-rig.ts";
import { median, option } from "./measure.ts";

const TRIALS = option("trials", 5);
const CORES = option("cores", 2);
type Program = "linkloom" | "keepalived";
type Event = "killed" | "released";

const start = (rig: Rig, program: Program, router: Router): Promise<Started | Appliance> =>
  program === "linkloom"
    ? startOurs(rig, { ...router, cores: CORES })
    : Promise.resolve(startKeepalived(rig, router));

async function isActive(running: Started | Appliance): Promise<boolean> {
  if (running instanceof Appliance) return (await stateOf(running)) === "active";
  return keepalivedState(running) === "MASTER";
}

/** What one outage was, in milliseconds. */
interface Outage {
  /** In which nothing came, by the receiver's clock. */
  readonly gap: number;
  /** From the old router's last advertisement to the new one's first. */
  readonly silence: number;
}

async function trial(
  master: Program,
  backup: Program,
  event: Event,
  interval: number,
): Promise<Outage> {
  let outage: Outage = { gap: 0, silence: 0 };
  await withRig(async (rig) => {
    const mute: Side[] = [];
    if (master === "linkloom") mute.push("a");
    if (backup === "linkloom") mute.push("b");
    await makeNetworks(rig, mute);
    const router = { version: 3, family: 4, interval } as const;
    const b = await start(rig, backup, { ...router, side: "b", priority: 100 });
    const a = await start(rig, master, { ...router, side: "a", priority: 150 });
    await until("the better router to be Active", () => isActive(a), 20_000);
    await until("the other one to be Backup", async () => !(await isActive(b)), 20_000);
    await setGateway(rig, VIP);
    const seen = await rig.sniff("h", "eth0", "0800");
    const stream = await Stream.start(rig);
    await pause(1500);
    const count = adverts(seen()).length;
    await until("an advertisement", () => adverts(seen()).length > count, 5000);
    if (event === "killed") await kill(rig, "a", a);
    else a.child.kill("SIGTERM");
    await until("the other one to be Active", () => isActive(b), 20_000);
    await pause(event === "killed" ? 700 : 400);
    const { gap } = await stream.stop();
    const heard = adverts(seen());
    const last = heard.filter(({ source }) => source === "0a090002").at(-1)?.t ?? 0;
    const first = heard.find(({ source, t }) => source === "0a090003" && t > last)?.t ?? 0;
    outage = { gap, silence: Math.round((first - last) * 1000) };
  });
  return outage;
}

const ONLY = option("interval", 0);
const PAIRS: readonly (readonly [Program, Program])[] = [
  ["keepalived", "keepalived"],
  ["linkloom", "linkloom"],
  ["keepalived", "linkloom"],
  ["linkloom", "keepalived"],
];
process.stdout.write(`milliseconds without, median (worst) of ${TRIALS} trials\n`);
for (const interval of ONLY > 0 ? [ONLY] : [1000, 100]) {
  for (const event of ["killed", "released"] as const) {
    for (const [master, backup] of PAIRS) {
      const outages: Outage[] = [];
      for (let n = 0; n < TRIALS; n++) outages.push(await trial(master, backup, event, interval));
      const figure = (of: readonly number[]): string => `${median(of)} (${Math.max(...of)})`;
      const data = figure(outages.map(({ gap }) => gap));
      const wire = figure(outages.map(({ silence }) => silence));
      const what = `${interval} ms, ${master} ${event}, ${backup} takes over`;
      process.stdout.write(`${what.padEnd(56)} data ${data.padEnd(14)} advertisements ${wire}\n`);
    }
  }
}
