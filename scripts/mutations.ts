// npm run sim -- --mutations: deliberate bugs, each put into a copy of the sources, one at a time; the simulator or an
// explorer must catch every one of them, and nothing without one. docs/simulator.md lists what catches what.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Shape } from "../src/sim/scenario.ts";
import { ROOT } from "./files.ts";

interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The test file of an explorer that catches it; the simulator when left out. */
  readonly explorer?: string;
  /** The shape that the simulator plays; those that seeds draw when left out. */
  readonly shape?: Shape;
}

const EXPLORERS = "test/sim/explore.test.ts";
const LAG_EXPLORER = "test/sim/lag-explore.test.ts";

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "a dropped message: past the backlog's bound nothing is sent again",
    file: "src/core/bus.ts",
    find: "if (table >= 0) peer.dirty |= 1 << table;\n      if (this.#arena",
    replace: "if (this.#arena",
  },
  {
    name: "a missing version check: what a core hears last of a station counts",
    file: "src/bridge/learning.ts",
    find: "if (version > table.version(slot)) this.#follow(",
    replace: "if (version > 0) this.#follow(",
    explorer: EXPLORERS,
  },
  {
    name: "two masters: the second core thinks that it is the ARP master, too",
    file: "src/arp/context.ts",
    find: "this.isMaster = this.master === out.core;",
    replace: "this.isMaster = this.master === out.core || out.core === 1;",
  },
  {
    name: "a shut member that still sends",
    file: "src/engine/channels.ts",
    find: "this.#distributing[port] = distributing ? 1 : 0;",
    replace: "this.#distributing[port] = 1;",
  },
  {
    name: "an acknowledgement skipped: a member opens before every core has followed",
    file: "src/lag/sync.ts",
    find: "if ((this.wanted[port] ?? 0) === 0) return true;",
    replace: "if ((this.wanted[port] ?? 0) >= 0) return true;",
    explorer: LAG_EXPLORER,
  },
  {
    name: "a stale snapshot accepted: what was learned before a flush comes back after it",
    file: "src/bridge/learning.ts",
    find: "if (table.isFlushed(channel, vlanOf(key), version)) {",
    replace: "if (version < 0) {",
    explorer: EXPLORERS,
  },
  {
    name: "an owner that does not let go: a machine that moved runs on where it was",
    file: "src/nd/moving.ts",
    find: "    table.setRun(slot, false);\n    table.setHolder(slot, to);",
    replace: "    table.setHolder(slot, to);",
  },
  {
    name: "a leaked buffer: a frame that waited for an address is not given back",
    file: "src/engine/waiting-frames.ts",
    find: "out.heldEnd(handle), now);\n      out.release(handle);\n    }\n    return frames;",
    replace: "out.heldEnd(handle), now);\n    }\n    return frames;",
  },
  {
    name: "a buffer given back too early, before the frame in it has left",
    file: "src/core/core.ts",
    find: "  release(handle: number): void {\n    this.#spent[this.#spentCount++] = handle;",
    replace: "  release(handle: number): void {\n    this.pool.give(handle);",
  },
  {
    name: "a hash that differs between cores: each sees another bucket for a neighbour",
    file: "src/core/core.ts",
    find: "bucketOf: (a, b, c, d) => this.distributor.bucketOfTarget(a, b, c, d),",
    replace:
      "bucketOf: (a, b, c, d) => (this.distributor.bucketOfTarget(a, b, c, d) + core) & 127,",
  },
  {
    name: "a flush not told: stations behind a link that went down stay on the other cores",
    file: "src/bridge/learning.ts",
    find: "    sendFlush(this.#out, ALL, this.#scope, Delete.Flush, where, vlan, version);\n  }",
    replace: "    void [sendFlush, where, version];\n  }",
    explorer: EXPLORERS,
  },
  {
    name: "a request too many: the master does not wait between two requests for an address",
    file: "src/arp/pending.ts",
    find: "if (isMaster && now < earliest) {",
    replace: "if (isMaster && now < earliest - 1e9) {",
  },
  {
    name: "a port of the tree opens before all cores have acknowledged that another one is shut",
    file: "src/stp/stp.ts",
    find: "isSettled: (port) => this.#telling.isSettled(port),",
    replace: "isSettled: () => true,",
    shape: "ring",
  },
  {
    name: "a shut port of the tree that frames may still leave through",
    file: "src/bridge/membership.ts",
    find: "export const NO_EXIT: number = Lane.Blocked | Lane.Shut;",
    replace: "export const NO_EXIT: number = Lane.Shut;",
    shape: "ring",
  },
  {
    name: "a shut port of the tree that frames may still come in by",
    file: "src/bridge/bridging.ts",
    find: "    if (lane < 0) {\n      if ((lane & NO_ENTRY)",
    replace: "    if (lane < 0 && (lane & Lane.Blocked) === 0) {\n      if ((lane & NO_ENTRY)",
    shape: "ring",
  },
  {
    name: "a flush of the tree that no bridge table hears of",
    file: "src/core/dispatch.ts",
    find: "    this.bridging.linkDown(channel, now);\n    this.snoop.topologyChanged(bridge, now);",
    replace: "    this.snoop.topologyChanged(bridge, now);",
    shape: "ring",
  },
  {
    name: "a root port that lost its link, and nobody chooses anew",
    file: "src/stp/port-information.ts",
    find: "      port.infoIs = Info.Disabled;\n      reselect(port);",
    replace: "      port.infoIs = Info.Disabled;",
    shape: "ring",
  },
  {
    name: "a topology change that every hello tells of, for ever",
    file: "src/stp/outgoing.ts",
    find: "const isChange = port.tcWhile > bridge.now ? bpdu.Flag.TopologyChange : 0;",
    replace: "const isChange = bridge.now >= 0 ? bpdu.Flag.TopologyChange : 0;",
    shape: "ring",
  },
  {
    name: "a leave that one core alone hears of",
    file: "src/snoop/snoop.ts",
    find: "if (this.#out.cores > 1) {\n      message.sendRow",
    replace:
      "if (this.#out.cores > 1 && this.groups.state(slot) === Slot.Live) {\n      message.sendRow",
    shape: "groups",
  },
  {
    name: "a group that everybody gets, limited as any other",
    file: "src/snoop/reads.ts",
    find: "address >>> 8 === 0xe00000;",
    replace: "address >>> 8 === 0xe00001;",
    shape: "groups",
  },
  {
    name: "a table of groups without its bound",
    file: "src/snoop/master.ts",
    find: "const hasRoom = table.groupCount(bridge) < limit;",
    replace: "const hasRoom = table.groupCount(bridge) < 512;",
    shape: "groups",
  },
  {
    name: "a query that shows no router: reports and streams do not go there",
    file: "src/snoop/master.ts",
    find: "    if (!isNobody(query.from)) this.router(domain.otherQuerierInterval);",
    replace: "",
    shape: "groups",
  },
  {
    name: "a membership that never ends",
    file: "src/snoop/members.ts",
    find: "if (now >= until) over(slot, channel);",
    replace: "if (now >= until + 1e9) over(slot, channel);",
    shape: "groups",
  },
  {
    name: "a handed-over frame given back while its record still lies in the ring",
    file: "src/core/bus.ts",
    find: "    if (peer.outstanding === 0) peer.reclaimed = last;\n    else if (((last - peer.reclaimed) | 0) >= sender.capacity) this.#reclaim(peer);",
    replace: "    void last;",
    shape: "groups",
  },
  {
    name: "a Backup that goes Active after its skew time, whatever it heard",
    file: "src/vr/vrrp.ts",
    find: "3 * machine.interval + skewTime(machine)",
    replace: "skewTime(machine)",
    shape: "pair",
  },
];

/** Seeds and steps that a mutation has to be caught in. */
const SEEDS = "2001..2040";
const STEPS = "40000";
/** Deaths of cores are left out: a core that dies hides what it did wrong. */
const CALM = ["--without", "kill,leave"];
const LIMIT_MS = 120_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs Node in the copy; what it said. */
function run(directory: string, args: readonly string[]): { code: number | null; text: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const options = { cwd: directory, env, encoding: "utf8", timeout: LIMIT_MS } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return { code: status, text: stdout + stderr };
}

/** What the simulator found, and after how many steps of all seeds; "" when nothing. */
function simulate(directory: string, shape?: Shape): string {
  const args = ["scripts/sim.ts", "--seeds", SEEDS, "--steps", STEPS, ...CALM];
  if (shape !== undefined) args.push("--shape", shape);
  const { code, text } = run(directory, [...args, "--first", "--no-shrink", "--quiet"]);
  if (code === 0) return "";
  const what = /BROKEN at step \d+, [^:]*: (.*)/.exec(text)?.[1] ?? text.slice(-400);
  const steps = /seeds \S+ (\d+) steps/.exec(text)?.[1] ?? "?";
  return `simulator, ${steps} steps: ${what}`;
}

function explore(directory: string, file: string): string {
  const { code, text } = run(directory, ["--test", file]);
  if (code === 0) return "";
  const what = /^ *(?:Error|error|Counterexample[^:]*): '?(.*; after .*)/m.exec(text)?.[1];
  const trail = what?.split("; after ")[1]?.split(", ").length;
  return `explorer, ${trail ?? "?"} steps deep: ${(what ?? /Error: (.*)/.exec(text)?.[1] ?? text.slice(-400)).split("; after ")[0]}`;
}

/** Puts each bug in; true when every one is caught and nothing is found without one. */
export function playMutations(only = ""): boolean {
  const directory = mkdtempSync(join(tmpdir(), "linkloom-mutations-"));
  let good = true;
  try {
    for (const name of ["src", "scripts", "test/sim", "package.json", "tsconfig.json"]) {
      cpSync(join(ROOT, name), join(directory, name), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
    for (const shape of [undefined, "ring", "groups", "pair"] as const) {
      const found = simulate(directory, shape);
      const what = found === "" ? "nothing" : found;
      say(`${found === "" ? "ok     " : "WRONG  "} no bug, ${shape ?? "as drawn"}: ${what}`);
      good = good && found === "";
    }
    for (const mutation of MUTATIONS) {
      if (!mutation.name.includes(only)) continue;
      const caught = playOne(directory, mutation);
      say(`${caught === "" ? "MISSED " : "caught "} ${mutation.name}\n        ${caught}`);
      good = good && caught !== "";
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return good;
}

function playOne(directory: string, mutation: Mutation): string {
  const { file, find, replace, explorer, shape } = mutation;
  const path = join(directory, file);
  const source = readFileSync(path, "utf8");
  if (source.split(find).length !== 2) {
    say(`${file} does not hold this once any more: ${find}`);
    return "";
  }
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    return explorer === undefined ? simulate(directory, shape) : explore(directory, explorer);
  } finally {
    writeFileSync(path, source);
  }
}
