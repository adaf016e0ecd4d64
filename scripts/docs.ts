// Prints docs/reference/ from the code: what people look up, and what may not change unnoticed. `--check` compares with
// the files that are there, and fails where they differ.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ERROR_CODES, ERRORS } from "../src/control/errors.ts";
import { ROOT, report, text } from "./files.ts";

interface Row {
  readonly name: string;
  readonly meaning: string;
}

/** The entries of a list in a source file, `"name", // Meaning.`, in their order. */
export function listRows(source: string, list: string): Row[] {
  const [, body] =
    new RegExp(`export const ${list} = \\[\\n([\\s\\S]*?)\\n\\] as const;`).exec(source) ?? [];
  if (body === undefined) throw new Error(`There is no list ${list}`);
  return body.split("\n").map((line) => {
    const [, name, meaning] = /^\s*"([^"]+)",(?:\s*\/\/\s*(.*))?$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`${list} has a line that is no entry: ${line.trim()}`);
    return { name, meaning: meaning ?? "" };
  });
}

const GENERATED =
  "<!-- Printed by scripts/docs.ts from the code: change it there, then run npm run docs. -->";

function page(
  title: string,
  intro: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")).join(" | ")} |`;
  const table = [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
  return `${GENERATED}\n\n# ${title}\n\n${intro}\n\n${table}\n`;
}

const code = (name: string): string => `\`${name}\``;

/** Every page of docs/reference/ by its name. */
export function pages(): Map<string, string> {
  const drops = listRows(text("src/engine/drop.ts"), "DROP_NAMES");
  const events = listRows(text("src/engine/event.ts"), "EVENT_NAMES");
  const messages = listRows(text("src/engine/message.ts"), "MESSAGE_NAMES").slice(1);
  return new Map([
    [
      "drops.md",
      page(
        "Drop reasons",
        "`linkloom show drops` and the metric `linkloom_drops_total{reason}` count these per core.",
        ["reason", "what it means"],
        drops.map(({ name, meaning }) => [code(name), meaning]),
      ),
    ],
    [
      "events.md",
      page(
        "Events",
        "`linkloom show events` prints these; a to d are the numbers that the code carries.",
        ["event", "numbers"],
        events.map(({ name, meaning }) => [code(name), meaning]),
      ),
    ],
    [
      "messages.md",
      page(
        "Messages between cores",
        "Types of the bus's 64-byte records; `linkloom show bus` counts them per pair of cores.",
        ["type", "sent when"],
        messages.map(({ name, meaning }) => [code(name), meaning.replace(/\s*\S+\/\S+\.ts$/, "")]),
      ),
    ],
    [
      "errors.md",
      page(
        "Errors",
        "The command line ends with the exit code; the control socket answers with the HTTP status and the same code.",
        ["code", "exit", "HTTP", "what it means"],
        ERROR_CODES.map((name) => {
          const { exit, status, meaning } = ERRORS[name];
          return [code(name), String(exit), String(status), meaning];
        }),
      ),
    ],
  ]);
}

if (import.meta.main) {
  const check = process.argv.includes("--check");
  const faults: string[] = [];
  const printed = pages();
  for (const [name, content] of printed) {
    const path = join(ROOT, "docs", "reference", name);
    const before = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    if (before === content) continue;
    if (check) faults.push(`docs/reference/${name} is not what the code says: run npm run docs`);
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  }
  report(`docs: ${printed.size} pages`, faults);
}
