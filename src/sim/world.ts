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
}

export interface WorldEvent {
  readonly kind: "moved" | "silent" | "back";
  readonly name: string;
  readonly from: PortId;
  readonly to: PortId;
}

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
    const stranger = this.#strangers.length > 0 && this.#random.chance(0.01);
    const target = stranger
      ? this.#random.pick(this.#strangers)
      : this.#random.pick(this.stations).address;
    if (target !== station.address) station.ping(target, now);
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

  /** Totals over all stations. */
  totals(): {
    sent: number;
    answered: number;
    lost: number;
    unreachables: number;
    duplicates: number;
    arpRequests: number;
    frames: number;
  } {
    const totals = {
      sent: 0,
      answered: 0,
      lost: 0,
      unreachables: 0,
      duplicates: 0,
      arpRequests: 0,
      frames: 0,
    };
    for (const station of this.stations) {
      totals.sent += station.pingsSent;
      totals.answered += station.pingsAnswered;
      totals.lost += station.pingsLost;
      totals.unreachables += station.unreachables;
      totals.duplicates += station.duplicates;
      totals.arpRequests += station.arpRequestsSent;
      totals.frames += station.framesReceived;
    }
    return totals;
  }
}
