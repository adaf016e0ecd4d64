// Answers that do not end by themselves: events, traces, captures. A bounded number at once; each ends with its client,
// and all end with the server.

import type { ServerResponse } from "node:http";
import { ControlError } from "../control/errors.ts";

/** Streams at once. Our choice: a page in several windows, a few captures. */
const MOST = 32;

export class Streams {
  readonly #open = new Map<ServerResponse, () => void>();

  /** Takes a stream's response; `end` is called once, when the client has gone or the server stops. */
  open(response: ServerResponse, end: () => void): void {
    if (this.#open.size >= MOST) {
      end();
      const hint = "close one, and try again";
      throw new ControlError("too-many", `There are ${MOST} open streams`, hint);
    }
    this.#open.set(response, end);
    response.once("close", () => {
      this.#open.delete(response);
      end();
    });
  }

  close(): void {
    for (const [response, end] of this.#open) {
      end();
      response.destroy();
    }
    this.#open.clear();
  }
}
