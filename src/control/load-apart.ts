// Loads a configuration file in a thread that ends when it is done. The YAML reader and the schema take some forty
// megabytes; an appliance that runs for months needs them for a moment at its start and at each reload.

import { Worker } from "node:worker_threads";
import type { ApplianceConfig } from "../core/config.ts";
import { workerUrl } from "../runtime/worker-url.ts";
import type { StartPlan } from "./appliance-port.ts";
import type { Configuration } from "./configuration.ts";
import { ConfigError, ControlError, ERROR_CODES, type ErrorCode, type Fault } from "./errors.ts";

/** What the thread is asked. */
export interface LoadRequest {
  readonly file: string;
  /** What to read instead of the file; `file` is then only its name. */
  readonly text?: string | undefined;
  /** Overrides cores.count. */
  readonly cores: number | undefined;
  /** The configuration that runs: its names keep their numbers. */
  readonly before: ApplianceConfig | undefined;
}

/** A file that may run, and what an appliance starts with for it. */
export interface LoadedPlan {
  readonly configuration: Configuration;
  readonly warnings: readonly Fault[];
  readonly plan: StartPlan;
  /** The file as it stood. */
  readonly text: string;
}

/** What the thread answers: plain data. */
export type Apart =
  | ({ readonly kind: "loaded" } & LoadedPlan)
  | { readonly kind: "faulty"; readonly faults: readonly Fault[] }
  | {
      readonly kind: "unreadable";
      readonly message: string;
      readonly hint: string;
      readonly code: string;
    };

/**
 * Reads, checks and compiles a file; rejects with a ConfigError that lists every fault, or says why it is
 * unreadable.
 */
export async function loadApart(request: LoadRequest): Promise<LoadedPlan> {
  const worker = new Worker(workerUrl(import.meta.url, "./load-worker"), { workerData: request });
  const answer = await new Promise<Apart>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread that checks the file ended")));
  });
  await worker.terminate();
  if (answer.kind === "loaded") return answer;
  if (answer.kind === "faulty") throw new ConfigError(request.file, answer.faults);
  const code =
    ERROR_CODES.find((known) => known === answer.code) ?? ("operation-failed" as ErrorCode);
  throw new ControlError(code, answer.message, answer.hint);
}
