// The command line: which commands exist, and how they end. Errors are two lines on stderr (what; why or what to do)
// and an exit code: 1 failed, 2 usage or configuration, 3 no appliance answers, 4 not permitted.

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { ControlError, Exit, twoLines } from "../control/errors.ts";
import { addChanges } from "./change.ts";
import { addCompletion } from "./completion.ts";
import { addConfigure } from "./configure.ts";
import { addDoctor } from "./doctor.ts";
import { addExplain } from "./explain.ts";
import { warn } from "./io.ts";
import { addLab } from "./lab.ts";
import { addLook } from "./look.ts";
import { expand } from "./prefix.ts";
import { addReplay } from "./replay.ts";
import { addRun } from "./run.ts";
import { addShow } from "./show.ts";

/** Commands of the specification that come with later versions. */
const LATER = ["set"];

/** The version in package.json, which lies above src/ and above dist/ alike. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** The whole program. */
export function buildProgram(): Command {
  const program = new Command("linkloom")
    .description(
      "Link management for machines with many cores: bridging, VLANs, ARP and IPv4 routing.",
    )
    .version(version(), "-V, --version", "print the version")
    .option("-j, --json", "print JSON instead of tables")
    .option("--socket <path>", "the control socket")
    .option("--debug", "with an error, print the place in the program")
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      [
        "",
        "Unique prefixes of words will do: linkloom sh br.",
        "The control socket is --socket, else $LINKLOOM_SOCKET, else /run/linkloom/control.sock,",
        "else $XDG_RUNTIME_DIR/linkloom.sock.",
        "Exit codes: 1 failed, 2 usage or configuration, 3 no appliance answers, 4 not permitted.",
      ].join("\n"),
    );
  addRun(program);
  addLab(program);
  addReplay(program);
  addShow(program);
  addChanges(program);
  addConfigure(program);
  addLook(program);
  addDoctor(program);
  addExplain(program);
  addCompletion(program);
  quieten(program);
  return program;
}

/** Errors and help come back to `main` instead of ending the process. */
function quieten(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  for (const child of command.commands) quieten(child);
}

/** Runs one command line; resolves with the exit code. `words` are those after the program's name. */
export async function main(words: readonly string[]): Promise<number> {
  const debug = words.includes("--debug");
  // A reader that left: what is still to be written interests nobody.
  process.stdout.on("error", () => {});
  try {
    const program = buildProgram();
    if (words.length === 0) {
      process.stdout.write(program.helpInformation());
      return Exit.Usage;
    }
    refuseLater(program, words);
    await program.parseAsync(expand(program, words), { from: "user" });
    return Number(process.exitCode ?? Exit.Ok);
  } catch (error) {
    return finish(error, debug);
  }
}

/** Says plainly that a command of the specification is not there yet. */
function refuseLater(program: Command, words: readonly string[]): void {
  const [word = ""] = words;
  if (!LATER.includes(word) || program.commands.some((command) => command.name() === word)) return;
  throw new ControlError(
    "not-in-this-version",
    `"${word}" is not in this version`,
    "linkloom --help lists what is",
  );
}

function finish(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return Exit.Ok;
    const [what = "", hint = ""] = error.message.replace(/^error: /, "").split("\n");
    if (error.code === "commander.help") {
      warn("linkloom: a word is missing");
      warn("  linkloom --help lists the commands");
    } else {
      warn(`linkloom: ${what}`);
      warn(`  ${hint.replace(/^\(|\)$/g, "") || "add --help for what is known here"}`);
    }
    return Exit.Usage;
  }
  if (error instanceof ControlError && error.code === "output-closed") return Exit.Ok;
  const { what, why, exit } = twoLines(error);
  warn(`linkloom: ${what}`);
  if (why !== "") warn(`  ${why}`);
  if (debug && error instanceof Error) warn(error.stack ?? "");
  return exit;
}
