import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Batch } from "../ports/port.ts";
import { first } from "./urgent.ts";

const put = (batch: Batch, frame: number): void => {
  batch.start[batch.count] = frame;
  batch.end[batch.count] = -frame;
  batch.count++;
};

test("VR-3 urgent frames leave before data, and both in the order in which they were sent", () => {
  const send = fc.record({
    port: fc.integer({ min: 0, max: 1 }),
    urgent: fc.boolean(),
    within: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(send, { maxLength: 60 }),
      fc.integer({ min: 0, max: 60 }),
      (sends, cut) => {
        const batches = [new Batch(256), new Batch(256)];
        const model: { urgent: number[]; data: number[] }[] = batches.map(() => ({
          urgent: [],
          data: [],
        }));
        for (const [n, { port, urgent: isUrgent, within }] of sends.entries()) {
          const batch = batches[port] as Batch;
          const frame = n * 4;
          const sent = model[port];
          if (isUrgent && within) {
            first(batches, () => {
              put(batch, frame + 1);
              first(batches, () => put(batch, frame + 2));
              put(batch, frame + 3);
            });
            sent?.urgent.push(frame + 2, frame + 1, frame + 3);
          } else if (isUrgent) {
            first(batches, () => put(batch, frame + 1));
            sent?.urgent.push(frame + 1);
          } else {
            put(batch, frame + 1);
            sent?.data.push(frame + 1);
          }
          if (n !== cut) continue;
          // A round ends.
          for (const one of batches) one.clear();
          for (const one of model) {
            one.urgent.length = 0;
            one.data.length = 0;
          }
        }
        for (const [port, { urgent, data }] of model.entries()) {
          const { start, end, count } = batches[port] as Batch;
          assert.deepEqual([...start.subarray(0, count)], [...urgent, ...data]);
          assert.deepEqual(
            [...end.subarray(0, count)],
            [...urgent, ...data].map((one) => -one),
          );
        }
      },
    ),
  );
});

test("VR-3 a batch that left while urgent frames were sent stays as it is", () => {
  const batch = new Batch(4);
  for (const frame of [1, 2, 3]) put(batch, frame);
  first([batch], () => {
    batch.clear();
    put(batch, 9);
  });
  assert.equal(batch.start[0], 9);
  assert.equal(batch.count, 1);
});
