// The routes of one core as one list: IPv4's rows, then IPv6's.

import type { Host } from "../host/host.ts";
import type { Host6 } from "../host/host6.ts";

/** Cursors from here on belong to IPv6. More rows than any table has. */
const SECOND = 2 ** 40;

/** Up to `limit` rows from `cursor` (0 first); `next` is -1 at the end. */
export function routeRows(
  { host, host6 }: { readonly host: Host; readonly host6: Host6 },
  cursor: number,
  limit: number,
): { rows: Record<string, unknown>[]; next: number } {
  if (cursor >= SECOND) {
    const { rows, next } = host6.routes(cursor - SECOND, limit);
    return { rows, next: next < 0 ? -1 : SECOND + next };
  }
  const { rows, next } = host.routes(cursor, limit);
  return { rows, next: next < 0 ? SECOND : next };
}
