// What the conformance suites of neighbour discovery share. What one machine would do, the appliance does with four
// cores: every clause runs on both.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Interface6Config } from "../../src/engine/ipv6.ts";
import type { NdConfig } from "../../src/nd/config.ts";
import {
  iface6,
  ip6,
  NdRig,
  ROUTER6,
  type Said,
  station,
  stationMac,
  type Words,
} from "../../src/sim/nd-rig.ts";
import { Type } from "../../src/wire/icmpv6.ts";
import * as wire from "../../src/wire/nd.ts";
import { formatIpv6 } from "../../src/wire/text.ts";

export const X: Words = station(1);
export const MAC: number = stationMac(1);
export const OTHER: number = stationMac(2);
export const ROUTER: Words = ip6("fe80::1:1");
export const ROUTER_MAC: number = stationMac(0x99);
export const Solicited: number = wire.Flag.Solicited;
export const Override: number = wire.Flag.Override;
export const Router: number = wire.Flag.Router;

export interface Setting {
  readonly cores: number;
  readonly rig: (
    config?: Partial<NdConfig>,
    ipv6?: Interface6Config,
    detect?: boolean,
  ) => NdRig & { told: string[] };
}

/** Runs a clause on one core and on four. */
export function clause(section: string, what: string, body: (setting: Setting) => void): void {
  for (const cores of [1, 4]) {
    test(`RFC ${section} ${what} (${cores} ${cores === 1 ? "core" : "cores"})`, () => {
      body({
        cores,
        rig: (config = {}, ipv6 = ROUTER6, detect = false) => {
          const told: string[] = [];
          const say = (core: number, text: string): void => {
            if (core === 0) told.push(text);
          };
          const words = (a: number, b: number, c: number, d: number): string =>
            formatIpv6(a >>> 0, b >>> 0, c >>> 0, d >>> 0);
          const rig = new NdRig(cores, config, {
            interfaces: [iface6(ipv6)],
            detect,
            learned: (core) => ({
              addressUp: (_i, a, b, c, d, prefix, preferred) =>
                say(core, `up ${words(a, b, c, d)}/${prefix}${preferred ? "" : " deprecated"}`),
              addressDown: (_i, a, b, c, d) => say(core, `down ${words(a, b, c, d)}`),
              routerUp: (_i, a, b, c, d, preference) =>
                say(core, `router ${words(a, b, c, d)} ${preference}`),
              routerDown: (_i, a, b, c, d) => say(core, `no router ${words(a, b, c, d)}`),
              prefixUp: (_i, a, b, c, d, length) =>
                say(core, `prefix ${words(a, b, c, d)}/${length}`),
              prefixDown: (_i, a, b, c, d, length) =>
                say(core, `no prefix ${words(a, b, c, d)}/${length}`),
              linkChanged: (_i, mtu, hops) => say(core, `link ${mtu} ${hops}`),
              neighbourLost: (_i, a, b, c, d) => say(core, `lost ${words(a, b, c, d)}`),
              redirected: (_i, from, target, destination) => {
                const view = rig.recorder(core).view;
                const at = (offset: number): string =>
                  words(
                    view.getUint32(offset),
                    view.getUint32(offset + 4),
                    view.getUint32(offset + 8),
                    view.getUint32(offset + 12),
                  );
                const isFirstHop = at(from) === formatIpv6(...ROUTER);
                if (isFirstHop) say(core, `redirect ${at(destination)} to ${at(target)}`);
                return isFirstHop;
              },
            }),
          }) as NdRig & { told: string[] };
          rig.told = told;
          return rig;
        },
      });
    });
  }
}

export const typed = (rig: NdRig, type: number): Said[] =>
  rig.said.filter((said) => said.type === type);
export const NS: number = Type.NeighborSolicitation;
export const NA: number = Type.NeighborAdvertisement;

/** Brings X to a state on its owner. */
export function bring(rig: NdRig, state: string): void {
  const owner = rig.ownerOf(X);
  rig.resolve(owner, X);
  if (state === "incomplete") return;
  rig.advertise(X, MAC);
  rig.settle();
  if (state === "reachable") return;
  rig.run(46_000);
  if (state === "stale") return;
  rig.resolve(owner, X);
  if (state === "delay") return;
  rig.run(5_010);
  assert.equal(rig.state(owner, X), "probe");
}
export const stateOf = (rig: NdRig): unknown => rig.state(rig.ownerOf(X), X);
export const macOf = (rig: NdRig): unknown => rig.row(rig.ownerOf(X), X)?.["mac"];
export const isRouter = (rig: NdRig): unknown => rig.row(rig.ownerOf(X), X)?.["router"];
export const KNOWN: readonly string[] = ["reachable", "stale", "delay", "probe"];
