// Frames that must not wait behind data (design: control frames first): what is sent within `first` goes before
// whatever the same round sends through the same ports, in its own order. So when a driver takes fewer frames than
// there are, it is data that is lost. Costs nothing where it is not used.

import type { Batch } from "../ports/port.ts";

/** Sends what `send` sends before what waits in the batches, behind what was as urgent. */
export function first(batches: readonly Batch[], send: () => void): void {
  const before = batches.map(({ count }) => count);
  send();
  for (const [port, batch] of batches.entries()) hasten(batch, before[port] as number);
}

function hasten(batch: Batch, from: number): void {
  const more = batch.count - from;
  // Fewer than before: the batch was full and has left meanwhile.
  if (more <= 0) return;
  const { urgent } = batch;
  for (const column of [batch.start, batch.end]) {
    const moved = column.slice(from, batch.count);
    column.copyWithin(urgent + more, urgent, from);
    column.set(moved, urgent);
  }
  batch.urgent += more;
}
