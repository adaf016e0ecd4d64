// What a router tracks makes of its priority. The policies all, one and progressive are those of the appliance that
// Linkloom is built after; a track with its own decrement is what everybody else has.

import type { VirtualSink } from "../engine/virtual.ts";
import { OWNER } from "../wire/vrrp.ts";
import { FAULT, type VrTrack } from "./config.ts";
import type { Machine } from "./machine.ts";

/** True when what is tracked is there. */
export function isUp(track: VrTrack, sink: VirtualSink): boolean {
  switch (track.kind) {
    case "port":
      return sink.isPortUp(track.port);
    case "channel":
      return sink.isChannelUp(track.channel);
    case "route4":
      return sink.hasRoute4(track.prefix, track.length);
    case "route6":
      return sink.hasRoute6(track.prefix, track.length);
    case "neighbour4":
      return sink.isReachable4(track.iface, track.address);
    case "neighbour6":
      return sink.isReachable6(track.iface, track.address);
  }
}

/** The effective priority (CARP: the demotion); OFF = the router must give up. */
export function effective(machine: Machine, sink: VirtualSink): number {
  const { tracks, tracking, protocol } = machine.config;
  const { base } = machine;
  const isCarp = protocol === "carp";
  const whole = isCarp ? 0 : base;
  if (tracks.length === 0 || tracking === "none") return whole;
  const down = tracks.filter((track) => !isUp(track, sink));
  if (down.length === 0) return whole;
  const count = tracks.length;
  if (tracking === "all" || down.length === count) {
    if (tracking !== "decrement") return GIVE_UP;
  }
  if (tracking === "one") return whole;
  if (tracking === "progressive") {
    const share = (count - down.length) / count;
    return isCarp ? down.length : Math.max(1, Math.floor(base * share));
  }
  if (down.some(({ decrement }) => decrement >= FAULT)) return GIVE_UP;
  // Whoever owns the addresses stays their owner (RFC 9568 6.1: 255 is for it alone).
  if (protocol === "vrrp" && base === OWNER) return base;
  const sum = down.reduce((total, { decrement }) => total + decrement, 0);
  return isCarp ? Math.min(255, sum) : Math.max(1, base - sum);
}
/** Below every priority. */
export const GIVE_UP = -1;
