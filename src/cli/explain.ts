// `linkloom explain OBJECT NAME`: why a thing is as it is, in sentences that the appliance makes (control/explain/).

import type { Command } from "commander";
import { EXPLAINED } from "../control/explain/kinds.ts";
import { ask } from "./client.ts";
import { print } from "./io.ts";
import type { Globals } from "./show.ts";

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
      const { body } = await ask(options.socket, { method: "GET", path });
      const { lines } = JSON.parse(body) as { lines: string[] };
      await print(
        options.json === true ? JSON.stringify(lines.map((text) => ({ text }))) : lines.join("\n"),
      );
    });
  }
}
