// Frames that must not wait behind data (design: control frames first): what is sent within `first` goes before
// whatever the same round sends through the same ports, in its own order. So when a driver takes fewer frames than
// there are, it is data that is lost. Costs nothing where it is not used.

import type { Batch } from "../ports/port.ts";

/** Sends what `send` sends before what waits in the batches, behind what was as urgent. May be called within itself. */
export function first(batches: readonly Batch[], send: () => void): void {
  if (batches.every(({ count }) => count === 0)) {
    send();
    for (const batch of batches) batch.urgent = batch.count;
    return;
  }
  const data = batches.map(({ count, urgent }) => count - urgent);
  send();
  for (const [port, batch] of batches.entries()) hasten(batch, data[port] as number);
}

/** Moves what stands behind the first `data` frames that are not urgent. */
function hasten(batch: Batch, data: number): void {
  const { urgent } = batch;
  const from = urgent + data;
  const more = batch.count - from;
  // Fewer than before: the batch was full and has left meanwhile.
  if (more <= 0) return;
  for (const column of [batch.start, batch.end]) {
    const moved = column.slice(from, batch.count);
    column.copyWithin(urgent + more, urgent, from);
    column.set(moved, urgent);
  }
  batch.urgent += more;
}
