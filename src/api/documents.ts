// The OpenAPI document and the configuration's JSON Schema, made in a thread that ends when it is done: the schema
// library takes some twenty megabytes that an appliance need not keep.

import { Worker } from "node:worker_threads";
import { workerUrl } from "../runtime/worker-url.ts";

/** What the thread answers. */
export interface Documents {
  readonly openapi: string;
  readonly configuration: string;
}

let made: Promise<Documents> | undefined;

/** The text of a document; made once. */
export async function document(name: keyof Documents): Promise<string> {
  made ??= makeApart();
  const kept = made;
  try {
    return (await kept)[name];
  } catch (error) {
    if (made === kept) made = undefined;
    throw error;
  }
}

async function makeApart(): Promise<Documents> {
  const worker = new Worker(workerUrl(import.meta.url, "./document-worker"));
  const documents = await new Promise<Documents>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread that makes the documents ended")));
  });
  await worker.terminate();
  return documents;
}
