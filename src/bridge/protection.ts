// What protects a bridge from its stations (BR-9): storm control, a limit of stations, isolation and loop detection. A
// channel that has any of the first three is `Guarded` in its lane, a bit that makes the lane negative as closed ones
// are: so a channel without protection pays nothing for it.

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { GroupPorts } from "../engine/groups.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, Mac, Millis, Offset, Vlan } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import type { Clock } from "./clock.ts";
import type { BridgeChannelConfig, BridgingConfig } from "./config.ts";
import type { Learning } from "./learning.ts";
import { LoopDetection, PROBE_TYPE } from "./loop.ts";
import { Lane, type Membership } from "./membership.ts";
import { Shut, WHY_NAMES, Why } from "./shut.ts";
import { Storm, StormControl } from "./storm.ts";
import { CHANNEL_MASK, Flag } from "./table.ts";

/** What the limit of stations says of a frame from a station that is new to its channel. */
export const Admission = { Learn: 0, Pass: 1, Drop: 2 } as const;
export type Admission = (typeof Admission)[keyof typeof Admission];

/** How often the same complaint about a channel is told: our choice. */
const AGAIN: Millis = 10_000;
const STORM_DROPS = [Drop.storm, Drop["storm-multicast"], Drop["storm-unicast"]] as const;

/** Isolation: everybody, nobody but those, and from here up communities. */
export const EVERYBODY = 0;
export const ISOLATED = 1;

export class Protection {
  readonly shut: Shut;
  readonly #out: Out;
  readonly #storm: StormControl;
  readonly #loops: LoopDetection;
  readonly #membership: Membership;
  readonly #channels: (BridgeChannelConfig | undefined)[];
  /** Words of a channel's row of bits. */
  readonly words: number;
  /** Whom each channel may send to: a row of bits each. */
  readonly #reach: Int32Array;
  readonly #toldLimit: Float64Array;
  readonly #toldOwn: Float64Array;
  readonly #limits: boolean;

  constructor(
    out: Out,
    clock: Clock,
    config: BridgingConfig,
    common: CommonConfig,
    membership: Membership,
  ) {
    const channels = common.channels.length;
    this.#out = out;
    this.#membership = membership;
    this.#channels = new Array<BridgeChannelConfig | undefined>(channels).fill(undefined);
    for (const bridge of config.bridges) {
      for (const member of bridge.channels) this.#channels[member.channel] = member;
    }
    this.shut = new Shut(out, clock, membership);
    this.#storm = new StormControl(out, config, channels);
    this.#loops = new LoopDetection(out, config, common, membership, this.shut);
    this.words = Math.max(1, (channels + 31) >>> 5);
    this.#reach = new Int32Array(channels * this.words).fill(-1);
    this.#toldLimit = new Float64Array(channels).fill(-AGAIN);
    this.#toldOwn = new Float64Array(channels).fill(-AGAIN);
    this.#limits = this.#channels.some((member) => member?.macLimit !== undefined);
    for (const member of this.#channels) {
      if (member === undefined) continue;
      const isolation = member.isolation ?? EVERYBODY;
      if (isolation !== EVERYBODY) this.#isolate(member.channel, isolation);
      if (isolation !== EVERYBODY || member.storm !== undefined || member.macLimit !== undefined) {
        membership.setReason(member.channel, Lane.Guarded, true);
      }
    }
  }

  /** An isolated channel reaches who is not; a community also itself. */
  #isolate(channel: ChannelId, isolation: number): void {
    for (const other of this.#channels) {
      if (other === undefined) continue;
      const theirs = other.isolation ?? EVERYBODY;
      if (theirs === EVERYBODY || (theirs === isolation && isolation !== ISOLATED)) continue;
      const word = channel * this.words + (other.channel >>> 5);
      this.#reach[word] = (this.#reach[word] as number) & ~(1 << (other.channel & 31));
    }
  }

  /** True when frames of `from` may leave through `to`. */
  mayReach(from: ChannelId, to: ChannelId): boolean {
    const word = this.#reach[from * this.words + (to >>> 5)] ?? -1;
    return ((word >>> (to & 31)) & 1) === 1;
  }

  isIsolated(channel: ChannelId): boolean {
    return (this.#channels[channel]?.isolation ?? EVERYBODY) !== EVERYBODY;
  }

  /** Takes out of a row of bits whom the channel may not reach. */
  restrict(from: ChannelId, allowed: Int32Array): void {
    for (let word = 0; word < this.words; word++) {
      allowed[word] = (allowed[word] as number) & (this.#reach[from * this.words + word] as number);
    }
  }

  /** A frame on a guarded channel: false when storm control drops it. Own probes pass: a loop is a storm. */
  admits(channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const high = view.getUint16(start);
    if ((high & 0x100) === 0 || this.#out.isTreated === true) return true;
    const isTagged = view.getUint16(start + 12) === EtherType.Vlan && end - start >= 18;
    const at = start + (isTagged ? 18 : 14);
    if (view.getUint16(at - 2) === PROBE_TYPE && this.#loops.isOwn(start, at, end)) return true;
    const isBroadcast = high === 0xffff && view.getInt32(start + 2) === -1;
    return this.#passes(channel, isBroadcast ? Storm.Broadcast : Storm.Multicast, now);
  }

  /** A frame to a station that nobody knows: false when storm control drops it. */
  admitsUnknown(channel: ChannelId, now: Millis): boolean {
    return this.#out.isTreated === true || this.#passes(channel, Storm.Unicast, now);
  }

  #passes(channel: ChannelId, kind: number, now: Millis): boolean {
    if (this.#storm.admits(channel, kind, now)) return true;
    this.#out.drop(STORM_DROPS[kind] as number);
    const storm = this.#channels[channel]?.storm;
    if (storm?.action === "shutdown") this.shut.shut(channel, Why.Storm, storm.recovery, now);
    return false;
  }

  /** A frame of a station on a guarded channel; its entry is in a slot, or (-1) nowhere. */
  station({ table }: Learning, slot: number, channel: ChannelId, now: Millis): Admission {
    const macLimit = this.#channels[channel]?.macLimit;
    if (macLimit === undefined) return Admission.Learn;
    const meta = slot < 0 ? -1 : table.meta(slot);
    if (meta >= 0 && ((meta & Flag.Static) !== 0 || (meta & CHANNEL_MASK) === channel)) {
      return Admission.Learn;
    }
    const { limit, action, recovery } = macLimit;
    if (table.count(channel) >= limit) table.reclaim();
    if (table.count(channel) < limit) return Admission.Learn;
    if (now - (this.#toldLimit[channel] as number) >= AGAIN) {
      this.#toldLimit[channel] = now;
      const bridge = this.#membership.bridgeOf[channel] as number;
      this.#out.event(EventCode["mac-limit"], bridge, channel, limit, 0);
    }
    if (action === "flood") return Admission.Pass;
    this.#out.drop(Drop["mac-limit"]);
    if (action === "shutdown") this.shut.shut(channel, Why.MacLimit, recovery, now);
    return Admission.Drop;
  }

  /**
   * Another core told of a station. Two cores may each have let the last one in at the same time; then the link master
   * takes the later away again, everywhere.
   */
  told(stations: Learning, low: number, key: number, now: Millis): void {
    if (!this.#limits || this.#out.master(Role.Link) !== this.#out.core) return;
    const { table } = stations;
    const slot = table.find(low, key);
    if (slot < 0 || (table.meta(slot) & Flag.Static) !== 0) return;
    const channel = table.meta(slot) & CHANNEL_MASK;
    const macLimit = this.#channels[channel]?.macLimit;
    if (macLimit === undefined || table.count(channel) <= macLimit.limit) return;
    table.reclaim();
    if (table.count(channel) > macLimit.limit) stations.forget(slot, now);
  }

  /** One of the appliance's own MACs as the source of a frame from outside: a loop, or a forger. */
  ownSeen(channel: ChannelId, mac: Mac, vlan: Vlan, now: Millis): void {
    if (now - (this.#toldOwn[channel] as number) < AGAIN) return;
    this.#toldOwn[channel] = now;
    const bridge = this.#membership.bridgeOf[channel] as number;
    this.#out.event(EventCode["own-mac-seen"], bridge, channel, mac, vlan);
  }

  /** A frame of the probes' type; true when it was our own, and is done with. */
  probed(
    channel: ChannelId,
    start: Offset,
    at: Offset,
    end: Offset,
    vlan: Vlan,
    now: Millis,
  ): boolean {
    return this.#loops.receive(channel, start, at, end, vlan, now);
  }

  /** What `show protection` prints of each channel of a bridge, in numbers; `count` gives a channel's stations. */
  rows(
    count: (bridge: number, channel: ChannelId) => number,
    now: Millis,
  ): Record<string, unknown>[] {
    return this.#channels.flatMap((member) => {
      if (member === undefined) return [];
      const { channel, storm, macLimit, isolation = EVERYBODY } = member;
      const bridge = this.#membership.bridgeOf[channel] as number;
      const isMuted = ((this.#membership.lane[channel] as number) & Lane.Muted) !== 0;
      const isShut = this.shut.isShut(channel);
      const until = this.shut.until(channel);
      return [
        {
          bridge,
          channel,
          state: isShut ? "shut" : isMuted ? "muted" : "open",
          reason: isShut ? WHY_NAMES[this.shut.why(channel)] : isMuted ? "moves" : null,
          opensMs: isShut && until < Infinity ? until - now : null,
          stations: count(bridge, channel),
          macLimit: macLimit?.limit ?? null,
          isolation,
          broadcast: storm?.broadcast?.rate ?? null,
          multicast: storm?.multicast?.rate ?? null,
          unicast: storm?.unicast?.rate ?? null,
        },
      ];
    });
  }

  tick(now: Millis, ports: GroupPorts): void {
    this.#storm.tick(now);
    this.shut.tick(now);
    this.#loops.tick(now, ports);
  }
}
