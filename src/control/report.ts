// Where the checks of meaning put what they find, and what they may ask: the file as written, and this machine.

import type { Fault } from "./errors.ts";
import { formatPath, type Path, quote, type Source, valueAt } from "./source.ts";
import { nearest } from "./words.ts";

/** A network interface of the kernel. */
export interface KernelLink {
  /** Addresses on which the kernel itself answers, link-local ones left out. */
  readonly addresses: readonly string[];
}

/** What the checks ask of the machine; a test gives its own. */
export interface Machine {
  /** The kernel's interfaces by name. */
  links(): ReadonlyMap<string, KernelLink>;
}

export class Report {
  readonly faults: Fault[] = [];
  readonly machine: Machine | null;
  readonly #source: Source;
  readonly #data: unknown;
  readonly #origins: ReadonlyMap<string, readonly number[]>;

  constructor(
    source: Source,
    data: unknown,
    origins: ReadonlyMap<string, readonly number[]>,
    machine: Machine | null,
  ) {
    this.#source = source;
    this.#data = data;
    this.#origins = origins;
    this.machine = machine;
  }

  /** Refuses the file: what stands at `path` against what should. */
  fault(path: Path, expected: string, hint = "", found?: string): void {
    this.#add("fault", path, expected, hint, found);
  }

  /** Tells, and lets the file pass. */
  warn(path: Path, expected: string, hint = "", found?: string): void {
    this.#add("warning", path, expected, hint, found);
  }

  /** Reports a name that does not exist, with the nearest that does; true when it exists. */
  require(path: Path, what: string, name: string, known: readonly string[]): boolean {
    if (known.includes(name)) return true;
    const near = nearest(name, known);
    const list = known.length > 8 ? `${known.slice(0, 8).join(", ")}, ...` : known.join(", ");
    const all = list === "" ? "there is none" : `there are ${list}`;
    this.fault(path, what, near === "" ? all : `did you mean "${near}"?`);
    return false;
  }

  /** True when the file itself has something at `path`; a default does not count. */
  isWritten(path: Path): boolean {
    return valueAt(this.#data, this.#original(path)) !== undefined;
  }

  /** The names that a section has in the file, faulty entries included, so that no fault follows from another. */
  names(section: string): readonly string[] {
    const group = valueAt(this.#data, [section]);
    return group !== null && typeof group === "object" && !Array.isArray(group)
      ? Object.keys(group)
      : [];
  }

  /** A path as the file has it, for a message that names another place. */
  name(path: Path): string {
    return formatPath(this.#original(path));
  }

  #add(
    severity: Fault["severity"],
    path: Path,
    expected: string,
    hint: string,
    found?: string,
  ): void {
    const at = this.#original(path);
    const place = this.#source.place(at);
    const value = found ?? quote(valueAt(this.#data, at));
    this.faults.push({ severity, ...place, path: formatPath(at), found: value, expected, hint });
  }

  /** The path as it was before faulty list items were cut out. */
  #original(path: Path): Path {
    return path.map((part, index) => {
      if (typeof part !== "number") return part;
      return this.#origins.get(formatPath(path.slice(0, index)))?.[part] ?? part;
    });
  }
}
