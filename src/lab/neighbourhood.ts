// Connects a simulated world to a running appliance: the world's ends of its memory ports, with a NIC in front that
// spreads frames over the cores as the appliance's own distributor would, so that frames land on their core at once.

import { HEADROOM } from "../engine/frame.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import { MemoryPort } from "../ports/memory.ts";
import { Batch, BURST } from "../ports/port.ts";
import type { RunningAppliance } from "../runtime/appliance.ts";
import type { World } from "../sim/world.ts";
import { Distributor } from "../steering/distributor.ts";
import * as bytes from "../wire/bytes.ts";

/** Who gets the appliance's frames and acts in time: a world, or what stands between. */
export type Outside = Pick<World, "deliver" | "tick">;

export class Neighbourhood {
  readonly #appliance: RunningAppliance;
  readonly #ends: MemoryPort[][];
  readonly #nic: Distributor;
  readonly #staging: Offset;
  readonly #single: Batch = new Batch(1);
  readonly #batch: Batch = new Batch(BURST);
  /** Frames that found the appliance's queue full. */
  refused = 0;
  #now: Millis = 0;

  constructor(appliance: RunningAppliance) {
    const { config, arena, openings } = appliance;
    this.#appliance = appliance;
    this.#staging = appliance.reserve(4096) + HEADROOM;
    this.#ends = openings.map((opening) =>
      Array.from({ length: config.cores.count }, (_, core) => {
        if (opening?.plan.driver !== "memory")
          throw new TypeError("a lab's ports are memory ports");
        return new MemoryPort(arena, opening.plan, core, {
          side: "world",
          wake: () => appliance.wake(core),
        });
      }),
    );
    this.#nic = new Distributor(
      config.steering,
      0,
      { buckets: appliance.buckets(), loads: new Float64Array(config.cores.count) },
      { master: (role: number): CoreId => appliance.masters()[role] ?? 0 },
      new Float64Array(128),
    );
  }

  /** Gives a station's frame to the appliance. */
  readonly send = (port: PortId, view: DataView, start: Offset, end: Offset): void => {
    const { arena } = this.#appliance;
    const to = this.#staging;
    arena.u8.fill(0, to - HEADROOM, to);
    bytes.copy(view, start, arena.view, to, end - start);
    const core = this.#nic.pick(port, arena.view, to, to + end - start, this.#now);
    this.#single.start[0] = to;
    this.#single.end[0] = to + end - start;
    this.#single.count = 1;
    if (this.#ends[port]?.[core]?.send(this.#single) !== 1) this.refused++;
  };

  /** Plugs or pulls the cable of a port; the appliance sees its link go. */
  readonly setLink = (port: PortId, up: boolean): void => {
    this.#ends[port]?.[0]?.setUp(up);
  };

  /** Brings the appliance's frames to the stations, and lets the stations act. */
  turn(world: Outside, now: Millis): void {
    this.#now = now;
    for (const [port, queues] of this.#ends.entries()) {
      for (const end of queues) this.#drain(world, port, end, now);
    }
    world.tick(now);
  }

  #drain(world: Outside, port: PortId, end: MemoryPort, now: Millis): void {
    const batch = this.#batch;
    for (let full = true; full; ) {
      end.receive(batch);
      for (let n = 0; n < batch.count; n++) {
        const start = batch.start[n] as number;
        world.deliver(port, this.#appliance.arena.view, start, batch.end[n] as number, now);
      }
      full = batch.count === BURST;
      end.release();
    }
  }
}
