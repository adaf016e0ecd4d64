// Safe change (OPS-1): what a configuration would do, taking it over with nothing unchanged touched, going back by
// itself when nobody confirms, and the history to go back to. One change at a time; a failed one leaves what ran.

import type { Appliance } from "./appliance-port.ts";
import type { Configuration } from "./configuration.ts";
import { ControlError, type Fault } from "./errors.ts";
import type { HistoryRow, StoredHistory } from "./history.ts";
import type { LoadedPlan, LoadRequest } from "./load-apart.ts";
import { changes, type Plan, planChanges, type Side } from "./plan.ts";
import { type FileState, fileText, type SavedFile } from "./saved-file.ts";
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
  /** What runs now and the file of `run -c`, in one sentence; "" where they are the same, or there is no file. */
  readonly file: string;
}

export interface ApplyAnswer extends PlanAnswer {
  /** Its number in the history. */
  readonly number: number;
  /** One sentence for people. */
  readonly detail: string;
  /** The file of `run -c` says what runs now. */
  readonly saved: boolean;
}

/** How the file of `run -c` and what runs stand to each other. */
export interface FileAnswer {
  readonly file: string;
  readonly state: FileState;
  readonly number: number;
  readonly detail: string;
}

/** How a configuration is taken over. */
export interface ApplyOptions {
  /** It goes back by itself after so many milliseconds without `confirm`. */
  readonly confirm?: number | undefined;
  /** It is written to the file of `run -c`, once nothing can take it back any more. */
  readonly save?: boolean | undefined;
}

/** A configuration by its text, or by the name of its file. */
export type ConfigurationSource = { readonly text: string } | { readonly file: string };

export interface ConfigurationsOptions {
  readonly appliance: Appliance;
  /** Reads, checks and compiles; in a thread of its own (load-apart.ts). */
  readonly load: (request: LoadRequest) => Promise<LoadedPlan>;
  readonly history: StoredHistory;
  /** The file of `run -c`; absent where there is none to write. */
  readonly file?: SavedFile | undefined;
  /** What else follows a configuration and may refuse it: the API's listeners. Told before and after (follower.ts). */
  readonly followers?: readonly Follower[] | undefined;
  /** Overrides cores.count of every file, as `run --cores` does. */
  readonly cores: number | undefined;
  /** Names of virtual routers that are active now. */
  readonly activeRouters: () => Promise<ReadonlySet<string>>;
  /** Told what happened by itself: a change that went back. */
  readonly tell: (line: string) => void;
}

/**
 * Somebody who follows the configuration beside the cores. It makes ready what the new one wants, which may fail, and
 * gives back how to end the old (`commit`) or the new (`undo`).
 */
export interface Follower {
  prepare(after: Configuration): Promise<{ commit(): Promise<void>; undo(): Promise<void> }>;
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
  /** It is written to the file when it is confirmed. */
  readonly saves: boolean;
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

  /** The file's text as it was given, of the configuration that runs, or of an earlier one that is still kept. */
  text(number?: number): string | undefined {
    if (number === undefined || number === this.#running.number) return this.#running.text;
    return this.#options.history.text(number);
  }

  /** True while a change waits for its confirmation. */
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

  /** Takes a configuration over. */
  apply(
    source: ConfigurationSource,
    by: string,
    { confirm, save = false }: ApplyOptions = {},
  ): Promise<ApplyAnswer> {
    return this.#inTurn(async () => {
      this.#refuseWhilePending();
      if (confirm !== undefined && (confirm < SHORTEST_CONFIRM || confirm > LONGEST_CONFIRM)) {
        const what = `A confirmation is awaited from 1s to 24h, not ${formatDuration(confirm)}`;
        throw new ControlError("value-invalid", what, "write --confirm 60s");
      }
      const { loaded, answer } = await this.#prepare(source);
      const { file } = this.#options;
      if (save) this.#file().refuse(loaded.text);
      const before = this.#running;
      await this.#take(loaded, answer);
      const waits = confirm !== undefined && answer.changes.length > 0;
      if (save && !waits) await this.#saveOrUndo(loaded.text, before);
      const number = this.#record(loaded.text, by, answer);
      this.#running = { ...loaded, number };
      if ("file" in source && file?.isNamed(source.file)) file.read(loaded.text);
      if (!waits) return this.#done(answer, number, doneText(answer));
      this.#await(before, confirm, save);
      const detail = `${doneText(answer)}; goes back in ${formatDuration(confirm)} unless confirmed`;
      return this.#done(answer, number, detail);
    });
  }

  #done(answer: PlanAnswer, number: number, text: string): ApplyAnswer {
    const { file } = this.#options;
    const state = file?.state(this.#running.text);
    const saved = state === "same";
    const about = file === undefined || state === undefined ? "" : fileText(file.name, state);
    return { ...answer, number, detail: text, saved, file: saved ? "" : about };
  }

  /** The file of `run -c`. */
  #file(): SavedFile {
    const { file } = this.#options;
    if (file !== undefined) return file;
    const hint = "run the appliance of a file: linkloom run -c FILE";
    throw new ControlError("not-found", "There is no configuration file to save to", hint);
  }

  /** A step that fails undoes the whole. */
  async #saveOrUndo(text: string, before: Running): Promise<void> {
    try {
      this.#file().save(text);
    } catch (error) {
      await this.#reconfigure(before);
      throw error;
    }
  }

  /** Writes what runs to the file of `run -c`. */
  save(): Promise<{ readonly count: number; readonly detail: string }> {
    return this.#inTurn(() => {
      this.#refuseWhilePending();
      const file = this.#file();
      const isSame = file.state(this.#running.text) === "same";
      file.save(this.#running.text);
      const detail = `${file.name} ${isSame ? "said so already" : "says what runs now"}`;
      return Promise.resolve({ count: isSame ? 0 : 1, detail });
    });
  }

  /** The file of `run -c` against what runs; undefined where there is none. */
  fileState(): FileAnswer | undefined {
    const { file } = this.#options;
    if (file === undefined) return undefined;
    const { text, number } = this.#running;
    const state = file.state(text);
    return { file: file.name, state, number, detail: fileText(file.name, state) };
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
      const stays = `configuration ${this.#running.number} stays`;
      if (!pending.saves) return Promise.resolve({ count: 1, detail: stays });
      const file = this.#file();
      try {
        file.save(this.#running.text);
      } catch (error) {
        throw staysAllTheSame(error, stays);
      }
      return Promise.resolve({ count: 1, detail: `${stays}, and ${file.name} says it now` });
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
      return this.#done(answer, made, `as ${number} was: ${answer.summary}`);
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
    if (answer.changes.length > 0) await this.#reconfigure(loaded);
  }

  /** The cores and whoever follows, or none of them. */
  async #reconfigure({ configuration, plan }: Side): Promise<void> {
    const ready: Awaited<ReturnType<Follower["prepare"]>>[] = [];
    try {
      for (const follower of this.#options.followers ?? []) {
        ready.push(await follower.prepare(configuration));
      }
      await this.#options.appliance.reconfigure(plan);
    } catch (error) {
      for (const one of ready.reverse()) await one.undo();
      throw error;
    }
    for (const one of ready) await one.commit();
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
    const stands = this.fileState();
    const file = stands === undefined || stands.state === "same" ? "" : stands.detail;
    return { loaded, answer: { ...plan, paths, warnings: loaded.warnings, file } };
  }

  #record(text: string, by: string, plan: Plan): number {
    if (plan.changes.length === 0 && text === this.#running.text) return this.#running.number;
    return this.#options.history.add(text, by, plan.summary, plan.changes.length);
  }

  #await(before: Running, confirm: number, saves: boolean): void {
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
    this.#pending = { before, timer, until: Date.now() + confirm, saves };
  }

  /** Back to exactly what ran: no file is read, so that nothing can refuse it now that did not then. */
  async #goBack(pending: Pending, by: string): Promise<ApplyAnswer> {
    clearTimeout(pending.timer);
    this.#pending = undefined;
    const { before } = pending;
    const active = await this.#options.activeRouters().catch(() => new Set<string>());
    const answer = planChanges(this.#running, before, active);
    const paths = changes(this.#running.configuration, before.configuration);
    await this.#reconfigure(before);
    const number = this.#options.history.add(
      before.text,
      `${by}: back to ${before.number}`,
      answer.summary,
      answer.changes.length,
    );
    this.#running = { ...before, number };
    const undone = { ...answer, paths, warnings: [], file: "" };
    return this.#done(undone, number, `undone: ${answer.summary}`);
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

/** What could not be written does not take back what was confirmed. */
function staysAllTheSame(error: unknown, stays: string): unknown {
  if (!(error instanceof ControlError)) return error;
  const what = `${error.message}; ${stays} all the same`;
  return new ControlError(error.code, what, error.hint, { cause: error });
}
