// Prints linkloom(1) from the definitions of the commands: npm run prepack puts it into the package.
//   node scripts/man.ts > linkloom.1

import type { Command } from "commander";
import { buildProgram } from "../src/cli/program.ts";
import { text } from "./files.ts";

/** Text as roff reads it: no escape, no request at a line's start. */
const roff = (words: string): string =>
  words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^([.'])/gm, "\\&$1");

function commandText(command: Command, path: string): string[] {
  const usage = [
    path,
    ...command.registeredArguments.map((argument) =>
      argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
    ),
  ].join(" ");
  const lines = [".TP", `\\fB${roff(usage)}\\fR`, roff(command.description())];
  const entries = [
    ...command.registeredArguments.map((argument) => [argument.name(), argument.description]),
    ...command.options.map(({ flags, description }) => [flags, description]),
  ];
  if (entries.length > 0) {
    lines.push(".RS");
    for (const [name = "", summary = ""] of entries)
      lines.push(".TP", `\\fB${roff(name)}\\fR`, roff(summary));
    lines.push(".RE");
  }
  return [
    ...lines,
    ...command.commands.flatMap((child) => commandText(child, `${path} ${child.name()}`)),
  ];
}

/** The page. */
export function manual(program: Command, version: string): string {
  return [
    `.TH LINKLOOM 1 "" "linkloom ${version}" "User Commands"`,
    ".SH NAME",
    `linkloom \\- ${roff(program.description())}`,
    ".SH SYNOPSIS",
    "\\fBlinkloom\\fR [\\fIoptions\\fR] \\fIcommand\\fR",
    ".SH OPTIONS",
    ...program.options.flatMap(({ flags, description }) => [
      ".TP",
      `\\fB${roff(flags)}\\fR`,
      roff(description),
    ]),
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => commandText(command, `linkloom ${command.name()}`)),
    ".SH FILES",
    ".TP",
    "\\fI/run/linkloom/control.sock\\fR",
    "the control socket, unless \\-\\-socket or LINKLOOM_SOCKET names another",
    ".TP",
    "\\fI/etc/linkloom/linkloom.yaml\\fR",
    "the configuration that the service runs",
    ".TP",
    "\\fI/var/lib/linkloom\\fR",
    "the configurations that the service ran, for linkloom rollback",
    ".SH EXIT STATUS",
    "0 done; 1 the operation failed; 2 usage or configuration; 3 no appliance answers; 4 not permitted.",
    "",
  ].join("\n");
}

if (import.meta.main) {
  const { version } = JSON.parse(text("package.json")) as { version: string };
  process.stdout.write(manual(buildProgram(), version));
}
