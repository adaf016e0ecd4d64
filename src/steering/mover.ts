// Bucket moves as a core carries them out: the machine of move.ts joined to the bus, the buffers and the engines.
//
// What the core's round has to call, and when:
//   after a driver's `receive` and before steering its frames ...... observe(now)
//   before dispatching a frame that another core handed over ....... holdsBack(port, start, end, now): if true, done
//   when `pick` said PARK .......................................... park(port, start, end)
//   after each driver's burst was treated, empty ones too .......... received(port, count, capacity, now)
//   for the records steer-passed and steer-drained ................. message(type, from, at, now)
//   after the last flush and before the bus is published ........... round(now)
// All but `park` cost a load and a compare when nothing moves.

import { Drop } from "../engine/drop.ts";
import { FIELDS, Message } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import type { Distributor } from "./distributor.ts";
import { MoveAction } from "./move.ts";

/** Field of both messages: the epoch of the move. Cost of a move: N-1 `passed` and one `drained`. */
const EPOCH = FIELDS;

/** What treats a frame as received from a port. */
export interface Receiver {
  receive(port: PortId, start: Offset, end: Offset, now: Millis): void;
}

export class Mover {
  readonly #distributor: Distributor;
  readonly #out: Out;
  readonly #receiver: Receiver;
  readonly #isAlive: (core: CoreId) => boolean;

  constructor(
    distributor: Distributor,
    out: Out,
    receiver: Receiver,
    isAlive: (core: CoreId) => boolean,
  ) {
    this.#distributor = distributor;
    this.#out = out;
    this.#receiver = receiver;
    this.#isAlive = isAlive;
  }

  /** Looks for an announcement of the control core. */
  observe(now: Millis): void {
    const actions = this.#distributor.move.observe(now);
    if (actions !== MoveAction.None) this.#act(actions, now);
  }

  /** True when a frame that another core handed over was parked, or dropped for want of room. */
  holdsBack(port: PortId, start: Offset, end: Offset, now: Millis): boolean {
    this.observe(now);
    if (!this.#distributor.parks(port, this.#out.view, start, end)) return false;
    this.park(port, start, end);
    return true;
  }

  /** Keeps a frame of the moving bucket until the move is through. */
  park(port: PortId, start: Offset, end: Offset): void {
    const handle = this.#out.hold(start, end);
    if (handle < 0 || this.#distributor.move.park(handle, port)) return;
    this.#out.release(handle);
    this.#out.drop(Drop["parking-full"]);
  }

  /** A port's burst has been treated. */
  received(port: PortId, count: number, capacity: number, now: Millis): void {
    const { move } = this.#distributor;
    if (move.active) move.received(port, count, capacity, now);
  }

  /** A record of another core; false when it is none of the two types. */
  message(type: number, from: CoreId, at: Offset, now: Millis): boolean {
    const { move } = this.#distributor;
    if (type === Message["steer-passed"]) move.passed(from, this.#out.view.getInt32(at + EPOCH));
    else if (type !== Message["steer-drained"]) return false;
    else {
      this.observe(now);
      this.#act(move.drained(this.#out.view.getInt32(at + EPOCH)), now);
    }
    return true;
  }

  /** The round's frames have been treated and sent. */
  round(now: Millis): void {
    const { move } = this.#distributor;
    if (move.active) this.#act(move.check(now, this.#isAlive), now);
  }

  #act(actions: number, now: Millis): void {
    if ((actions & MoveAction.Release) !== 0) this.#release(now);
    if ((actions & MoveAction.SendPassed) !== 0) {
      this.#tell(Message["steer-passed"], this.#distributor.move.from);
    }
    if ((actions & MoveAction.SendDrained) !== 0) {
      this.#tell(Message["steer-drained"], this.#distributor.move.to);
    }
  }

  #release(now: Millis): void {
    const { move } = this.#distributor;
    for (let handle = move.unpark(); handle >= 0; handle = move.unpark()) {
      const out = this.#out;
      this.#receiver.receive(move.unparkedPort, out.heldStart(handle), out.heldEnd(handle), now);
      out.release(handle);
    }
  }

  #tell(type: number, to: CoreId): void {
    const at = this.#out.draft(type);
    this.#out.view.setInt32(at + EPOCH, this.#distributor.move.epoch);
    this.#out.send(to);
  }
}
