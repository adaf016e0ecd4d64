// Ports that left an aggregated channel by a reload: two of them, back as single links to one neighbour, would be a
// loop. All are shut first (engine/channels.ts); a while later, when the neighbour has let go of the aggregate, those
// open that are alone; of several on one bridge only the first does, until a cable of the others was pulled.

import type { Channels } from "../engine/channels.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, PortId } from "../lib/units.ts";

/** Longer than LACP's short timeout (IEEE 802.3-2005 43.4.4: 3 s), in which a neighbour gives the aggregate up. */
const HOLD: Millis = 4000;

export class Freed {
  readonly #out: Out;
  readonly #channels: Channels;
  #ports: PortId[] = [];
  #until: Millis = 0;

  constructor(out: Out, channels: Channels) {
    this.#out = out;
    this.#channels = channels;
  }

  /** Called after a reload; `bridgeOf` tells the bridge of a channel, -1 = none. */
  begin(ports: number, bridgeOf: (channel: number) => number, now: Millis): void {
    this.#ports = [];
    this.#until = now + HOLD;
    const taken = new Set<string>();
    for (let port = 0; port < ports; port++) {
      const former = this.#channels.freedFrom(port);
      if (former < 0) continue;
      const bridge = bridgeOf(this.#channels.ownerOf(port));
      const place = `${former} ${bridge}`;
      if (bridge >= 0 && taken.has(place)) this.#out.event(EventCode["lag-freed"], port, 0, 0, 0);
      else this.#ports.push(port);
      taken.add(place);
    }
  }

  tick(now: Millis): void {
    if (this.#ports.length === 0 || now < this.#until) return;
    for (const port of this.#ports) this.#channels.release(port);
    this.#ports = [];
  }
}
