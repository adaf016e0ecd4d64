import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { Command } from "commander";
import { addCompletion, placesOf } from "./completion.ts";
import { buildProgram } from "./program.ts";

/** What bash offers for a line whose last word is being written. */
function offers(...words: string[]): string[] {
  const script = `source <(cat); COMP_WORDS=(linkloom ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}; _linkloom; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const source = printed("bash");
  const text = execFileSync("bash", ["-c", script], { input: source, encoding: "utf8" });
  return text.trim().split("\n");
}

/** What `linkloom completion SHELL` prints, without starting it. */
function printed(shell: string): string {
  const main = new URL("../main.ts", import.meta.url).pathname;
  return execFileSync(process.execPath, [main, "completion", shell], { encoding: "utf8" });
}

test("bash completes commands, their objects and options, as they are defined", () => {
  assert.ok(offers("sh").includes("show"));
  const objects = offers("show", "");
  for (const name of ["arp", "bridge", "lacp"]) assert.ok(objects.includes(name), name);
  assert.deepEqual(offers("show", "lac"), ["lacp"]);
  assert.ok(offers("run", "--").includes("--config"));
});

test("every command is a place, and fish is told of each", () => {
  const places = placesOf(buildProgram());
  const fish = printed("fish");
  for (const { path } of places) {
    const last = path.split(" ").at(-1) ?? "";
    if (last !== "") assert.ok(fish.includes(`-a ${last} `), path);
  }
});

test("zsh has a function for its fpath that knows every place and says what each word does", () => {
  const zsh = printed("zsh");
  assert.match(zsh, /^#compdef linkloom\n/);
  for (const { path, words } of placesOf(buildProgram())) {
    assert.ok(zsh.includes(`    '${path}') offered=(`), path);
    for (const { word } of words) assert.ok(zsh.includes(`'${word}:`), `${path} ${word}`);
  }
});

test("another shell is refused by name", async () => {
  const program = new Command().exitOverride();
  addCompletion(program);
  await assert.rejects(program.parseAsync(["completion", "tcsh"], { from: "user" }), /"tcsh"/);
});
