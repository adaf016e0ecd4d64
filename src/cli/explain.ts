// `linkloom explain OBJECT NAME`: why a thing is as it is, in sentences that the appliance makes (control/explain/).
// `explain frame HEX --port P` says what it would do with a frame.

import type { Command } from "commander";
import { ControlError } from "../control/errors.ts";
import { EXPLAINED } from "../control/explain/kinds.ts";
import { ask, type Call } from "./client.ts";
import { print } from "./io.ts";
import type { Globals } from "./show.ts";

/** Longest frame read from stdin, in characters: far more than any frame has. */
const LONGEST = 65_536;

/** Adds the command. */
export function addExplain(program: Command): void {
  const explain = program.command("explain").description("why something is as it is");
  for (const { object, summary, words } of EXPLAINED) {
    const command = explain.command(object).description(summary);
    for (const word of words) command.argument(word.name, word.summary);
    command.action(async (...given: unknown[]) => {
      const options = (given.at(-1) as Command).optsWithGlobals<Globals>();
      const name = given.slice(0, words.length).filter((word) => word !== undefined);
      const path = `explain/${object}/${encodeURIComponent(name.join(" "))}`;
      await tell(options, { method: "GET", path });
    });
  }
  explain
    .command("frame")
    .description("what the appliance would do with a frame, step by step; nothing changes")
    .argument("<hex...>", "its bytes from the destination MAC on, - for stdin")
    .requiredOption("--port <port>", "the port that it comes to")
    .option("--core <number>", "the core whose queue it comes to; left out, where steering puts it")
    .action(async (hex: string[], flags: { port: string; core?: string }, self: Command) => {
      const given = hex.length === 1 && hex[0] === "-" ? await fromStdin() : hex.join(" ");
      const body = { frame: given, port: flags.port, ...coreOf(flags.core) };
      await tell(self.optsWithGlobals<Globals>(), { method: "POST", path: "explain/frame", body });
    });
}

async function tell(globals: Globals, call: Call): Promise<void> {
  const { body } = await ask(globals.socket, call);
  const answer = JSON.parse(body) as { lines: string[] };
  if (globals.json !== true) await print(answer.lines.join("\n"));
  else if (call.method === "POST") await print(JSON.stringify(answer, null, 2));
  else await print(JSON.stringify(answer.lines.map((text) => ({ text }))));
}

function coreOf(text: string | undefined): { core?: number } {
  if (text === undefined) return {};
  if (/^\d{1,2}$/.test(text)) return { core: Number(text) };
  throw new ControlError("usage", `"${text}" is no core`, "write --core 0");
}

async function fromStdin(): Promise<string> {
  const { readFileSync } = await import("node:fs");
  return readFileSync(0, "utf8").slice(0, LONGEST);
}
