// The supervisor on an arena without cores: a test plays the threads and writes the words that cores write.

import type { ApplianceConfig } from "../core/config.ts";
import {
  Control,
  CoreState,
  initControl,
  type Layout,
  Presence,
  planLayout,
  presenceWord,
} from "../core/layout.ts";
import type { State } from "../core/supervised.ts";
import { Supervision } from "../core/supervision.ts";
import { SUPERVISION_DEFAULTS, type SupervisionConfig } from "../core/supervision-config.ts";
import { Arena, Planner } from "../lib/arena.ts";
import { access, plainConfig } from "./configs.ts";

/** The supervisor, and what the threads would be. */
export interface SupervisionRig {
  readonly supervision: Supervision;
  readonly arena: Arena;
  readonly layout: Layout;
  /** Cores that beat, and that act on what the control core writes. */
  readonly lively: Set<number>;
  readonly started: number[];
  readonly ended: number[];
  readonly told: { code: number; numbers: readonly number[] }[];
  now: number;
  run(millis: number, step?: number): void;
  /** A started thread is in its loop and has every table. */
  revive(core: number): void;
  states(): State[];
  master(role: number): number;
  owners(): Set<number>;
}

/** Cores that all serve; nothing happens until `run`. */
export function makeSupervisionRig(
  cores: number,
  limits: Partial<SupervisionConfig> = {},
  roles: readonly number[] = [-1, -1],
): SupervisionRig {
  const plain = plainConfig({ cores, members: [access(1), access(1)], roles });
  const supervision = { ...SUPERVISION_DEFAULTS, ...limits };
  const config: ApplianceConfig = { ...plain, cores: { ...plain.cores, supervision } };
  const planner = new Planner();
  const layout = planLayout(planner, cores, config.globalCache);
  const arena = Arena.create(planner.size);
  initControl(
    arena,
    layout,
    roles.map((role) => Math.max(0, role)),
    128,
  );
  const word = (core: number, field: number): number => presenceWord(layout, core) + field;
  const lively = new Set(Array.from({ length: cores }, (_, core) => core));
  for (const core of lively) arena.i32[word(core, Presence.State)] = CoreState.Online;
  const started: number[] = [];
  const ended: number[] = [];
  const told: SupervisionRig["told"] = [];
  const threads = {
    start: (core: number): void => void started.push(core),
    end: (core: number): void => void ended.push(core),
    wake: (): void => {},
    tell: (code: number, numbers: readonly number[]): void => void told.push({ code, numbers }),
  };
  const beat = (now: number): void => {
    for (const core of lively) {
      arena.i32[word(core, Presence.Heartbeat)] = now | 0;
      arena.i32[word(core, Presence.Epoch)] = arena.i32[
        (layout.control >> 2) + Control.Epoch
      ] as number;
      arena.i32[word(core, Presence.Moved)] = arena.i32[(layout.control + 256) >> 2] as number;
    }
  };
  const rig: SupervisionRig = {
    supervision: new Supervision(config, arena, layout, threads, 0),
    arena,
    layout,
    lively,
    started,
    ended,
    told,
    now: 0,
    run: (millis, step = 10) => {
      for (const end = rig.now + millis; rig.now < end; ) {
        rig.now += step;
        beat(rig.now);
        rig.supervision.turn(rig.now);
      }
    },
    revive: (core) => {
      lively.add(core);
      rig.supervision.started(core, rig.now);
      arena.i32[word(core, Presence.State)] = CoreState.Online;
    },
    states: () =>
      Array.from({ length: cores }, (_, core) => core).map((core) => rig.supervision.state(core)),
    master: (role) => rig.supervision.membership.master(role),
    owners: () => new Set(rig.supervision.membership.buckets(128)),
  };
  return rig;
}
