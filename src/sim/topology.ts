// A small language for spanning tree tests: bridges, segments, what fails, what must hold. A line is a statement, `#`
// begins a comment.
//
//   world loss=5% delay=0.1..5 bus=0.01..1 seed=7     before the first bridge; times in ms
//   bridge NAME ID [OPTION...] = PORT...              a bridge, or a known one's cables anew
//       OPTION: priority=4096 cores=4 stp hello=1s max-age=6s forward-delay=4s hold=10
//       PORT: SEGMENT, or - for no cable; then :COST ^PRIORITY /edge /no-edge /shared /bpdu-guard /bpdu-filter
//             /root-guard /loop-guard /tcn-guard, in any order
//   set NAME priority=4096 | set NAME.PORT cost=5     a reload
//   run 5s                                            time passes; a loop at any moment fails
//   cut SEGMENT | mend SEGMENT                        all ports of it lose, or get back, their link
//   plug NAME.PORT SEGMENT | unplug NAME.PORT         one cable
//   silence NAME.PORT | speak NAME.PORT               BPDUs of the port are lost, or no more
//   move NAME CORE | kill NAME CORE                   the link master's role moves; a core dies
//   stall NAME CORE | wake NAME CORE                  a core sleeps: its messages wait
//   check NAME = root | STATE...                      one word for each port, see below
//   tree [within 30s]                                 one tree over all that hangs together, now or by then
//   steady | changed                                  no topology change since the last such line, or one
//   reason NAME.PORT WORD                             why the port is as it is (stp/reason.ts)
//
// A port's word is its role (R D A B X) and its state (f l d), then :COST, the cost of the way to the root, for a root
// port: `Rf:20000 Df Ad Xd`. Ports count from 0. OVS writes such tests (tests/rstp.at); from there comes the form.

import type { Mac, Millis } from "../lib/units.ts";
import type { StpBridgeConfig, StpChannelConfig } from "../stp/config.ts";
import type { StpNode } from "./stp-node.ts";
import { StpWorld, type StpWorldOptions } from "./stp-rig.ts";

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

/** Plays a whole script; throws at the first line that does not hold. */
export function play(script: string): StpWorld {
  const player = new Player();
  for (const [index, raw] of script.split("\n").entries()) {
    const line = raw.replace(/#.*/, "").trim();
    if (line === "") continue;
    try {
      player.statement(line);
    } catch (error) {
      throw new Error(`line ${index + 1}, "${line}": ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return player.world;
}

/** 5s, 200ms or a bare number of milliseconds. */
function millisOf(text: string): Millis {
  const [, number = "", unit = "ms"] = /^([\d.]+)(ms|s)?$/.exec(text) ?? [];
  if (number === "") throw new Error(`"${text}" is no time`);
  return Number(number) * (unit === "s" ? 1000 : 1);
}

const rangeOf = (text: string): [Millis, Millis] => {
  const [least = "", most = least] = text.split("..");
  return [millisOf(least), millisOf(most)];
};

/** key=value words; a word alone is "true". */
const optionsOf = (words: readonly string[]): [key: string, value: string][] =>
  words.map((word) => {
    const [key = "", value = "true"] = word.split("=");
    return [key, value];
  });

/** Statements that every core has noticed when the next one is played. */
const NOTICED: ReadonlySet<string> = new Set([
  "bridge",
  "set",
  "cut",
  "mend",
  "plug",
  "unplug",
  "move",
]);
/** The rig's cores see a link within 5 ms. */
const NOTICE: Millis = 6;

export class Player {
  world: StpWorld = new StpWorld();
  readonly #silent: Set<string> = new Set();
  #changes = 0;

  constructor() {
    this.#listen();
  }

  #listen(): void {
    this.world.onFrame = (node, channel) => !this.#silent.has(`${node.name}.${channel}`);
  }

  statement(line: string): void {
    const [verb = "", ...words] = line.split(/\s+/);
    const act = this.#verbs[verb];
    if (act === undefined) throw new Error(`"${verb}" is no statement`);
    act(words);
    if (NOTICED.has(verb)) this.world.run(NOTICE);
  }

  readonly #verbs: Readonly<Record<string, (words: string[]) => void>> = {
    world: (words) => this.#world(words),
    bridge: (words) => this.#bridge(words),
    set: ([place = "", ...words]) => this.#set(place, words),
    run: ([time = ""]) => this.world.run(millisOf(time)),
    cut: ([segment = ""]) => this.world.sever(segment),
    mend: ([segment = ""]) => this.world.mend(segment),
    plug: ([place = "", segment = ""]) => this.world.plug(...this.#place(place), segment),
    unplug: ([place = ""]) => this.world.plug(...this.#place(place), ""),
    silence: ([place = ""]) => this.#silent.add(place),
    speak: ([place = ""]) => this.#silent.delete(place),
    move: ([name = "", core]) => this.world.node(name).moveRole(Number(core)),
    kill: ([name = "", core]) => this.world.node(name).kill(Number(core)),
    stall: ([name = "", core]) => this.world.node(name).stalled.add(Number(core)),
    wake: ([name = "", core]) => this.world.node(name).stalled.delete(Number(core)),
    check: ([name = "", , ...expected]) => this.#check(name, expected),
    tree: ([, time]) => this.#tree(time === undefined ? 0 : millisOf(time)),
    steady: () => this.#steady(true),
    changed: () => this.#steady(false),
    reason: ([place = "", word]) => this.#reason(place, word),
  };

  #world(words: readonly string[]): void {
    const options: { -readonly [K in keyof StpWorldOptions]: StpWorldOptions[K] } = {};
    for (const [key, value] of optionsOf(words)) {
      if (key === "seed") options.seed = Number(value);
      else if (key === "loss") options.loss = Number.parseFloat(value) / 100;
      else if (key === "delay") options.delay = rangeOf(value);
      else if (key === "bus") options.bus = rangeOf(value);
      else if (key === "tick") options.tick = millisOf(value);
      else throw new Error(`a world has no "${key}"`);
    }
    this.world = new StpWorld(options);
    this.#listen();
  }

  #place(text: string): [name: string, port: number] {
    const [name = "", port = ""] = text.split(".");
    return [name, Number(port)];
  }

  #bridge(words: readonly string[]): void {
    const equals = words.indexOf("=");
    const [name = "", id = ""] = words;
    const known = this.world.nodes.get(name);
    const ports = words.slice(equals + 1).map(portOf);
    const node = known ?? this.#make(name, id, words.slice(2, equals), ports);
    for (const [port, { segment }] of ports.entries()) {
      if (node.segments[port] !== segment) this.world.plug(name, port, segment);
    }
  }

  #make(
    name: string,
    id: string,
    words: readonly string[],
    ports: readonly { config: Partial<StpChannelConfig> }[],
  ): StpNode {
    const bridge = bridgeOptions(words.filter((word) => !word.startsWith("cores=")));
    const cores = Number(words.find((word) => word.startsWith("cores="))?.slice(6) ?? 1);
    // An identifier leaves room for its ports' addresses.
    const address: Mac = 0x0200_0000_0000 + Number(id) * 256;
    return this.world.add({
      name,
      address,
      cores,
      bridge,
      ports: ports.map(({ config }) => config),
    });
  }

  #set(place: string, words: readonly string[]): void {
    const [name, port] = this.#place(place);
    const node = this.world.node(name);
    node.reconfigure((bridge) => {
      if (!place.includes(".")) return { ...bridge, ...bridgeOptions(words) };
      const channels = bridge.channels.map((one) =>
        one.channel === port ? { ...one, ...channelOptions(words) } : one,
      );
      return { ...bridge, channels };
    });
  }

  #check(name: string, expected: readonly string[]): void {
    const node = this.world.node(name);
    if (expected[0] === "root") {
      if (node.row(-1)["rootChannel"] === -1) return;
      throw new Error(`it has its root behind port ${node.row(-1)["rootChannel"]}`);
    }
    const words = node.segments.map((_, port) => wordOf(node, port));
    const fits = expected.every((word, port) => (words[port] ?? "").startsWith(word));
    if (!fits || expected.length > words.length) throw new Error(`it is ${words.join(" ")}`);
  }

  #tree(within: Millis): void {
    const until = this.world.now + within;
    let fault = this.world.faultOfTree();
    while (fault !== "" && this.world.now < until) {
      this.world.run(Math.min(10, until - this.world.now));
      fault = this.world.faultOfTree();
    }
    if (fault !== "") throw new Error(fault);
  }

  #steady(isSteady: boolean): void {
    let changes = 0;
    for (const { events } of this.world.nodes.values()) {
      changes += events.filter(({ name }) => name === "stp-topology-change").length;
    }
    const more = changes - this.#changes;
    this.#changes = changes;
    if (isSteady !== (more === 0)) throw new Error(`${more} topology changes`);
  }

  #reason(place: string, word: string | undefined): void {
    const [name, port] = this.#place(place);
    const is = this.world.node(name).row(port)["reason"];
    if (is !== word) throw new Error(`the reason is ${is}`);
  }
}

/** A port in one word: role, state, and of a root port the cost. */
function wordOf(node: StpNode, port: number): string {
  const row = node.row(port);
  const role = { disabled: "X", root: "R", designated: "D", alternate: "A", backup: "B" };
  const word = role[row["role"] as keyof typeof role] + String(row["state"])[0];
  return row["role"] === "root" ? `${word}:${node.row(-1)["rootCost"]}` : word;
}

function bridgeOptions(words: readonly string[]): Partial<StpBridgeConfig> {
  const options: Mutable<StpBridgeConfig> = {};
  for (const [key, value] of optionsOf(words)) {
    if (key === "priority") options.priority = Number(value);
    else if (key === "stp" || key === "rstp" || key === "off") options.protocol = key;
    else if (key === "hello") options.helloTime = millisOf(value);
    else if (key === "max-age") options.maxAge = millisOf(value);
    else if (key === "forward-delay") options.forwardDelay = millisOf(value);
    else if (key === "hold") options.txHoldCount = Number(value);
    else throw new Error(`a bridge has no "${key}"`);
  }
  return options;
}

function channelOptions(words: readonly string[]): Partial<StpChannelConfig> {
  const options: Mutable<StpChannelConfig> = {};
  for (const [key, value] of optionsOf(words)) {
    if (key === "cost") options.cost = Number(value);
    else if (key === "priority") options.priority = Number(value);
    else if (key === "edge") options.edge = value === "true" ? "on" : "off";
    else if (key === "no-edge") options.edge = "off";
    else if (key === "shared") options.pointToPoint = "off";
    else if (key === "recovery") options.guardRecovery = millisOf(value);
    else if (key in GUARDS) options[GUARDS[key as keyof typeof GUARDS]] = value === "true";
    else throw new Error(`a port has no "${key}"`);
  }
  return options;
}

const GUARDS = {
  "bpdu-guard": "bpduGuard",
  "bpdu-filter": "bpduFilter",
  "root-guard": "rootGuard",
  "loop-guard": "loopGuard",
  "tcn-guard": "tcnGuard",
} as const;

/** SEGMENT:COST^PRIORITY/option/option. */
function portOf(text: string): { segment: string; config: Partial<StpChannelConfig> } {
  const [, name = "", rest = ""] = /^([^:^/]+)(.*)$/.exec(text) ?? [];
  const words = [...rest.matchAll(/([:^/])([^:^/]+)/g)].map(([, sign, word = ""]) => {
    if (sign === "/") return word;
    return sign === ":" ? `cost=${word}` : `priority=${word}`;
  });
  return { segment: name === "-" ? "" : name, config: channelOptions(words) };
}
