// The thread in which the documents are made: see documents.ts.

import { parentPort } from "node:worker_threads";
import type { Documents } from "./documents.ts";
import { configurationSchema, openapi } from "./openapi.ts";

const documents: Documents = {
  openapi: JSON.stringify(openapi()),
  configuration: JSON.stringify(configurationSchema()),
};
parentPort?.postMessage(documents);
