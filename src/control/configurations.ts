// Safe change (OPS-1): what a configuration would do, taking it over with nothing unchanged touched, going back by
// itself when nobody confirms, and the history to go back to. One change at a time; a failed one leaves what ran.

import type { Appliance, StartPlan } from "./appliance-port.ts";
import type { Configuration } from "./configuration.ts";
import { ControlError, type Fault } from "./errors.ts";
import type { HistoryRow, StoredHistory } from "./history.ts";
import type { LoadedPlan, LoadRequest } from "./load-apart.ts";
import { changes, type Plan, planChanges, type Side } from "./plan.ts";
import { formatDuration } from "./words.ts";

/** Longest time that a change may wait for its confirmation: a day, our choice. */
const LONGEST_CONFIRM = 86_400_000;
/** Shortest: who applied must be able to type `confirm`. Our choice. */
const SHORTEST_CONFIRM = 1000;

/** A plan with the warnings of the file. */
export interface PlanAnswer extends Plan {
  /** Every place of the configuration that differs. */
  readonly paths: readonly string[];
  readonly warnings: readonly Fault[];
}

export interface ApplyAnswer extends PlanAnswer {
  /** Its number in the history. */
  readonly number: number;
  /** One sentence for people. */
  readonly detail: string;
}

/** A configuration by its text, or by the name of its file. */
export type ConfigurationSource = { readonly text: string } | { readonly file: string };

export interface ConfigurationsOptions {
  readonly appliance: Appliance;
  /** Reads, checks and compiles; in a thread of its own (load-apart.ts). */
  readonly load: (request: LoadRequest) => Promise<LoadedPlan>;
  readonly history: StoredHistory;
  /** Overrides cores.count of every file, as `run --cores` does. */
  readonly cores: number | undefined;
  /** Names of virtual routers that are active now. */
  readonly activeRouters: () => Promise<ReadonlySet<string>>;
  /** Told what happened by itself: a change that went back. */
  readonly tell: (line: string) => void;
}

/** What runs, and where to go back to. */
interface Running extends Side {
  readonly text: string;
  readonly number: number;
}

interface Pending {
  readonly before: Running;
  readonly timer: NodeJS.Timeout;
  readonly until: number;
}

export class Configurations {
  readonly #options: ConfigurationsOptions;
  #running: Running;
  #pending: Pending | undefined;
  /** The end of the last change; the next begins there. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigurationsOptions, first: LoadedPlan) {
    this.#options = options;
    const number = options.history.add(first.text, "start", "", 0);
    this.#running = { ...first, number };
  }

  /** The configuration that runs. */
  get configuration(): Configuration {
    return this.#running.configuration;
  }

  /** True while a change waits for its confirmation. */
  /** The file's text as it was given, of the configuration that runs, or of an earlier one that is still kept. */
  text(number?: number): string | undefined {
    if (number === undefined || number === this.#running.number) return this.#running.text;
    return this.#options.history.text(number);
  }

  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  history(): readonly HistoryRow[] {
    return this.#options.history.rows(this.#running.number, this.#pending?.before.number ?? -1);
  }

  /** What a configuration would change. Throws a ConfigError with all faults. */
  plan(source: ConfigurationSource): Promise<PlanAnswer> {
    return this.#inTurn(async () => (await this.#prepare(source)).answer);
  }

  /** Takes a configuration over; with `confirm` it goes back by itself after so many milliseconds. */
  apply(
    source: ConfigurationSource,
    by: string,
    confirm: number | undefined,
  ): Promise<ApplyAnswer> {
    return this.#inTurn(async () => {
      this.#refuseWhilePending();
      if (confirm !== undefined && (confirm < SHORTEST_CONFIRM || confirm > LONGEST_CONFIRM)) {
        const what = `A confirmation is awaited from 1s to 24h, not ${formatDuration(confirm)}`;
        throw new ControlError("value-invalid", what, "write --confirm 60s");
      }
      const { loaded, answer } = await this.#prepare(source);
      const before = this.#running;
      await this.#take(loaded, answer);
      const number = this.#record(loaded.text, by, answer);
      this.#running = { ...loaded, number };
      if (confirm === undefined || answer.changes.length === 0) {
        return { ...answer, number, detail: doneText(answer) };
      }
      this.#await(before, confirm);
      const detail = `${doneText(answer)}; goes back in ${formatDuration(confirm)} unless confirmed`;
      return { ...answer, number, detail };
    });
  }

  /** Keeps the change that waits. */
  confirm(): Promise<{ readonly count: number; readonly detail: string }> {
    return this.#inTurn(() => {
      const pending = this.#pending;
      if (pending === undefined) {
        throw new ControlError("nothing-pending", "No change waits for a confirmation", "");
      }
      clearTimeout(pending.timer);
      this.#pending = undefined;
      const detail = `configuration ${this.#running.number} stays`;
      return Promise.resolve({ count: 1, detail });
    });
  }

  /** Goes back: to the one before a change that waits, else to the one before this, or to a number of the history. */
  rollback(to: number | undefined, by: string): Promise<ApplyAnswer> {
    return this.#inTurn(async () => {
      const pending = this.#pending;
      if (pending !== undefined && (to === undefined || to === pending.before.number)) {
        return await this.#goBack(pending, by);
      }
      this.#refuseWhilePending();
      const number = to ?? this.#options.history.before(this.#running.number);
      const text = number === undefined ? undefined : this.#options.history.text(number);
      if (text === undefined) {
        const what =
          number === undefined
            ? "There is no earlier configuration"
            : `There is no configuration ${number}`;
        const code = to === undefined ? "nothing-pending" : "not-found";
        throw new ControlError(code, what, "linkloom show history lists them");
      }
      const { loaded, answer } = await this.#prepare({ text });
      await this.#take(loaded, answer);
      const made = this.#record(text, `${by}: rollback to ${number}`, answer);
      this.#running = { ...loaded, number: made };
      return { ...answer, number: made, detail: `as ${number} was: ${answer.summary}` };
    });
  }

  /** A stop does not wait for a confirmation: what the file says is what starts again. */
  close(): void {
    clearTimeout(this.#pending?.timer);
    this.#pending = undefined;
  }

  async #take(loaded: LoadedPlan, answer: PlanAnswer): Promise<void> {
    if (answer.restart !== "") {
      throw new ControlError("reload-refused", answer.restart, "restart the appliance");
    }
    if (answer.changes.length > 0) await this.#options.appliance.reconfigure(loaded.plan);
  }

  async #prepare(source: ConfigurationSource): Promise<{ loaded: LoadedPlan; answer: PlanAnswer }> {
    const { appliance, cores } = this.#options;
    const loaded = await this.#options.load({
      file: "the configuration",
      ...source,
      cores,
      before: appliance.config,
    });
    const active = await this.#options.activeRouters().catch(() => new Set<string>());
    const plan = planChanges(this.#running, loaded, active);
    const paths = changes(this.#running.configuration, loaded.configuration);
    return { loaded, answer: { ...plan, paths, warnings: loaded.warnings } };
  }

  #record(text: string, by: string, plan: Plan): number {
    if (plan.changes.length === 0 && text === this.#running.text) return this.#running.number;
    return this.#options.history.add(text, by, plan.summary, plan.changes.length);
  }

  #await(before: Running, confirm: number): void {
    const timer = setTimeout(() => {
      void this.#inTurn(async () => {
        const pending = this.#pending;
        if (pending?.timer !== timer) return;
        const { number } = this.#running;
        try {
          await this.#goBack(pending, "nobody confirmed");
          this.#options.tell(`configuration ${number} was not confirmed and is undone`);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          this.#options.tell(
            `configuration ${number} was not confirmed and cannot be undone: ${why}`,
          );
        }
      });
    }, confirm);
    this.#pending = { before, timer, until: Date.now() + confirm };
  }

  /** Back to exactly what ran: no file is read, so that nothing can refuse it now that did not then. */
  async #goBack(pending: Pending, by: string): Promise<ApplyAnswer> {
    clearTimeout(pending.timer);
    this.#pending = undefined;
    const { before } = pending;
    const plan: StartPlan = before.plan;
    const active = await this.#options.activeRouters().catch(() => new Set<string>());
    const answer = planChanges(this.#running, before, active);
    const paths = changes(this.#running.configuration, before.configuration);
    await this.#options.appliance.reconfigure(plan);
    const number = this.#options.history.add(
      before.text,
      `${by}: back to ${before.number}`,
      answer.summary,
      answer.changes.length,
    );
    this.#running = { ...before, number };
    return { ...answer, paths, warnings: [], number, detail: `undone: ${answer.summary}` };
  }

  #refuseWhilePending(): void {
    if (this.#pending === undefined) return;
    const rest = Math.max(0, Math.ceil((this.#pending.until - Date.now()) / 1000));
    const what = `A change waits for its confirmation for another ${rest}s`;
    throw new ControlError("change-pending", what, "confirm it, or roll it back, first");
  }

  /** One after the other: each compares with what the one before made. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

const doneText = (plan: Plan): string =>
  plan.changes.length === 0
    ? "nothing differs"
    : `${plan.changes.length} ${plan.changes.length === 1 ? "object" : "objects"} changed: ${plan.summary}`;
