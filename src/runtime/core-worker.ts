// The thread of one data core: opens this core's queues, builds the core, runs its loop, answers commands.

import { readlinkSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { PortState } from "../control/appliance-port.ts";
import { Core } from "../core/core.ts";
import { CoreState, Presence, presenceWord } from "../core/layout.ts";
import { Arena } from "../lib/arena.ts";
import type { Millis } from "../lib/units.ts";
import { openPort, steerPort } from "../ports/factory.ts";
import { pin, signal } from "../ports/linux/parking.ts";
import { NoPort } from "../ports/none.ts";
import type { Port } from "../ports/port.ts";
import type { SteeringConfig } from "../steering/config.ts";
import { steersExactly } from "../steering/kernel.ts";
import { Clock } from "./clock.ts";
import { Commands } from "./commands.ts";
import { commit } from "./faults.ts";
import { runLoop } from "./loop.ts";
import { releaseMemory } from "./memory.ts";
import {
  type PortOpening,
  plainError,
  type Reply,
  type Request,
  type WorkerStart,
} from "./protocol.ts";

const start = workerData as WorkerStart;
const arena = Arena.attach(start.memory);
const clock = new Clock(start.origin);
const presence = presenceWord(start.layout, start.core);

/** This thread's number in /proc. */
function taskOf(): string {
  try {
    return readlinkSync("/proc/thread-self").split("/").at(-1) ?? "";
  } catch {
    return "";
  }
}

function tell(reply: Reply): void {
  start.mailbox.postMessage(reply);
}

function open(
  port: number,
  opening: PortOpening | null | undefined,
  steering: SteeringConfig,
): { driver: Port; steered: boolean } {
  if (opening === null || opening === undefined) return { driver: new NoPort(), steered: true };
  return openPort(opening.driver, {
    arena,
    plan: opening.plan,
    port,
    core: start.core,
    cores: start.layout.cores,
    steering,
    page: start.page,
  });
}

/** Exchanges kernel programs; the ports that took theirs. */
function steer(
  core: Core,
  { ports, steering }: Extract<Request, { kind: "steer" }>,
  now: Millis,
): number[] {
  const context = {
    arena,
    core: start.core,
    cores: start.layout.cores,
    steering,
    page: start.page,
  };
  return ports.filter((port) => {
    const driver = core.port(port);
    return (
      driver !== undefined && steerPort(driver, driver.status(now).driver, { ...context, port })
    );
  });
}

function run(): void {
  if (start.cpu >= 0) pin(start.cpu);
  const opened = start.ports.map((opening, port) => open(port, opening, start.config.steering));
  const core = new Core({
    arena,
    layout: start.layout,
    core: start.core,
    config: start.config,
    ports: opened.map(({ driver }) => driver),
    steered: opened.map(({ steered }) => steered),
    now: clock.now(),
    joins: start.joins,
  });
  core.bus.onSleeper((to) => signal(start.wakeups[to] as number));
  let descriptors: readonly number[] = opened.flatMap(({ driver }) => driver.descriptors);
  const commands = new Commands(core, (id, reason, now) =>
    tell({ kind: "pong", id, reason, at: now }),
  );

  const statesOf = (now: Millis): PortState[] => {
    const states: PortState[] = [];
    for (let port = 0; ; port++) {
      const driver = core.port(port);
      if (driver === undefined) return states;
      states.push(driver.status(now));
    }
  };

  const configure = (request: Extract<Request, { kind: "configure" }>, now: Millis): void => {
    for (const [key, opening] of Object.entries(request.ports)) {
      const port = Number(key);
      core.port(port)?.close();
      core.setPort(port, new NoPort(), true); // In case that opening fails.
      const { driver, steered } = open(port, opening, request.config.steering);
      core.setPort(port, driver, steered);
    }
    for (const port of request.steered) {
      core.distributor.setSteered(port, steersExactly(request.config.steering, port));
    }
    core.configure(request.config, now);
    descriptors = request.config.common.ports.flatMap(
      (_, port) => core.port(port)?.descriptors ?? [],
    );
  };

  const answer = (request: Request, now: Millis): void => {
    if (request.kind === "fault") {
      if (start.faults) commit(request.what, request.millis);
      return;
    }
    try {
      if (request.kind === "configure") {
        configure(request, now);
        tell({ kind: "answer", id: request.id, answer: { count: 1 } });
      } else if (request.kind === "steer") {
        tell({ kind: "answer", id: request.id, answer: steer(core, request, now) });
      } else if (request.kind === "ports") {
        tell({ kind: "answer", id: request.id, answer: statesOf(now) });
      } else {
        tell({ kind: "answer", id: request.id, answer: commands.run(request.command, now) });
      }
    } catch (error) {
      tell({ kind: "refused", id: request.id, error: plainError(error) });
    }
  };

  releaseMemory();
  tell({
    kind: "online",
    task: taskOf(),
    ports: opened.map(({ driver }) => driver.status(clock.now())),
    steered: opened.map(({ steered }) => steered),
  });
  const stopped = runLoop({
    arena,
    layout: start.layout,
    core,
    clock,
    wakeup: start.wakeups[start.core] as number,
    sleeps: start.config.cores.idle === "sleep",
    commands: (now) => {
      for (;;) {
        const received = receiveMessageOnPort(start.mailbox) as { message: Request } | undefined;
        if (received === undefined) break;
        answer(received.message, now);
      }
    },
    descriptors: () => descriptors,
  });
  // A core that leaves, or fails, leaves its queues open: others count on their places (ports/held.ts).
  if (stopped) {
    for (let port = 0; core.port(port) !== undefined; port++) core.port(port)?.close();
  }
  Atomics.store(arena.i32, presence + Presence.State, CoreState.Stopped);
}

try {
  run();
} catch (error) {
  Atomics.store(arena.i32, presence + Presence.State, CoreState.Failed);
  tell({ kind: "failed", error: plainError(error) });
}
start.mailbox.close();
parentPort?.close();
