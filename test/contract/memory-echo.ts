// The far end of a memory link in another thread, for a test: sends back what it receives.

import { workerData } from "node:worker_threads";
import { Arena } from "../../src/lib/arena.ts";
import { type MemoryLinkPlan, MemoryPort } from "../../src/ports/memory.ts";
import { Batch, BURST } from "../../src/ports/port.ts";

const { memory, plan, frames } = workerData as {
  memory: unknown;
  plan: MemoryLinkPlan;
  frames: number;
};
const port = new MemoryPort(Arena.attach(memory), plan, 0, { side: "world" });
const batch = new Batch(BURST);
for (let done = 0; done < frames; done += batch.count) {
  port.receive(batch);
  port.send(batch);
  port.release();
}
