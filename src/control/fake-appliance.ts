// For tests: an appliance without threads. Its configuration is a real one, compiled; its counters and tables are what
// the test puts there; it remembers every command.

import { BLOCK_COUNTERS, BUCKET_AT } from "../engine/counter.ts";
import type {
  Appliance,
  CoreAnswer,
  CoreCommand,
  CoreState,
  ObserveRequest,
  RawEvent,
  RawRow,
  SeenRecord,
  StartPlan,
} from "./appliance-port.ts";
import { check } from "./check.ts";
import { compile } from "./compile.ts";
import { derivedMac } from "./machine.ts";

/** Compiles a configuration's text that has no faults. */
export function planOf(text: string): StartPlan {
  const { configuration, faults } = check(text);
  if (configuration === undefined) throw new Error(JSON.stringify(faults, null, 1));
  return compile(configuration, {
    link: () => undefined,
    derivedMac: (driver, port) => derivedMac(`${driver} ${port}`),
  });
}

export class FakeAppliance implements Appliance {
  config: Appliance["config"];
  readonly startedAt = 0;
  readonly ended: Promise<void> = new Promise(() => {});
  /** What the cores were asked, in order. */
  readonly asked: { core: number; command: CoreCommand }[] = [];
  /** Rows by `table core`. */
  readonly tables: Map<string, RawRow[]> = new Map();
  /** Answers by kind, for what is no table. */
  readonly answers: Map<string, unknown> = new Map();
  readonly history: RawEvent[] = [];
  /** Who looks at frames and messages; a test shows them some. */
  readonly observers: Set<{
    request: ObserveRequest;
    each: (record: SeenRecord) => void;
    lost: (count: number) => void;
  }> = new Set();
  readonly states: CoreState[];
  readonly roles: number[] = [0, 0];
  readonly map: Uint8Array;
  readonly #counters: Float64Array[];

  constructor(text: string) {
    this.config = planOf(text).config;
    const { count } = this.config.cores;
    this.states = Array.from({ length: count }, () => "online");
    this.#counters = Array.from({ length: count }, () => new Float64Array(BLOCK_COUNTERS));
    this.map = Uint8Array.from(
      { length: this.config.steering.buckets },
      (_, bucket) => bucket % count,
    );
  }

  counters(core: number): Float64Array {
    return this.#counters[core] as Float64Array;
  }

  cores(): ReturnType<Appliance["cores"]> {
    return this.states.map((state, core) => ({
      core,
      state,
      load: 0.25,
      heartbeatAgeMs: 1,
      restarts: 0,
    }));
  }

  setCore(core: number, online: boolean): void {
    this.states[core] = online ? "online" : "offline";
  }

  setMaster(role: number, core: number): void {
    this.roles[role] = core < 0 ? 0 : core;
  }

  repairs(): readonly number[] {
    return [];
  }

  ports(): ReturnType<Appliance["ports"]> {
    return this.config.common.ports.map(({ mac, mtu }) => ({
      driver: "memory",
      interface: "",
      up: true,
      mac,
      mtu,
    }));
  }

  masters(): readonly number[] {
    return this.roles;
  }

  buckets(): Uint8Array {
    return this.map;
  }

  bucketFrames(): Float64Array {
    const frames = new Float64Array(128);
    for (const core of this.states.keys()) {
      const counted = this.counters(core).subarray(BUCKET_AT, BUCKET_AT + 128);
      for (const [bucket, count] of counted.entries())
        frames[bucket] = (frames[bucket] ?? 0) + count;
    }
    return frames;
  }

  command<C extends CoreCommand>(core: number, command: C): Promise<CoreAnswer<C["kind"]>> {
    this.asked.push({ core, command });
    return Promise.resolve(this.#answer(core, command) as CoreAnswer<C["kind"]>);
  }

  #answer(core: number, command: CoreCommand): unknown {
    if (command.kind === "rows" || command.kind === "routes") {
      const all =
        this.tables.get(`${command.kind === "rows" ? command.table : "routes"} ${core}`) ?? [];
      const end = command.cursor + command.limit;
      return { rows: all.slice(command.cursor, end), next: end < all.length ? end : -1 };
    }
    return (
      this.answers.get(`${command.kind} ${core}`) ?? this.answers.get(command.kind) ?? { count: 1 }
    );
  }

  events(since: number, limit: number): readonly RawEvent[] {
    return this.history.filter(({ sequence }) => sequence > since).slice(0, limit);
  }

  observe(
    request: ObserveRequest,
    each: (record: SeenRecord) => void,
    lost: (count: number) => void,
  ): () => void {
    const observer = { request, each, lost };
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  reconfigure(options: StartPlan): Promise<void> {
    this.config = options.config;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
