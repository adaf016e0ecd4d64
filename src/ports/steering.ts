// Steering in the kernel, from the ports' side (CORE-6): the page that kernel programs read, and the programs of a
// port. The page is the control section of the global cache itself: the value of an eBPF map is mapped over it, so
// that what the control core writes there steers the next frame, without a call.

import { ROLE_COUNT } from "../engine/role.ts";
import type { Arena } from "../lib/arena.ts";
import { PAGE } from "../lib/arena.ts";
import { assert } from "../lib/assert.ts";
import type { Offset, PortId } from "../lib/units.ts";
import { buildClassic } from "../steering/classic.ts";
import type { SteeringConfig } from "../steering/config.ts";
import { MAX_BUCKETS, STATE_BUCKETS_AT, STATE_ROLE_AT } from "../steering/indirection.ts";
import {
  buildProgram,
  HASH_MAP_BYTES,
  hashTableBytes,
  STATE_MAP_BYTES,
} from "../steering/kernel.ts";
import { createArrayMap, loadSocketFilter, updateMap } from "./linux/bpf.ts";
import * as c from "./linux/constants.ts";
import { SystemError } from "./linux/errno.ts";
import * as sys from "./linux/ffi.ts";

/** The page that steers: where it lies in the arena, and the kernel's table over it, -1 = none. */
export interface StatePage {
  readonly at: Offset;
  readonly map: number;
}

/**
 * Maps a kernel table over the page of the arena at `at`, keeping its content. Returns the table's descriptor, which is
 * valid in all threads, or -1 where the kernel refuses bpf(2): steering is then done by a classic program and software.
 * To be called before any core runs.
 */
export function shareStatePage(arena: Arena, at: Offset): number {
  assert(at % PAGE === 0, "the state page starts on a page");
  let fd = -1;
  try {
    fd = createArrayMap("linkloom_state", STATE_MAP_BYTES, 1);
  } catch (error) {
    if (error instanceof SystemError) return -1;
    throw error;
  }
  const before = arena.u8.slice(at, at + STATE_MAP_BYTES);
  const flags = c.MAP_SHARED | c.MAP_FIXED;
  const prot = c.PROT_READ | c.PROT_WRITE;
  if (sys.mmap(sys.addressOf(arena) + at, STATE_MAP_BYTES, prot, flags, fd, 0) === -1) {
    sys.close(fd);
    return -1;
  }
  arena.u8.set(before, at);
  return fd;
}

/** Programs of one port that answer a core. */
export interface PortPrograms {
  /** Descriptor of the eBPF program, to be closed once it is attached; -1 = none. */
  readonly ebpf: number;
  /** The classic program; empty when it was not asked for. */
  readonly classic: Uint8Array;
}

/**
 * Builds the programs of a port and loads the eBPF one, or, without a state page, makes the classic one with the
 * roles and buckets of the moment. `adapt` changes the eBPF program's answer to what the hook wants.
 */
export function loadPrograms(
  config: SteeringConfig,
  port: PortId,
  page: StatePage,
  arena: Arena,
  adapt: (program: Uint8Array) => Uint8Array,
): PortPrograms {
  if (page.map < 0) {
    const roles = (page.at + STATE_ROLE_AT) >> 2;
    const masters = [...arena.i32.slice(roles, roles + ROLE_COUNT)];
    const buckets = arena.u8.slice(
      page.at + STATE_BUCKETS_AT,
      page.at + STATE_BUCKETS_AT + MAX_BUCKETS,
    );
    return { ebpf: -1, classic: buildClassic(config, buckets, masters, port).bytes };
  }
  const hashes = createArrayMap("linkloom_hash", HASH_MAP_BYTES, 1);
  try {
    assert(updateMap(hashes, 0, hashTableBytes(config.key)), "a map takes its own size");
    const program = adapt(buildProgram(config, hashes, page.map, port));
    return { ebpf: loadSocketFilter("linkloom", program), classic: new Uint8Array(0) };
  } finally {
    sys.close(hashes); // The program keeps the map.
  }
}
