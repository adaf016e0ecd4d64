// The lab "lacp": an aggregate of four cables between the appliance and a switch, stations on both sides, and a
// partner that breaks: every few seconds another member in another way, by the seed. `show lacp` and `explain lacp
// LA/1` tell what is.

import { Prng } from "../lib/prng.ts";
import type { Mac, Millis, Offset, PortId } from "../lib/units.ts";
import { FAULTS, Partner, type PartnerHooks } from "../sim/partner.ts";
import type { Behaviour, World } from "../sim/world.ts";

/** The appliance's configuration, as a user would write it. */
export function bundleConfig(cores: number): string {
  return `# The lab "lacp": four cables to one switch as LA/1, and two ports of its own, in one VLAN.
cores: {count: ${cores}}
ports:
  p0: {driver: memory}
  p1: {driver: memory}
  p2: {driver: memory}
  p3: {driver: memory}
  p4: {driver: memory}
  p5: {driver: memory}
channels:
  LA/1: {members: [p0, p1, p2, p3], lacp: {rate: fast}}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      LA/1: {mode: access, access-vlan: 10}
      p4: {mode: access, access-vlan: 10}
      p5: {mode: access, access-vlan: 10}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24]}
global-cache: {size: 32MiB}
`;
}

export const BUNDLE_PORTS = 6;
const MEMBERS: readonly PortId[] = [0, 1, 2, 3];
/** In the world, the segment behind the partner has the first member's number. */
const BEHIND: PortId = 0;
const EDGES: readonly PortId[] = [4, 5];
const STATIONS = 32;
const SYSTEM: Mac = 0x02cc_0000_0001;
/**
 * A fault lasts, and another comes after: longer than LACP's short timeout and its wait together, so that both show.
 */
const FAULT_TIME: Millis = 8000;
const CALM_TIME: Millis = 5000;

/** Stations that stay where they are and ping each other ten times a second. */
export const BUNDLE_BEHAVIOUR: Behaviour = { pace: 100, move: 0, silence: 0, silentFor: 0 };

/** Puts half of the stations behind the partner, half on the appliance's own ports. */
export function populateBundle(world: World): void {
  for (let index = 0; index < STATIONS; index++) {
    const port = index % 2 === 0 ? BEHIND : (EDGES[(index >> 1) % EDGES.length] as PortId);
    world.add(
      {
        name: `h${index}`,
        mac: 0x0200_000a_0000 + index,
        address: 0xc000_020a + index,
        prefix: 24,
        gateway: 0xc000_0201,
      },
      [{ port, tag: 0 }],
    );
  }
}

/** Between the world and the appliance: the partner takes the members, everything else passes. */
export class Bundle {
  readonly partner: Partner;
  world: World | null = null;
  readonly #hooks: PartnerHooks;
  readonly #random: Prng;
  #next: Millis = CALM_TIME;
  #broken = -1;
  #presses = 0;
  #now: Millis = 0;

  constructor(seed: number, hooks: Pick<PartnerHooks, "toAppliance" | "setLink">) {
    this.#random = new Prng(seed);
    this.#hooks = {
      ...hooks,
      toHosts: (view, start, end) => this.world?.deliver(BEHIND, view, start, end, this.#now),
    };
    this.partner = new Partner(MEMBERS, SYSTEM, this.#hooks);
  }

  /** A station's frame on its way to the appliance. */
  readonly send = (port: PortId, view: DataView, start: Offset, end: Offset): void => {
    if (port === BEHIND) this.partner.send(view, start, end);
    else this.#hooks.toAppliance(port, view, start, end);
  };

  /** A frame of the appliance. */
  deliver(port: PortId, view: DataView, start: Offset, end: Offset, now: Millis): void {
    this.#now = now;
    if (MEMBERS.includes(port)) this.partner.receive(port, view, start, end, now);
    else this.world?.deliver(port, view, start, end, now);
  }

  tick(now: Millis): void {
    this.#now = now;
    this.partner.tick(now);
    this.world?.tick(now);
    if (now < this.#next) return;
    if (this.#broken >= 0) {
      this.partner.break(this.#broken, null);
      this.#broken = -1;
      this.#next = now + CALM_TIME;
    } else {
      this.#broken = this.#random.below(MEMBERS.length);
      this.partner.break(this.#broken, this.#random.pick(FAULTS));
      this.#next = now + FAULT_TIME;
    }
  }

  /**
   * A command of the person who watches: `break 2 mute` (member 0 to 3, a name of FAULTS) or `mend`. From
   * the first one on nothing breaks by itself. Returns what was done, or what could have been said.
   */
  command(words: readonly string[]): string {
    const [verb, member = "", name = ""] = words;
    const fault = FAULTS.find((known) => known.startsWith(name));
    const index = Number(member);
    if (verb === "mend") {
      this.calm();
      return "all members are mended";
    }
    if (verb !== "break" || !(index in MEMBERS) || name === "" || fault === undefined) {
      return `say "mend", or "break MEMBER FAULT" with a member 0 to ${MEMBERS.length - 1} and one of ${FAULTS.join(", ")}`;
    }
    this.calm();
    this.#broken = index;
    this.partner.break(index, fault);
    return `member ${index} is broken: ${fault}`;
  }

  /** Key b: the next member breaks in the next way; key m: all are mended. */
  key(key: string): void {
    if (key === "m") this.command(["mend"]);
    if (key !== "b") return;
    const turn = this.#presses++;
    const member = String(turn % MEMBERS.length);
    this.command(["break", member, FAULTS[turn % FAULTS.length] ?? "cut"]);
  }

  /** Mends everything: the end of the lab. */
  calm(): void {
    if (this.#broken >= 0) this.partner.break(this.#broken, null);
    this.#broken = -1;
    this.#next = Number.POSITIVE_INFINITY;
  }
}
