// `linkloom completion SHELL`: what the shell offers after a tab, made from the commands as they are defined, so that
// nothing is forgotten.

import type { Command } from "commander";
import { ControlError } from "../control/errors.ts";
import { print } from "./io.ts";

/** A place in the command line: the words that lead there, and what may follow. */
export interface Place {
  /** "show", "set core"; "" at the start. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  readonly options: readonly { readonly word: string; readonly summary: string }[];
}

/** Every place of a program, the root first. */
export function placesOf(command: Command, path = ""): Place[] {
  const words = command.commands.map((child) => ({
    word: child.name(),
    summary: child.description(),
  }));
  const options = command.options.map(({ long, short, description }) => ({
    word: long ?? short ?? "",
    summary: description,
  }));
  const deeper = command.commands.flatMap((child) =>
    placesOf(child, path === "" ? child.name() : `${path} ${child.name()}`),
  );
  return [{ path, words, options }, ...deeper];
}

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Adds the command. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print what a shell completes words with: source <(linkloom completion bash)")
    .argument("<shell>", SHELLS.join(", "))
    .action(async (shell: string) => {
      const places = placesOf(program);
      if (shell === "bash") return print(bash(places));
      if (shell === "zsh") return print(zsh(places));
      if (shell === "fish") return print(fish(places));
      throw new ControlError("usage", `"${shell}" is no shell known here`, SHELLS.join(", "));
    });
}

/** A word in single quotes, as every shell here reads it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const offered = [...words, ...options].map(({ word }) => word).join(" ");
    return `    ${quoted(path)}) offered=${quoted(offered)} ;;`;
  });
  return `# bash completion for linkloom
_linkloom() {
  local path='' offered='' word known
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    known="\${path:+$path }$word"
    case "$known" in
${places
  .filter(({ path }) => path !== "")
  .map(({ path }) => `      ${quoted(path)}) path="$known" ;;`)
  .join("\n")}
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$offered" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _linkloom linkloom`;
}

/** A file for zsh's fpath (/usr/share/zsh/vendor-completions/_linkloom) as well as for source <(...). */
function zsh(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const offered = [...words, ...options].map(({ word, summary }) => quoted(`${word}:${summary}`));
    return `    ${quoted(path)}) offered=(${offered.join(" ")}) ;;`;
  });
  // Not "path": in zsh that is the search path for commands.
  return `#compdef linkloom
_linkloom() {
  local place='' word known
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) continue ;; esac
    known="\${place:+$place }$word"
    case "$known" in
${places
  .filter(({ path }) => path !== "")
  .map(({ path }) => `      ${quoted(path)}) place="$known" ;;`)
  .join("\n")}
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac
  _describe linkloom offered || _files
}
if [ "\${funcstack[1]}" = _linkloom ]; then _linkloom "$@"; else compdef _linkloom linkloom; fi`;
}

function fish(places: readonly Place[]): string {
  const lines = ["# fish completion for linkloom"];
  for (const { path, words, options } of places) {
    const seen = path === "" ? [] : path.split(" ");
    const children = words.map(({ word }) => word);
    const conditions = [
      ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
      ...(children.length > 0 ? [`not __fish_seen_subcommand_from ${children.join(" ")}`] : []),
    ];
    const when = conditions.length === 0 ? "" : ` -n ${quoted(conditions.join("; and "))}`;
    for (const { word, summary } of words)
      lines.push(`complete -c linkloom -f${when} -a ${word} -d ${quoted(summary)}`);
    for (const { word, summary } of options) {
      if (!word.startsWith("--")) continue;
      lines.push(`complete -c linkloom${when} -l ${word.slice(2)} -d ${quoted(summary)}`);
    }
  }
  return lines.join("\n");
}
