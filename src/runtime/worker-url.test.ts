import assert from "node:assert/strict";
import { test } from "node:test";
import { workerUrl } from "./worker-url.ts";

test("a worker has the extension of the module that starts it", () => {
  const source = workerUrl("file:///checkout/src/runtime/start.ts", "./worker");
  const emitted = workerUrl("file:///package/dist/runtime/start.js", "../core/worker");

  assert.equal(source.href, "file:///checkout/src/runtime/worker.ts");
  assert.equal(emitted.href, "file:///package/dist/core/worker.js");
});
