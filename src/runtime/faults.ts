// Faults on purpose, for tests alone. There is no way to them from the command line, the control socket or the API: a
// socket exists only when the environment says where, LINKLOOM_FAULTS=PATH, at the start of the process, and the start
// says so aloud. One line is one fault: `WHAT CORE [MILLISECONDS]`, answered by "ok".
//
//   throw CORE       its thread throws          terminate CORE   its thread is ended from outside
//   block CORE MS    its thread does nothing    heap CORE        its thread fills its heap until Node ends it
//   block -1 MS      the control core does nothing

import { rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { CoreId } from "../lib/units.ts";

/** What a core's thread does to itself. */
export const CORE_FAULTS = ["throw", "block", "heap"] as const;
export type CoreFault = (typeof CORE_FAULTS)[number];

/** Where faults are taken; undefined: nowhere. */
export function faultsPath(): string | undefined {
  return process.env["LINKLOOM_FAULTS"] || undefined;
}

export interface Faulty {
  fault(core: CoreId, what: CoreFault, millis: number): void;
  terminate(core: CoreId): void;
}

/** Takes faults until closed. */
export function listenForFaults(path: string, target: Faulty): Server {
  process.stderr.write(`linkloom: faults may be injected by ${path}; never in production\n`);
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => {}); // Who asked went away.
    socket.on("data", (data) => {
      const [what = "", core = "", millis = "0"] = data.toString().trim().split(/\s+/);
      if (what === "terminate") target.terminate(Number(core));
      else if (what === "block" && Number(core) < 0) block(Number(millis));
      else if (CORE_FAULTS.includes(what as CoreFault)) {
        target.fault(Number(core), what as CoreFault, Number(millis));
      }
      socket.end("ok\n");
    });
  });
  server.listen(path);
  server.unref();
  return server;
}

/** Does nothing, for so long, and lets nothing else be done on this thread. */
export function block(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
}

/** On the core's thread. */
export function commit(what: CoreFault, millis: number): void {
  if (what === "throw") throw new Error("a fault on purpose");
  if (what === "block") {
    const end = performance.now() + millis;
    while (performance.now() < end); // Busy, so that no system call ends it either.
    return;
  }
  const kept: unknown[][] = [];
  for (;;) kept.push(new Array<unknown>(100_000).fill(kept));
}
