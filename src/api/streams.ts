// Answers that do not end by themselves: events, traces, captures. A bounded number at once; each ends with its client,
// and all end with the server.

import type { Server, ServerResponse } from "node:http";
import { ControlError } from "../control/errors.ts";

/** Streams at once. Our choice: a page in several windows, a few captures. */
const MOST = 32;

export class Streams {
  readonly #open = new Map<ServerResponse, () => void>();
  /** How each ends in good order. */
  readonly #finish = new WeakMap<ServerResponse, () => void>();

  /**
   * Takes a stream's response; `end` is called once, when the client has gone or the server stops. `finish` ends it
   * with all that was written.
   */
  open(
    response: ServerResponse,
    end: () => void,
    finish: () => void = () => {
      end();
      response.end();
    },
  ): void {
    if (this.#open.size >= MOST) {
      end();
      const hint = "close one, and try again";
      throw new ControlError("too-many", `There are ${MOST} open streams`, hint);
    }
    this.#open.set(response, end);
    this.#finish.set(response, finish);
    response.once("close", () => {
      this.#open.delete(response);
      end();
    });
  }

  /** Ends those of one listener, as streams end. */
  endOf(server: Server): void {
    for (const response of [...this.#open.keys()]) {
      if ((response.socket as { server?: unknown } | null)?.server !== server) continue;
      this.#finish.get(response)?.();
    }
  }

  close(): void {
    for (const [response, end] of this.#open) {
      end();
      response.destroy();
    }
    this.#open.clear();
  }
}
