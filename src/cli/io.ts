// Where the command line writes, and how it ends. A reader that goes away (`| head`) ends the program quietly.

import { ControlError } from "../control/errors.ts";

/** Writes lines of text to stdout; resolves when they are on their way, so that a slow reader slows us down. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text.endsWith("\n") ? text : `${text}\n`, (error) => {
      if (error === null || error === undefined) resolve();
      else
        reject(new ControlError("output-closed", "Nobody reads the output", "", { cause: error }));
    });
  });
}

/** Writes one line to stderr. */
export function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** True when colours please a person who looks at stdout. */
export function wantsColour(): boolean {
  return process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}
