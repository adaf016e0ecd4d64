// Frames that wait for addresses: shared with the other engine that resolves, see lib/backlog.ts.

export { Backlog } from "../lib/backlog.ts";
