// A configuration file as written: YAML 1.2 with the place of every key and value, so that each fault can name its
// line. Errors of the YAML itself become faults here.

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";
import type { Fault } from "./errors.ts";

/** Keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** `ports.p0.driver`, `routes[0].via`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}

/** A value as a message quotes it: short, on one line. */
export function quote(value: unknown): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value !== null && typeof value === "object") return "a group of keys";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The value at a path of plain data; undefined where there is none. */
export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** The parsed file. */
export class Source {
  /** Plain data; undefined when the YAML is broken. */
  readonly data: unknown;
  /** What is wrong with the YAML itself. */
  readonly faults: readonly Fault[];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const faults = this.#document.errors.map((error): Fault => {
      const { line, column } = this.#at(error.pos[0]);
      const duplicate = error.code === "DUPLICATE_KEY";
      return {
        severity: "fault",
        line,
        column,
        path: "",
        found: duplicate ? "a key twice" : "something else",
        expected: duplicate ? "each key once in its group" : "YAML",
        hint: duplicate ? "remove one of the two" : sentence(error.message),
      };
    });
    const broken = this.#document.errors.some((error) => error.code !== "DUPLICATE_KEY");
    let data: unknown;
    try {
      data = broken ? undefined : this.#document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      const hint = error instanceof Error ? sentence(error.message) : "";
      const found = "aliases that cannot be resolved";
      faults.push({
        severity: "fault",
        line: 1,
        column: 1,
        path: "",
        found,
        expected: "YAML",
        hint,
      });
    }
    this.data = data;
    this.faults = faults;
  }

  /** Where the value at a path stands, or its key; the nearest group above when it is not there. */
  place(path: Path, wantKey = false): { line: number; column: number } {
    let node: Node | null = this.#document.contents;
    let at = offsetOf(node);
    for (const [index, part] of path.entries()) {
      node = isAlias(node) ? (node.resolve(this.#document) ?? null) : node;
      if (isMap(node)) {
        const pair = node.items.find(
          ({ key }) => isScalar(key) && String(key.value ?? "") === part,
        );
        if (pair === undefined) break;
        const key = isNode(pair.key) ? offsetOf(pair.key) : at;
        node = isNode(pair.value) ? pair.value : null;
        const value = offsetOf(node);
        // An empty value has its place behind the key; the key's line is what people look for.
        const empty = isScalar(node) && node.value === null;
        at = (wantKey && index === path.length - 1) || value < 0 || empty ? key : value;
        if (!isScalar(node) && index === path.length - 1) at = key;
      } else if (isSeq(node) && typeof part === "number") {
        const item: unknown = node.items[part];
        if (!isNode(item)) break;
        node = item;
        at = offsetOf(node);
      } else break;
    }
    return this.#at(Math.max(at, 0));
  }

  #at(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? -1;
}

/** A message of the YAML library, on one line. */
function sentence(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/[.:]\s*$/, "");
}
