// Who has followed what (LAG-6): for each port the sequence of the master's last message, the one that every core
// must have acknowledged before the port may go on, and how far each core has come. Plain numbers, so that a state
// can be copied.

import type { CoreId, Millis, PortId } from "../lib/units.ts";

const OFF = -1;

export class Sync {
  readonly cores: number;
  readonly core: CoreId;
  /** Of the last message about a port, sent or followed. */
  readonly sequences: number[];
  /** The sequence that must be acknowledged; 0 = none. */
  readonly wanted: number[];
  /** Index = core * ports + port. */
  readonly acked: number[];
  /** 1 = something is to be told. */
  readonly pending: number[];
  /** The Mux as it was last told. */
  readonly told: number[];
  readonly resendAt: Millis[];

  constructor(cores: number, ports: number, core: CoreId) {
    this.cores = cores;
    this.core = core;
    const zeros = (length: number): number[] => new Array<number>(length).fill(0);
    this.sequences = zeros(ports);
    this.wanted = zeros(ports);
    this.acked = zeros(ports * cores);
    this.pending = zeros(ports);
    this.told = zeros(ports);
    this.resendAt = new Array<number>(ports).fill(OFF);
  }

  /** The same for another number of ports, after a reload: nobody has acknowledged anything of it. */
  resized(ports: number): Sync {
    const sync = new Sync(this.cores, ports, this.core);
    for (let port = 0; port < ports; port++) sync.sequences[port] = this.sequences[port] ?? 0;
    return sync;
  }

  sequence(port: PortId): number {
    return this.sequences[port] ?? 0;
  }

  /** Something about a port is to be told; `mustFollow` holds the port until all cores have followed. */
  changed(port: PortId, mustFollow: boolean): void {
    this.pending[port] = 1;
    if (mustFollow && this.cores > 1) this.wanted[port] = this.sequence(port) + 1;
  }

  /** Takes what is to be told, under a new sequence; 0 when there is nothing. */
  take(port: PortId, resendAt: Millis): number {
    const kind = this.pending[port] ?? 0;
    if (kind === 0) return 0;
    this.sequences[port] = this.sequence(port) + 1;
    this.pending[port] = 0;
    this.resendAt[port] = resendAt;
    return kind;
  }

  /** Cores that have not followed are told again then. */
  postpone(port: PortId, resendAt: Millis): void {
    this.resendAt[port] = resendAt;
  }

  /** True when the Mux is not as it was last told; then it is, now. */
  hasMoved(port: PortId, mux: number): boolean {
    const moved = this.told[port] !== mux;
    this.told[port] = mux;
    return moved;
  }

  /** True when cores are to acknowledge what is sent now. */
  isWanted(port: PortId): boolean {
    return (this.wanted[port] ?? 0) > 0;
  }

  isOverdue(port: PortId, now: Millis): boolean {
    return (
      this.isWanted(port) &&
      (this.resendAt[port] ?? OFF) !== OFF &&
      now >= (this.resendAt[port] ?? 0)
    );
  }

  hasAcknowledged(port: PortId, core: CoreId): boolean {
    return (this.acked[core * this.sequences.length + port] ?? 0) >= (this.wanted[port] ?? 0);
  }

  acknowledged(port: PortId, core: CoreId, sequence: number): void {
    const at = core * this.sequences.length + port;
    if (sequence > (this.acked[at] ?? 0) && sequence <= this.sequence(port))
      this.acked[at] = sequence;
  }

  /** True when every core that lives has followed; then the port waits for nothing any more. */
  isSettled(port: PortId, isAlive: (core: CoreId) => boolean): boolean {
    if ((this.wanted[port] ?? 0) === 0) return true;
    for (let core = 0; core < this.cores; core++) {
      if (core === this.core || !isAlive(core) || this.hasAcknowledged(port, core)) continue;
      return false;
    }
    this.wanted[port] = 0;
    return true;
  }

  /** This core follows the master's message. */
  follow(port: PortId, sequence: number): void {
    this.sequences[port] = sequence;
  }

  /** Another core is the master now, or this one: acknowledgements of before mean nothing. */
  newMaster(): void {
    this.acked.fill(0);
    this.wanted.fill(0);
    this.pending.fill(0);
    this.told.fill(-1);
  }
}
