// Token buckets: shared with the other engine that resolves, see lib/token-buckets.ts.

export { Buckets } from "../lib/token-buckets.ts";
