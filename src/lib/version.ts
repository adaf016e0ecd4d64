// Versions of what several cores may write: the writer's sequence, then the writer, in one number, so that two cores
// never write the same and the larger one is the later.

import { type CoreId, MAX_CORES } from "./units.ts";

export const makeVersion = (sequence: number, core: CoreId): number => sequence * MAX_CORES + core;
export const sequenceOf = (version: number): number => Math.floor(version / MAX_CORES);
export const writerOf = (version: number): CoreId => version % MAX_CORES;
