// Where the kernel runs no eBPF program, which reads from shared memory who gets what, somebody must tell it that a
// core is gone or back: the control core does, by any descriptor of the group. Frames that land on another core than
// theirs are handed over by software; but nobody reads the queues of a core that is dead.

import { ROLE_COUNT } from "../engine/role.ts";
import type { Arena } from "../lib/arena.ts";
import type { CoreId, PortId } from "../lib/units.ts";
import { buildClassic } from "../steering/classic.ts";
import type { SteeringConfig } from "../steering/config.ts";
import {
  MAX_BUCKETS,
  STATE_BUCKETS_AT,
  STATE_COVERS_AT,
  STATE_ROLE_AT,
} from "../steering/indirection.ts";
import type { PortPlan } from "./factory.ts";
import { Held } from "./held.ts";
import * as c from "./linux/constants.ts";
import { Fanout, LONG_FROM, setProgram, spread } from "./packet/fanout.ts";
import { memberClassic } from "./packet/program.ts";
import type { StatePage } from "./steering.ts";
import { setTapQueue } from "./tap.ts";

/** What the control core knows. */
export interface Resteering {
  readonly arena: Arena;
  readonly page: StatePage;
  readonly cores: number;
  readonly steering: SteeringConfig;
  /** Cores that read their queues. */
  readonly reads: (core: CoreId) => boolean;
}

/** Has the kernel give a port's frames to the cores that read them. Nothing where an eBPF program does so by itself. */
export function resteer(port: PortId, plan: PortPlan, given: Resteering): void {
  if (plan.driver === "packet") {
    const fanout = new Fanout(given.arena, plan.fanout, 0, given.cores);
    if (fanout.kind !== "ebpf") resteerPacket(port, plan.held, given);
  } else if (plan.driver === "tap") {
    for (let core = 0; core < given.cores; core++) {
      const fd = new Held(given.arena, plan.held, core).descriptor(0);
      if (fd >= 0) setTapQueue(given.arena, plan, fd, given.reads(core));
    }
  }
}

function resteerPacket(port: PortId, at: number, given: Resteering): void {
  const { arena, cores, page, reads, steering } = given;
  const all = Array.from({ length: cores }, (_, core) => core);
  const member = all.map((core) => new Held(arena, at, core).descriptor(0)).find((fd) => fd >= 0);
  if (member === undefined) return;
  const roles = (page.at + STATE_ROLE_AT) >> 2;
  const from = (offset: number, length: number): Uint8Array =>
    arena.u8.slice(page.at + offset, page.at + offset + length);
  const covers = from(STATE_COVERS_AT, cores);
  const buckets = from(STATE_BUCKETS_AT, MAX_BUCKETS);
  const masters = [...arena.i32.slice(roles, roles + ROLE_COUNT)];
  const { bytes } = buildClassic(steering, buckets, masters, port, covers);
  const data = c.PACKET_FANOUT_DATA;
  if (setProgram(member, c.SOL_PACKET, data, memberClassic(bytes, LONG_FROM))) return;
  // More rules than the kernel takes: spread among those that read.
  setProgram(member, c.SOL_PACKET, data, spread(cores, all.filter(reads)));
}
