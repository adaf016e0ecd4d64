// `trace` and `capture`: what the cores see, live, until the limit, the time or a key ends it.

import { createWriteStream } from "node:fs";
import type { Command } from "commander";
import { ControlError, errnoOf } from "../control/errors.ts";
import { follow } from "./client.ts";
import { print, warn } from "./io.ts";
import type { Globals } from "./show.ts";

type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** Options of both, and the words of the request that they are. */
function addFrameOptions(command: Command): Command {
  return command
    .option("--port <name>", "frames of this port only")
    .option("--core <number>", "what this core sees only")
    .option("--direction <in|out>", "only frames that came in, or that leave")
    .option("--dropped", "only frames that were given up")
    .option("--reason <name>", "only frames given up for this reason")
    .option("--match <text>", "only frames whose description has this text")
    .option("--limit <number>", "end after so many")
    .option("--seconds <number>", "end after so long");
}

/** Adds the commands. */
export function addLook(program: Command): void {
  const trace = program.command("trace").description("what the cores see, line by line");
  addFrameOptions(trace.command("frames").description("frames, as they come and go")).action(
    async (flags: Flags, self: Command) => {
      await traceLines(self.optsWithGlobals<Globals>(), "trace/frames", flags, frameLine);
    },
  );
  trace
    .command("bus")
    .description("messages between the cores, as they arrive")
    .option("--core <number>", "what this core receives only")
    .option("--type <name>", "messages of this type only")
    .option("--limit <number>", "end after so many")
    .option("--seconds <number>", "end after so long")
    .action(async (flags: Flags, self: Command) => {
      await traceLines(self.optsWithGlobals<Globals>(), "trace/bus", flags, busLine);
    });
  addFrameOptions(
    program
      .command("capture")
      .description("write frames to a pcapng file, with what became of each"),
  )
    .option("--snap <bytes>", "keep so many bytes of each frame")
    .requiredOption("-w, --write <file>", "the file, - for stdout")
    .action(async (flags: Flags, self: Command) => {
      await captureTo(self.optsWithGlobals<Globals>(), flags);
    });
}

/** The words of a request: all options but the global ones. */
function queryOf(flags: Flags): Record<string, string | undefined> {
  const words = Object.entries(flags).filter(([name]) => name !== "write");
  return Object.fromEntries(
    words.map(([name, value]) => [name, value === true ? "true" : String(value)]),
  );
}

/** Ends with SIGINT and SIGTERM, in good order. */
function untilKey(): AbortSignal {
  const quit = new AbortController();
  process.once("SIGINT", () => quit.abort()).once("SIGTERM", () => quit.abort());
  return quit.signal;
}

type Line = (row: Readonly<Record<string, unknown>>) => string;

async function traceLines(globals: Globals, path: string, flags: Flags, line: Line): Promise<void> {
  let rest = "";
  const call = { method: "GET", path, query: queryOf(flags) } as const;
  await follow(globals.socket, call, untilKey(), async (chunk) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length === 0) return;
    const text = lines.map((one) =>
      globals.json === true ? one : line(JSON.parse(one) as Record<string, unknown>),
    );
    await print(text.join("\n"));
  });
}

const clock = (time: unknown): string => String(time).slice(11, 23);

const frameLine: Line = (row) => {
  const arrow = row["direction"] === "out" ? ">" : "<";
  const reason = row["reason"] === "" ? "" : ` (${row["reason"]})`;
  return `${clock(row["time"])} core ${row["core"]} ${row["port"]} ${arrow} ${row["class"]}${reason}: ${row["frame"]}`;
};

const busLine: Line = (row) =>
  `${clock(row["time"])} ${row["from"]} -> ${row["to"]} ${row["type"]} ${row["fields"]}`;

async function captureTo(globals: Globals, flags: Flags): Promise<void> {
  const file = String(flags["write"]);
  const out = file === "-" ? process.stdout : createWriteStream(file, { mode: 0o600 });
  let failed: Error | undefined;
  out.on("error", (error) => {
    failed = error;
  });
  let bytes = 0;
  const call = { method: "GET", path: "capture", query: queryOf(flags) } as const;
  await follow(globals.socket, call, untilKey(), async (chunk) => {
    if (failed !== undefined) throw writeError(file, failed);
    bytes += chunk.length;
    if (!out.write(chunk)) {
      await new Promise<void>((resolve) => {
        out.once("drain", () => resolve());
        out.once("error", () => resolve());
      });
    }
  });
  if (out !== process.stdout) await new Promise<void>((resolve) => out.end(() => resolve()));
  if (failed !== undefined) throw writeError(file, failed);
  if (file !== "-") warn(`${bytes} bytes written to ${file}`);
}

const writeError = (file: string, cause: Error): ControlError =>
  new ControlError("operation-failed", `Cannot write ${file}`, errnoOf(cause) || cause.message, {
    cause,
  });
