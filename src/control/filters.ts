// What each filter of an object is: for the OpenAPI document and the page.

import type { Kind } from "./fields.ts";
import type { Filter } from "./objects.ts";

export const FILTERS: Readonly<Record<Filter, { readonly kind: Kind; readonly summary: string }>> =
  {
    core: { kind: "core", summary: "this core's view only" },
    vlan: { kind: "vlan", summary: "this VLAN only" },
    channel: { kind: "text", summary: "this channel only" },
    port: { kind: "text", summary: "this port only" },
    bridge: { kind: "text", summary: "this bridge only" },
    interface: { kind: "text", summary: "this interface only" },
    address: { kind: "text", summary: "a MAC, an address, or all of a prefix" },
    subject: { kind: "text", summary: "what has this text in its subject" },
    reason: { kind: "text", summary: "this reason only" },
    rules: { kind: "flag", summary: "the rules instead of the buckets" },
    plan: { kind: "flag", summary: "the moves that would make loads alike; nothing moves" },
    hash: { kind: "text", summary: "where a tuple goes: tcp,192.0.2.1:1000,192.0.2.2:80" },
    moments: { kind: "flag", summary: "the moments that are kept instead of the objects" },
    limit: { kind: "count", summary: "the newest so many" },
  };
