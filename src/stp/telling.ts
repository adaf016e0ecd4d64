// The messages of spanning tree: the master tells what changed of a port, once to each core, and again to who has not
// acknowledged; the others acknowledge.

import { Message } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, CoreId, Millis } from "../lib/units.ts";
import { RESEND } from "./config.ts";
import * as message from "./message.ts";
import type { Port } from "./port.ts";
import { Sync } from "./sync.ts";
import { Told } from "./told.ts";
import type { Tree } from "./tree.ts";

export class Telling {
  epoch: number;
  sync: Sync;
  #told: Told[];
  readonly #out: Out;

  constructor(out: Out, channels: number, epoch: number) {
    this.#out = out;
    this.epoch = epoch;
    this.sync = new Sync(out.cores, channels, out.core);
    this.#told = Array.from({ length: channels }, () => new Told());
  }

  /** Another configuration: nobody has acknowledged, or been told, anything of it. */
  renew(channels: number, epoch: number): void {
    this.epoch = epoch;
    this.sync = this.sync.resized(channels);
    this.#told = Array.from({ length: channels }, () => new Told());
  }

  /** Another core is the master now, or this one. */
  newMaster(): void {
    this.sync.newMaster();
    for (const told of this.#told) told.forget();
  }

  readonly #isAlive = (core: CoreId): boolean => this.#out.isAlive?.(core) ?? true;

  /** True when every core that lives enforces what was last told of the port. */
  isSettled(port: Port): boolean {
    return this.sync.isSettled(port.config.channel, this.#isAlive);
  }

  /** The same for who only looks. */
  hasSettled(port: Port): boolean {
    return this.sync.hasSettled(port.config.channel, this.#isAlive);
  }

  /** Tells every other core what changed since the last time: one message for each port and core. */
  tell(tree: Tree, now: Millis): void {
    if (this.#out.cores === 1) return;
    for (const port of tree.ports) {
      const { channel } = port.config;
      const told = this.#told[channel] as Told;
      if (!told.isStale(port)) continue;
      this.sync.advance(channel, now + RESEND);
      this.#draft(port, typeOf(told, port), this.sync.isWanted(channel), now);
      told.record(port);
      this.#out.broadcast();
    }
  }

  #draft(port: Port, type: number, wantsAck: boolean, now: Millis): void {
    const { view } = this.#out;
    const { channel } = port.config;
    const at = this.#out.draft(type);
    message.writeHead(view, at, channel, this.sync.sequence(channel), this.epoch);
    message.writePort(view, at, port, wantsAck ? message.WANTS_ACK : 0, now);
  }

  /**
   * Tells cores again that have not acknowledged in time. True when nobody is left who should have: who had not
   * acknowledged has died.
   */
  resend(port: Port, now: Millis): boolean {
    const { channel } = port.config;
    if (!this.sync.isOverdue(channel, now)) return false;
    if (this.isSettled(port)) return true;
    this.sync.postpone(channel, now + RESEND);
    for (let core = 0; core < this.#out.cores; core++) {
      if (core === this.#out.core || this.sync.hasAcknowledged(channel, core)) continue;
      if (!this.#isAlive(core)) continue;
      this.#draft(port, Message["stp-port"], true, now);
      this.#out.send(core);
    }
    return false;
  }

  /** Tells one core of a port, whatever it knows. */
  tellOne(to: CoreId, port: Port, now: Millis): void {
    const { channel } = port.config;
    const wanted = this.sync.isWanted(channel) && !this.sync.hasAcknowledged(channel, to);
    this.#draft(port, Message["stp-port"], wanted, now);
    this.#out.send(to);
  }

  acknowledge(to: CoreId, channel: ChannelId): void {
    const at = this.#out.draft(Message["stp-ack"]);
    message.writeHead(this.#out.view, at, channel, this.sync.sequence(channel), this.epoch);
    this.#out.send(to);
  }
}

function typeOf(told: Told, port: Port): number {
  if (told.hasFlushed(port)) return Message["stp-flush"];
  return Message[told.hasMoved(port) ? "stp-port" : "stp-role"];
}
