// The network around an appliance: one shared segment per port with stations on it, who talk, move and fall silent by a
// seeded plan. Pure: frames to the appliance go out through `toAppliance`, frames from it come in by `deliver`.

import { Prng } from "../lib/prng.ts";
import type { Millis, Offset, PortId } from "../lib/units.ts";
import * as bytes from "../wire/bytes.ts";
import { Station, type StationOptions } from "./station.ts";

/** Hands a frame to the appliance's port; the bytes are only valid during the call. */
export type ToAppliance = (port: PortId, view: DataView, start: Offset, end: Offset) => void;

interface Place {
  readonly station: Station;
  /** Ports that the station may sit on: its VLAN's. */
  readonly ports: readonly { port: PortId; tag: number }[];
  port: PortId;
  /** When it does something next. */
  next: Millis;
  wakes: Millis;
}

/** What the stations do, and how often; probabilities are per action. */
export interface Behaviour {
  /** Mean time between two actions of one station. */
  readonly pace: Millis;
  readonly move: number;
  readonly silence: number;
  /** How long a silent station stays so. */
  readonly silentFor: Millis;
  /** Share of the pings that go over IPv6, to stations with a global address; none when left out. */
  readonly ipv6?: number;
  /** When IPv6 pings begin, counted from the world's first tick. */
  readonly ipv6After?: Millis;
}

export interface WorldEvent {
  readonly kind: "moved" | "silent" | "back";
  readonly name: string;
  readonly from: PortId;
  readonly to: PortId;
}

/** Share of the IPv6 pings within a VLAN that go to link-local addresses. Our choice: some. */
const LINK_LOCAL_SHARE = 0.25;

export class World {
  readonly stations: Station[] = [];
  readonly #places: Place[] = [];
  readonly #onPort: Place[][];
  readonly #random: Prng;
  readonly #toAppliance: ToAppliance;
  readonly #behaviour: Behaviour;
  readonly #tell: (event: WorldEvent) => void;
  /** Addresses that nobody has, pinged now and then. */
  readonly #strangers: number[];
  moves = 0;
  silences = 0;
  #began: Millis = Number.NaN;

  constructor(
    ports: number,
    seed: number,
    behaviour: Behaviour,
    toAppliance: ToAppliance,
    strangers: readonly number[] = [],
    tell: (event: WorldEvent) => void = () => {},
  ) {
    this.#onPort = Array.from({ length: ports }, () => []);
    this.#random = new Prng(seed);
    this.#behaviour = behaviour;
    this.#toAppliance = toAppliance;
    this.#strangers = [...strangers];
    this.#tell = tell;
  }

  /** Adds a station that may live on any of `ports`, starting on one of them. */
  add(
    options: Omit<StationOptions, "tag">,
    ports: readonly { port: PortId; tag: number }[],
  ): Station {
    const home = this.#random.pick(ports);
    const station = new Station({ ...options, tag: home.tag }, (view, start, end) =>
      this.#fromStation(place, view, start, end),
    );
    const place: Place = {
      station,
      ports,
      port: home.port,
      next: this.#random.fraction() * this.#behaviour.pace,
      wakes: 0,
    };
    this.#onPort[home.port]?.push(place);
    this.#places.push(place);
    this.stations.push(station);
    return station;
  }

  /** Frames on their way to stations of the same segment; a station that answers adds to the end. */
  readonly #onSegment: { from: Place; frame: DataView }[] = [];

  /** A station's frame reaches everybody on its segment, the appliance among them. */
  #fromStation(from: Place, view: DataView, start: Offset, end: Offset): void {
    this.#toAppliance(from.port, view, start, end);
    const copy = new DataView(new ArrayBuffer(end - start));
    bytes.copy(view, start, copy, 0, end - start);
    this.#onSegment.push({ from, frame: copy });
  }

  #drainSegments(now: Millis): void {
    for (let next = this.#onSegment.shift(); next !== undefined; next = this.#onSegment.shift()) {
      const { from, frame } = next;
      for (const place of this.#onPort[from.port] ?? []) {
        if (place !== from) place.station.receive(frame, 0, frame.byteLength, now);
      }
    }
  }

  /** A frame from the appliance reaches everybody on the port's segment. */
  deliver(port: PortId, view: DataView, start: Offset, end: Offset, now: Millis): void {
    for (const place of this.#onPort[port] ?? []) place.station.receive(view, start, end, now);
    this.#drainSegments(now);
  }

  /** Lets every station do what is due. */
  tick(now: Millis): void {
    if (Number.isNaN(this.#began)) this.#began = now;
    for (const place of this.#places) {
      place.station.tick(now);
      if (now < place.next) continue;
      place.next = now + this.#random.fraction() * 2 * this.#behaviour.pace;
      this.#act(place, now);
    }
    this.#drainSegments(now);
  }

  #act(place: Place, now: Millis): void {
    const { station } = place;
    if (station.silent) {
      if (now < place.wakes) return;
      station.silent = false;
      this.#tell({ kind: "back", name: station.name, from: place.port, to: place.port });
    }
    if (this.#random.chance(this.#behaviour.move) && place.ports.length > 1) this.move(station);
    else if (this.#random.chance(this.#behaviour.silence)) {
      station.silent = true;
      place.wakes = now + this.#behaviour.silentFor;
      this.silences++;
      this.#tell({ kind: "silent", name: station.name, from: place.port, to: place.port });
      return;
    }
    if (this.#isIpv6(now)) {
      this.#ping6(station, now);
      return;
    }
    const stranger = this.#strangers.length > 0 && this.#random.chance(0.01);
    const target = stranger
      ? this.#random.pick(this.#strangers)
      : this.#random.pick(this.stations).address;
    if (target !== station.address) station.ping(target, now);
  }

  #isIpv6(now: Millis): boolean {
    const { ipv6 = 0, ipv6After = 0 } = this.#behaviour;
    return ipv6 > 0 && now - this.#began >= ipv6After && this.#random.chance(ipv6);
  }

  /**
   * Pings another station: mostly its global address, and a neighbour of the same VLAN by its link-local one at
   * times.
   */
  #ping6(station: Station, now: Millis): void {
    const other = this.#random.pick(this.stations);
    const { address, linkLocal } = other.ipv6;
    if (other === station || address === null) return;
    const isNear = station.ipv6.isOnLink(address) && this.#random.chance(LINK_LOCAL_SHARE);
    station.ping6(isNear ? linkLocal : address, now);
  }

  /** Moves a station to another of its ports; it announces itself there. */
  move(station: Station): void {
    const place = this.#places.find((candidate) => candidate.station === station);
    if (place === undefined) return;
    const others = place.ports.filter(({ port }) => port !== place.port);
    if (others.length === 0) return;
    const to = this.#random.pick(others);
    const here = this.#onPort[place.port] ?? [];
    here.splice(here.indexOf(place), 1);
    this.#tell({ kind: "moved", name: station.name, from: place.port, to: to.port });
    place.port = to.port;
    station.tag = to.tag;
    this.#onPort[to.port]?.push(place);
    this.moves++;
    station.announce();
  }

  /** Stops everybody: no more pings of their own; answers still come. */
  calm(): void {
    for (const place of this.#places) place.next = Number.POSITIVE_INFINITY;
  }

  /** Totals over all stations; `sent`, `answered`, `lost` are of both versions of IP, with a 6 of IPv6 alone. */
  totals(): {
    sent: number;
    answered: number;
    lost: number;
    unreachables: number;
    duplicates: number;
    arpRequests: number;
    sent6: number;
    answered6: number;
    lost6: number;
    solicitations: number;
    frames: number;
  } {
    const totals = {
      sent: 0,
      answered: 0,
      lost: 0,
      unreachables: 0,
      duplicates: 0,
      arpRequests: 0,
      sent6: 0,
      answered6: 0,
      lost6: 0,
      solicitations: 0,
      frames: 0,
    };
    for (const station of this.stations) {
      totals.sent += station.pingsSent + station.ipv6.pingsSent;
      totals.answered += station.pingsAnswered + station.ipv6.pingsAnswered;
      totals.lost += station.pingsLost + station.ipv6.pingsLost;
      totals.unreachables += station.unreachables + station.ipv6.unreachables;
      totals.duplicates += station.duplicates + station.ipv6.duplicates;
      totals.arpRequests += station.arpRequestsSent;
      totals.sent6 += station.ipv6.pingsSent;
      totals.answered6 += station.ipv6.pingsAnswered;
      totals.lost6 += station.ipv6.pingsLost;
      totals.solicitations += station.ipv6.solicitationsSent;
      totals.frames += station.framesReceived;
    }
    return totals;
  }
}
