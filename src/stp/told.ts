// What the other cores were told last of a port, so that only what changed is told.

import * as message from "./message.ts";
import type { Port } from "./port.ts";
import { compare, copyTimes, copyVector, makeTimes, makeVector, sameTimes } from "./vector.ts";

export class Told {
  #state = -1;
  #role = -1;
  #info = -1;
  #bits = -1;
  #flushes = -1;
  readonly #vector = makeVector();
  readonly #times = makeTimes();

  /** True when something that the others must know is not as it was told. */
  isStale(port: Port): boolean {
    return (
      this.#state !== port.state ||
      this.#role !== port.role ||
      this.#info !== port.infoIs ||
      this.#flushes !== port.flushes ||
      this.#bits !== message.bitsOf(port) ||
      compare(this.#vector, port.portPriority) !== 0 ||
      !sameTimes(this.#times, port.portTimes)
    );
  }

  hasMoved(port: Port): boolean {
    return this.#state !== port.state;
  }

  hasFlushed(port: Port): boolean {
    return this.#flushes >= 0 && this.#flushes !== port.flushes;
  }

  /** All is told now. */
  record(port: Port): void {
    this.#state = port.state;
    this.#role = port.role;
    this.#info = port.infoIs;
    this.#flushes = port.flushes;
    this.#bits = message.bitsOf(port);
    copyVector(port.portPriority, this.#vector);
    copyTimes(port.portTimes, this.#times);
  }

  /** Nobody knows anything any more. */
  forget(): void {
    this.#state = -1;
    this.#flushes = -1;
  }
}
