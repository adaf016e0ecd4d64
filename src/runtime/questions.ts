// Questions to cores and their answers: each has a number, a time-out, and ends when its core does. An echo is answered
// apart from its command, because the reply may reach another core than the one that sent it.

import type { CoreCommand, PingAnswer } from "../control/appliance-port.ts";
import { STATUS_NAMES, Status } from "../host/sender.ts";
import type { CoreId, Millis } from "../lib/units.ts";
import { ApplianceError, revive } from "./errors.ts";
import type { Reply, Request } from "./protocol.ts";

/** A core that answers no command for so long is stuck. */
const PATIENCE: Millis = 5000;
/** Statuses up to this one of host/sender.ts mean that the packet is on its way. */
const LAST_GOOD_STATUS = Status.Waiting;

interface Waiting {
  readonly core: CoreId;
  readonly timer: NodeJS.Timeout;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

interface Ping {
  readonly sent: Millis;
  readonly timer: NodeJS.Timeout;
  resolve(answer: PingAnswer): void;
}

/** A request without its number, which `ask` gives. */
type Unnumbered<R> = R extends Request ? Omit<R, "id"> : never;
export type Question = Unnumbered<Request>;

export class Questions {
  readonly #post: (core: CoreId, request: Request) => boolean;
  readonly #now: () => Millis;
  readonly #waiting = new Map<number, Waiting>();
  readonly #pings = new Map<number, Ping>();
  #nextRequest = 1;
  #nextPing = 1;

  /** `post` gives a request to a core and wakes it; false when the core is not online. */
  constructor(post: (core: CoreId, request: Request) => boolean, now: () => Millis) {
    this.#post = post;
    this.#now = now;
  }

  /** Asks a core; rejects when it is not online, ends, refuses, or does not answer in time. */
  ask(core: CoreId, question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextRequest++;
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ApplianceError("core-silent", `Core ${core} did not answer in ${PATIENCE} ms`));
      }, PATIENCE);
      this.#waiting.set(id, { core, timer, resolve, reject });
      if (this.#post(core, { id, ...question } as Request)) return;
      clearTimeout(timer);
      this.#waiting.delete(id);
      reject(new ApplianceError("core-not-online", `Core ${core} is not online`));
    });
  }

  /** Takes an answer, a refusal or an echo's end. */
  answered(reply: Reply): void {
    if (reply.kind === "pong") this.#ponged(reply.id, reply.reason, reply.at);
    if (reply.kind !== "answer" && reply.kind !== "refused") return;
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    clearTimeout(waiting.timer);
    if (reply.kind === "answer") waiting.resolve(reply.answer);
    else waiting.reject(revive(reply.error));
  }

  /** Ends what waits for a core, or (-1) for any. */
  forget(core: CoreId, error: Error): void {
    for (const [id, waiting] of this.#waiting) {
      if (core >= 0 && waiting.core !== core) continue;
      this.#waiting.delete(id);
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
  }

  /** Sends one echo from a core. */
  async ping(core: CoreId, question: Extract<CoreCommand, { kind: "ping" }>): Promise<PingAnswer> {
    const id = this.#nextPing++ & 0xffff;
    const sent = this.#now();
    const answer = new Promise<PingAnswer>((resolve) => {
      const timer = setTimeout(() => {
        this.#pings.delete(id);
        resolve({ replied: false, roundTripMs: 0, reason: "timeout" });
      }, question.timeoutMs);
      this.#pings.set(id, { sent, timer, resolve });
    });
    const command = { ...question, id };
    const { status } = (await this.ask(core, { kind: "command", command })) as { status: number };
    if (status > LAST_GOOD_STATUS) {
      this.#ponged(id, STATUS_NAMES[status] ?? "unreachable", this.#now());
    }
    return answer;
  }

  #ponged(id: number, reason: string, at: Millis): void {
    const ping = this.#pings.get(id);
    if (ping === undefined) return;
    this.#pings.delete(id);
    clearTimeout(ping.timer);
    const replied = reason === "";
    ping.resolve({ replied, roundTripMs: replied ? at - ping.sent : 0, reason });
  }
}
