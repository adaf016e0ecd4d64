// `plan`, `apply`, `confirm` and `rollback`: changing what runs, with a look before and a way back.

import type { Command } from "commander";
import type { ApplyAnswer, FileAnswer, PlanAnswer } from "../control/configurations.ts";
import { ControlError, describeFault, errnoOf } from "../control/errors.ts";
import { parseDuration } from "../control/words.ts";
import { ask, type Call } from "./client.ts";
import { print, warn } from "./io.ts";
import { listFaults } from "./run.ts";
import type { Globals } from "./show.ts";

/** Values printed of one object; the rest is in --json. */
const VALUES = 6;

/** Adds the commands. */
export function addConfigure(program: Command): void {
  program
    .command("plan")
    .description("what a configuration file would change, and whom that disturbs")
    .argument("<file>", "the configuration file, - for stdin")
    .action(async (file: string, _flags: unknown, self: Command) => {
      const globals = self.optsWithGlobals<Globals>();
      const body = await send(globals, {
        method: "POST",
        path: "config/plan",
        yaml: await textOf(file),
        file,
      });
      if (globals.json === true) await print(body);
      else await print(planText(file, JSON.parse(body) as PlanAnswer));
    });
  program
    .command("apply")
    .description("take a configuration file over; what is unchanged stays undisturbed")
    .argument("<file>", "the configuration file, - for stdin")
    .option("--confirm <time>", "go back by itself unless `confirm` comes within this time")
    .option("--save", "write it to the file of `run -c`, once it is confirmed")
    .action(async (file: string, flags: { confirm?: string; save?: true }, self: Command) => {
      const { confirm, save } = flags;
      if (confirm !== undefined && parseDuration(confirm) === undefined) {
        throw new ControlError("usage", `"${confirm}" is no duration`, "write --confirm 60s");
      }
      const globals = self.optsWithGlobals<Globals>();
      const call: Call = {
        method: "PUT",
        path: "config",
        query: { confirm, ...(save === true ? { save: "true" } : {}) },
        yaml: await textOf(file),
        file,
      };
      try {
        await change(globals, call);
      } catch (error) {
        // An appliance of few rights may not write its file; who asks may.
        if (save !== true || confirm !== undefined || !isDenied(error)) throw error;
        await change(globals, { ...call, query: {} });
        await saveFrom(globals);
      }
    });
  program
    .command("save")
    .description("write the configuration that runs to the file of `run -c`")
    .action(async (_flags: unknown, self: Command) => {
      const globals = self.optsWithGlobals<Globals>();
      try {
        await change(globals, SAVE);
      } catch (error) {
        if (!isDenied(error)) throw error;
        await saveFrom(globals);
      }
    });
  program
    .command("confirm")
    .description("keep the configuration that was applied with --confirm")
    .action(async (_flags: unknown, self: Command) => {
      await change(self.optsWithGlobals<Globals>(), { method: "POST", path: "config/confirm" });
    });
  program
    .command("rollback")
    .description("go back to the configuration before, or to one of `show history`")
    .argument("[number]", "its number in `show history`")
    .action(async (number: string | undefined, _flags: unknown, self: Command) => {
      await change(self.optsWithGlobals<Globals>(), {
        method: "POST",
        path: "config/rollback",
        body: number === undefined ? {} : { to: Number(number) },
      });
    });
}

const SAVE: Call = { method: "POST", path: "config/save" };

const isDenied = (error: unknown): boolean =>
  error instanceof ControlError && error.code === "not-permitted";

/** Writes the appliance's file with the rights of who asks, then tells the appliance. */
async function saveFrom(globals: Globals): Promise<void> {
  const read = async (path: string): Promise<unknown> =>
    JSON.parse((await ask(globals.socket, { method: "GET", path })).body);
  const { file, state, detail } = (await read("config/file")) as FileAnswer;
  if (state !== "same" && state !== "unsaved") {
    throw new ControlError("file-changed", detail, "it is not written");
  }
  const { text } = (await read("config/text")) as { text: string };
  const { replaceFile } = await import("../control/saved-file.ts");
  if (state === "unsaved") replaceFile(file, text);
  await change(globals, SAVE);
}

async function change(globals: Globals, call: Call): Promise<void> {
  const body = await send(globals, call);
  if (globals.json === true) {
    await print(body);
    return;
  }
  const answer = JSON.parse(body) as ApplyAnswer;
  for (const fault of answer.warnings ?? []) warn(describeFault(call.file ?? "", fault));
  await print(answer.detail);
  // What waits for its confirmation is written when that comes.
  if (answer.file !== undefined && answer.file !== "" && call.query?.["confirm"] === undefined) {
    const [what = "", hint = ""] = answer.file.split("; ");
    await print(`${what}.\n  ${hint}`);
  }
}

/** Faults of the file are listed before the two lines of the error. */
async function send(globals: Globals, call: Call): Promise<string> {
  try {
    return (await ask(globals.socket, call)).body;
  } catch (error) {
    listFaults(error, call.file ?? "");
    throw error;
  }
}

/** The file is read here, with the rights of who asks. */
async function textOf(file: string): Promise<string> {
  const { readFileSync } = await import("node:fs");
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    const why = errno === "ENOENT" ? "there is no such file" : `the system says ${errno}`;
    throw unreadable(file, why, error);
  }
}

const unreadable = (file: string, why: string, cause: unknown): ControlError =>
  new ControlError("configuration-unreadable", `Cannot read ${file}`, why, { cause });

const SIGNS = { added: "+", changed: "~", removed: "-" } as const;

/** A plan for people: a line for each object, then whom it disturbs. */
export function planText(file: string, plan: PlanAnswer): string {
  const lines: string[] = [];
  for (const fault of plan.warnings) warn(describeFault(file, fault));
  for (const { object, change, values, disturbs } of plan.changes) {
    lines.push(`${SIGNS[change]} ${object}${disturbs === "" ? "" : `   ${disturbs}`}`);
    lines.push(...values.slice(0, VALUES).map((value) => `    ${value}`));
    if (values.length > VALUES) lines.push(`    and ${values.length - VALUES} more`);
  }
  const about = plan.file === "" ? [] : [`Now: ${plan.file}.`];
  if (plan.changes.length === 0) return ["nothing differs", ...about].join("\n");
  const counts = (["added", "changed", "removed"] as const)
    .map((kind) => [kind, plan.changes.filter(({ change }) => change === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  lines.push("", `${counts.join(", ")}: ${plan.summary}`);
  if (plan.restart !== "") lines.push(`Needs a restart: ${plan.restart}`);
  lines.push(...about);
  return lines.join("\n");
}
