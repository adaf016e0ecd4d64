// Prints docs/reference/ from the code: what people look up, and what may not change unnoticed. `--check` compares with
// the files that are there, and fails where they differ.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { METRICS } from "../src/api/metric-list.ts";
import { configurationSchema } from "../src/api/openapi.ts";
import { buildProgram } from "../src/cli/program.ts";
import { ERROR_CODES, ERRORS } from "../src/control/errors.ts";
import { OBJECTS } from "../src/control/objects.ts";
import { OPERATIONS } from "../src/control/operations.ts";
import { PAST_NAMES } from "../src/control/past-list.ts";
import { CONFIGURATION } from "../src/control/schema.ts";
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
  const rows: Row[] = [];
  // A meaning that is too long for the entry's line stands in lines above it.
  let above = "";
  for (const line of body.split("\n")) {
    const [, comment] = /^\s*\/\/\s*(.*)$/.exec(line) ?? [];
    if (comment !== undefined) {
      above += `${comment} `;
      continue;
    }
    const [, name, meaning] = /^\s*"([^"]+)",(?:\s*\/\/\s*(.*))?$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`${list} has a line that is no entry: ${line.trim()}`);
    rows.push({ name, meaning: above + (meaning ?? "") });
    above = "";
  }
  return rows;
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

/** What a walk through a zod schema sees of a node. */
interface Node {
  safeParse(value: unknown): { error?: { issues: { message: string }[] } };
  readonly def: {
    readonly type: string;
    readonly innerType?: Node;
    readonly out?: Node;
    readonly defaultValue?: unknown;
    readonly shape?: Record<string, Node>;
    readonly valueType?: Node;
    readonly element?: Node;
    readonly options?: Node[];
    readonly discriminator?: string;
    readonly values?: unknown[];
  };
}

/** Rows of path, what is expected and the default, in the order of the schema. */
export function settingRows(node: Node, path: string, fallback: string): string[][] {
  const { def } = node;
  const { innerType, shape, valueType, element, options, discriminator } = def;
  if (innerType !== undefined) {
    const own = def.type === "optional" ? "not set" : JSON.stringify(def.defaultValue);
    return settingRows(
      innerType,
      path,
      def.defaultValue === undefined ? own : asYaml(def.defaultValue),
    );
  }
  if (def.out !== undefined) return settingRows(def.out, path, fallback);
  if (shape !== undefined)
    return Object.entries(shape).flatMap(([key, child]) =>
      settingRows(child, path === "" ? key : `${path}.${key}`, "required"),
    );
  if (valueType !== undefined) return settingRows(valueType, `${path}.NAME`, "required");
  if (element !== undefined) {
    const inner = settingRows(element, `${path}[]`, "required");
    return inner.length > 1 ? inner : [[`${path}[]`, inner[0]?.[1] ?? "", fallback]];
  }
  if (options !== undefined && discriminator !== undefined)
    return variantRows(options, discriminator, path);
  if (def.values !== undefined) return [[path, def.values.join(" or "), fallback]];
  return [[path, node.safeParse({}).error?.issues[0]?.message ?? def.type, fallback]];
}

/** The keys of all variants once, each with the variants that have it where not all do. */
function variantRows(options: readonly Node[], discriminator: string, path: string): string[][] {
  const names: string[] = [];
  const found = new Map<string, { row: string[]; of: string[] }>();
  for (const option of options) {
    const name = String(option.def.shape?.[discriminator]?.def.values?.[0]);
    names.push(name);
    for (const row of settingRows(option, path, "required")) {
      const [key = ""] = row;
      if (key === `${path}.${discriminator}`) continue;
      const same = row.join("\n");
      const known = found.get(same) ?? { row, of: [] };
      known.of.push(name);
      found.set(same, known);
    }
  }
  const rows = [...found.values()].map(({ row: [key = "", expected = "", own = ""], of }) => [
    key,
    of.length === options.length ? expected : `${expected} (${discriminator}: ${of.join(", ")})`,
    own,
  ]);
  return [[`${path}.${discriminator}`, names.join(", "), "required"], ...rows];
}

function asYaml(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The help of a command and of all below it, as a terminal of 80 columns prints it. */
function helpPages(command: Command, words: string): string[] {
  let help = "";
  command.configureOutput({ getOutHelpWidth: () => 80, writeOut: (part) => (help += part) });
  command.outputHelp();
  const own = `## ${words}\n\n\`\`\`text\n${help.replaceAll(/ +$/gm, "").trim()}\n\`\`\`\n`;
  return [
    own,
    ...command.commands.flatMap((child) => helpPages(child, `${words} ${child.name()}`)),
  ];
}

/** Objects, then operations, as GET /api/v1 and the OpenAPI document have them. */
function apiPage(): string {
  const objects = page(
    "API",
    "HTTP on the control socket, and on `api.http` with a token. `GET /api/v1/openapi.json` says the same for programs. Every object takes its filters as the query; `Accept: text/event-stream` makes `/api/v1/events` a stream. `at` is a moment of the last hour ([how it was](../time-travel.md)): `-10m`, or an ISO 8601 date and time.",
    ["object", "what it is", "filters"],
    OBJECTS.map(({ name, summary, filters }) => [
      code(`GET /api/v1/${name}`),
      summary,
      [...filters, ...(PAST_NAMES.includes(name) ? ["at"] : [])].map(code).join(" "),
    ]),
  );
  const place = { path: "", query: "?", body: "" } as const;
  const rows = OPERATIONS.map(({ method, path, summary, rights, parameters, yaml }) => {
    const words = parameters
      .filter((one) => one.in !== "path")
      .map((one) => code(`${place[one.in]}${one.name}`));
    const given = yaml === true ? ["a configuration, `application/yaml`", ...words] : words;
    return `| ${[code(`${method} /api/v1/${path}`), summary, rights, given.join(" ")].join(" | ")} |`;
  });
  const head = ["| request | does | token | takes |", "| --- | --- | --- | --- |"];
  return `${objects}\n## Operations\n\n${[...head, ...rows].join("\n")}\n`;
}

const code = (name: string): string => `\`${name}\``;

/** Every page of docs/reference/ by its name. */
export function pages(): Map<string, string> {
  const drops = listRows(text("src/engine/drop.ts"), "DROP_NAMES");
  const events = listRows(text("src/engine/event.ts"), "EVENT_NAMES");
  const messages = listRows(text("src/engine/message.ts"), "MESSAGE_NAMES").slice(1);
  return new Map([
    [
      "command-line.md",
      [`${GENERATED}\n\n# Command line\n`, ...helpPages(buildProgram(), "linkloom")].join("\n"),
    ],
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
      "configuration.md",
      page(
        "Configuration",
        "Every key of the configuration file, from the schema that `linkloom check` uses. Durations and sizes have a unit.",
        ["key", "takes", "default"],
        settingRows(CONFIGURATION as unknown as Node, "", "required").map(
          ([key = "", takes = "", own = ""]) => [
            code(key),
            takes,
            own === "required" || own === "not set" ? own : code(own),
          ],
        ),
      ),
    ],
    ["config.schema.json", `${JSON.stringify(configurationSchema(), null, 2)}\n`],
    [
      "metrics.md",
      page(
        "Metrics",
        "`GET /metrics` serves these to Prometheus; `ops/` has a dashboard and alert rules.",
        ["metric", "type", "labels", "what it is"],
        METRICS.map(({ name, type, labels, help }) => [code(name), type, labels.join(", "), help]),
      ),
    ],
    ["api.md", apiPage()],
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
