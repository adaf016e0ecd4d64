// The threads of the data cores: started, spoken to by mailbox and flag, woken, ended. What their ends mean is decided
// elsewhere (core/supervision.ts).

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { ApplianceConfig } from "../core/config.ts";
import { type Layout, Presence, presenceWord } from "../core/layout.ts";
import type { Arena } from "../lib/arena.ts";
import type { CoreId } from "../lib/units.ts";
import { close } from "../ports/linux/ffi.ts";
import { allowedCpus, makeEventFd, signal } from "../ports/linux/parking.ts";
import type { StatePage } from "../ports/steering.ts";
import { revive } from "./errors.ts";
import type { PortOpening, Reply, Request, WorkerStart } from "./protocol.ts";
import { workerUrl } from "./worker-url.ts";

/**
 * Heap of a core's thread in megabytes. Tables and frames lie outside it and rounds allocate nothing, so the young
 * generation may be small; the old one holds code, configuration and what a question about a table is answered with.
 */
const CORE_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 256 } as const;

interface CoreThread {
  readonly worker: Worker;
  readonly mailbox: MessagePort;
  online: boolean;
  ended: boolean;
  /** Its number in /proc, and how long it had run at the last look, in nanoseconds. */
  task: string;
  ran: string;
}

/** What all threads share. */
export interface Shared {
  readonly arena: Arena;
  readonly layout: Layout;
  readonly origin: bigint;
  readonly page: StatePage;
  /** Tests may have faults injected (faults.ts). */
  readonly faults: boolean;
}

/** Who hears of the threads. */
export interface Listener {
  online(core: CoreId, reply: Extract<Reply, { kind: "online" }>): void;
  /** The thread says, or Node says of it, that it cannot go on. It ends, or has ended. */
  failed(core: CoreId, error: Error): void;
  ended(core: CoreId): void;
  replied(reply: Reply): void;
}

export class Threads {
  readonly #shared: Shared;
  readonly #listener: Listener;
  readonly #wakeups: readonly number[];
  readonly #cpus: readonly number[];
  readonly #threads: (CoreThread | null)[];

  constructor(shared: Shared, listener: Listener) {
    const { cores } = shared.layout;
    this.#shared = shared;
    this.#listener = listener;
    this.#wakeups = Array.from({ length: cores }, () => makeEventFd());
    const cpus = allowedCpus();
    const pinned = cores <= cpus.length && cores <= availableParallelism();
    this.#cpus = pinned ? cpus : [];
    this.#threads = Array.from({ length: cores }, () => null);
  }

  /** Starts a core's thread. `joins`: the others run already. */
  start(
    core: CoreId,
    config: ApplianceConfig,
    ports: readonly (PortOpening | null)[],
    joins: boolean,
  ): void {
    const { arena, layout, origin, page, faults } = this.#shared;
    const { port1, port2 } = new MessageChannel();
    const start: WorkerStart = {
      memory: arena.memory,
      layout,
      core,
      config,
      ports,
      wakeups: this.#wakeups,
      origin,
      cpu: this.#cpus[core] ?? -1,
      mailbox: port2,
      page,
      joins,
      faults,
    };
    const worker = new Worker(workerUrl(import.meta.url, "./core-worker"), {
      workerData: start,
      transferList: [port2],
      name: `core-${core}`,
      resourceLimits: CORE_LIMITS,
    });
    const thread: CoreThread = {
      worker,
      mailbox: port1,
      online: false,
      ended: false,
      task: "",
      ran: "",
    };
    this.#threads[core] = thread;
    this.#listen(core, thread);
  }

  #listen(core: CoreId, thread: CoreThread): void {
    const { mailbox, worker } = thread;
    mailbox.on("message", (reply: Reply) => this.#hear(core, thread, reply));
    worker.on("error", (error) => {
      thread.online = false;
      this.#listener.failed(core, error as Error);
    });
    worker.on("exit", () => {
      // Its end may be known here before what it said last: the two come by ways of their own.
      for (;;) {
        const last = receiveMessageOnPort(mailbox) as { message: Reply } | undefined;
        if (last === undefined) break;
        this.#hear(core, thread, last.message);
      }
      thread.online = false;
      thread.ended = true;
      mailbox.close();
      this.#listener.ended(core);
    });
  }

  #hear(core: CoreId, thread: CoreThread, reply: Reply): void {
    if (thread.ended) return;
    if (reply.kind === "online") {
      thread.online = true;
      thread.task = reply.task;
      this.#listener.online(core, reply);
    } else if (reply.kind === "failed") {
      thread.online = false;
      this.#listener.failed(core, revive(reply.error));
    } else this.#listener.replied(reply);
  }

  isOnline(core: CoreId): boolean {
    return this.#threads[core]?.online === true;
  }

  /**
   * True when a thread is runnable and has not run since the last look: it waits for a CPU, through no fault of its
   * own.
   */
  isStarved(core: CoreId): boolean {
    const thread = this.#threads[core];
    if (thread === null || thread === undefined || thread.task === "") return false;
    const directory = `/proc/self/task/${thread.task}`;
    try {
      const [ran = ""] = readFileSync(`${directory}/schedstat`, "latin1").split(" ");
      const hasRun = ran !== thread.ran;
      thread.ran = ran;
      // proc(5): the state follows the name, which ends with the last parenthesis.
      const stat = readFileSync(`${directory}/stat`, "latin1");
      return !hasRun && stat[stat.lastIndexOf(")") + 2] === "R";
    } catch {
      return false; // No such thread any more, or a kernel without these statistics.
    }
  }

  /** Ends a thread whatever it does. The listener hears of its end; at once where there is none. */
  end(core: CoreId): void {
    const thread = this.#threads[core];
    if (thread === null || thread === undefined || thread.ended) {
      this.#listener.ended(core);
      return;
    }
    thread.online = false;
    void thread.worker.terminate();
  }

  /** Gives a request to a core and wakes it; false when it is not online. */
  post(core: CoreId, request: Request): boolean {
    const thread = this.#threads[core];
    if (thread === null || thread === undefined || !thread.online) return false;
    thread.mailbox.postMessage(request);
    const { arena, layout } = this.#shared;
    Atomics.store(arena.i32, presenceWord(layout, core) + Presence.Command, 1);
    this.wake(core);
    return true;
  }

  /** Wakes a core if it sleeps. */
  wake(core: CoreId): void {
    const { arena, layout } = this.#shared;
    const flag = presenceWord(layout, core) + Presence.Sleeping;
    if (Atomics.compareExchange(arena.i32, flag, 1, 0) === 1) signal(this.#wakeups[core] ?? -1);
  }

  /** Waits for every thread's own end; ends those that take longer. Then nothing is left open. */
  async allEnded(patience: number): Promise<void> {
    for (const [core, thread] of this.#threads.entries()) {
      this.wake(core);
      if (thread !== null && !thread.ended) await endOf(thread.worker, patience);
      thread?.mailbox.close();
    }
    for (const wakeup of this.#wakeups) close(wakeup);
  }
}

/** Waits for a thread's own end, and ends it when it does not come. */
function endOf(worker: Worker, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => void worker.terminate(), patience);
    worker.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
