// The thread in which a configuration file is read, checked and compiled: see load-apart.ts.

import { parentPort, workerData } from "node:worker_threads";
import { ConfigError } from "./errors.ts";
import { load, plan } from "./load.ts";
import type { Apart, LoadRequest } from "./load-apart.ts";

const { file, cores, before } = workerData as LoadRequest;

function answer(): Apart {
  try {
    const { configuration, warnings } = load(file, cores === undefined ? {} : { cores });
    return { kind: "loaded", configuration, warnings, plan: plan(configuration, before) };
  } catch (error) {
    if (error instanceof ConfigError) return { kind: "faulty", faults: error.faults };
    const { message, hint = "", code } = error as Error & { hint?: string; code?: string };
    return { kind: "unreadable", message, hint, code: code ?? "operation-failed" };
  }
}

parentPort?.postMessage(answer());
