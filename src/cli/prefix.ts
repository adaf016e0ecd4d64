// Unique prefixes of words: `linkloom sh br` is `linkloom show bridge`. Worked out before the parser sees the words,
// so that every command at every level has it.

import type { Command } from "commander";
import { ControlError } from "../control/errors.ts";
import { nearest } from "../control/words.ts";

/** The words with every command name written out. Throws for a word that no command, or more than one, begins with. */
export function expand(program: Command, words: readonly string[]): string[] {
  const out: string[] = [];
  let command = program;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--") return [...out, ...words.slice(index)];
    if (word.startsWith("-")) {
      out.push(word);
      if (takesValue(program, command, word) && index + 1 < words.length)
        out.push(words[++index] as string);
    } else if (command.commands.length === 0) out.push(word);
    else {
      command = resolve(command, word);
      out.push(command.name());
    }
  }
  const asksHelp = words.some((word) => word === "--help" || word === "-h");
  if (command !== program && command.commands.length > 0 && !asksHelp) {
    const names = command.commands.map((one) => one.name());
    throw new ControlError(
      "usage",
      `"${command.name()}" needs one more word`,
      `one of ${names.join(", ")}`,
    );
  }
  return out;
}

/** True when the next word is the option's value. */
function takesValue(program: Command, command: Command, word: string): boolean {
  if (word.includes("=")) return false;
  const options = [...command.options, ...program.options];
  const option = options.find(({ long, short }) => word === long || word === short);
  return option?.required === true;
}

function resolve(command: Command, word: string): Command {
  const exact = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
  if (exact !== undefined) return exact;
  const names = command.commands.map((one) => one.name());
  const fits = command.commands.filter((one) => one.name().startsWith(word));
  if (fits.length === 1) return fits[0] as Command;
  const what = command.parent === null ? "command" : `word after "${command.name()}"`;
  if (fits.length > 1) {
    const list = fits.map((one) => one.name()).join(", ");
    throw new ControlError(
      "usage",
      `"${word}" may be ${list}`,
      "write enough of the word to tell them apart",
    );
  }
  const near = nearest(word, names);
  const hint = near === "" ? `there are ${names.join(", ")}` : `did you mean "${near}"?`;
  throw new ControlError("usage", `"${word}" is no ${what}`, hint);
}
