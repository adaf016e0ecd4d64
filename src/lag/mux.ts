// The Mux machine (IEEE 802.3-2005 43.4.15): figure 43-13 with independent control of collecting and distributing,
// figure 43-14 with coupled control. On one core it is the standard's. Two inputs are ours, and both only ever hold
// it back:
//
//   settled   every other core has followed the last change that frames depend on (LAG-6)
//   enough    as many members are in sync as min-links asks for (LAG-5)
//
// With coupled control the state Distributing stands for COLLECTING_DISTRIBUTING.

import type { MuxControl } from "./config.ts";

export const Mux = {
  Detached: 0,
  Waiting: 1,
  Attached: 2,
  Collecting: 3,
  Distributing: 4,
} as const;
export type Mux = (typeof Mux)[keyof typeof Mux];
export const MUX_NAMES = ["detached", "waiting", "attached", "collecting", "distributing"] as const;

export interface MuxInput {
  /** SELECTED, STANDBY or UNSELECTED: numbers of port-state.ts. */
  readonly selected: number;
  /** All ports of the aggregator that wait are ready. */
  readonly ready: boolean;
  readonly partnerSync: boolean;
  readonly partnerCollecting: boolean;
  readonly settled: boolean;
  readonly enough: boolean;
}

const STANDBY = 1;
const SELECTED = 2;

/** The state to enter; -1 when nothing happens. */
export function next(state: number, input: MuxInput, control: MuxControl): Mux | -1 {
  const chosen = input.selected === SELECTED;
  switch (state) {
    case Mux.Detached:
      return input.selected >= STANDBY ? Mux.Waiting : -1;
    case Mux.Waiting:
      if (input.selected < STANDBY) return Mux.Detached;
      return chosen && input.ready && input.settled ? Mux.Attached : -1;
    case Mux.Attached:
      if (!chosen) return Mux.Detached;
      if (!input.partnerSync || !input.enough || !input.settled) return -1;
      return control === "coupled" ? Mux.Distributing : Mux.Collecting;
    case Mux.Collecting:
      if (!chosen || !input.partnerSync || !input.enough) return Mux.Attached;
      return input.partnerCollecting && input.settled ? Mux.Distributing : -1;
    default:
      if (control === "coupled") {
        return !chosen || !input.partnerSync || !input.enough ? Mux.Attached : -1;
      }
      if (!chosen || !input.partnerSync || !input.partnerCollecting || !input.enough) {
        return Mux.Collecting;
      }
      return -1;
  }
}

/** What a core may do with a port's frames in a state. */
export const mayCollect = (state: number): boolean => state >= Mux.Collecting;
export const mayDistribute = (state: number): boolean => state === Mux.Distributing;
