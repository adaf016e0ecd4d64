// The thread in which a configuration file is read, checked and compiled: see load-apart.ts.

import { parentPort, workerData } from "node:worker_threads";
import { ConfigError } from "./errors.ts";
import { load, plan, readConfiguration } from "./load.ts";
import type { Apart, LoadRequest } from "./load-apart.ts";

const { file, text: given, cores, before } = workerData as LoadRequest;

function answer(): Apart {
  try {
    const text = given ?? readConfiguration(file);
    const { configuration, warnings } = load(file, cores === undefined ? {} : { cores }, text);
    return { kind: "loaded", configuration, warnings, plan: plan(configuration, before), text };
  } catch (error) {
    if (error instanceof ConfigError) return { kind: "faulty", faults: error.faults };
    const { message, hint = "", code } = error as Error & { hint?: string; code?: string };
    return { kind: "unreadable", message, hint, code: code ?? "operation-failed" };
  }
}

parentPort?.postMessage(answer());
