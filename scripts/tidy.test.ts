import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, tagFaults, wrapComments } from "./tidy.ts";

test("what belongs to one machine, unnumbered work and unknown hosts are faults", () => {
  const source = [
    "// see /home/somebody/notes",
    "// TODO later",
    "// TODO(#12) later",
    "// http://registry.invalid/x",
    "// https://www.rfc-editor.org/rfc/rfc826",
    "",
  ].join("\n");

  assert.deepEqual(faultsOf("src/lib/a.ts", source), [
    "src/lib/a.ts:1: a path of one machine",
    "src/lib/a.ts:2: work left needs an issue: write TODO(#12)",
    "src/lib/a.ts:4: the host registry.invalid is not on the list",
  ]);
});

test("a comment of 120 columns passes, one of 121 does not", () => {
  const words = "word ".repeat(40);

  assert.deepEqual(faultsOf("src/lib/a.ts", `// ${words.slice(0, 117)}\n`), []);
  assert.equal(faultsOf("src/lib/a.ts", `// ${words.slice(0, 117)}x\n`).length, 1);
});

test("wide comments are wrapped into the lines that follow, and nothing is lost", () => {
  const wide = `  // ${"alpha beta ".repeat(14).trim()}`;
  const source = `${wide}\n  // gamma.\nconst a = 1;\n${wide}\nconst b = 2;\n`;

  const wrapped = wrapComments(source);

  assert.ok(wrapped.split("\n").every((line) => line.length <= 120));
  const words = (text: string): string => text.replaceAll(/\/\/|\s+/g, " ").replaceAll(/ +/g, " ");
  assert.equal(words(wrapped), words(source));
  assert.equal(wrapComments(wrapped), wrapped);
});

test("a requirement that is called done needs a test, and a test's tag a requirement", () => {
  const requirements = "| BR-1 | done |\n| BR-2 | done |\n| BR-3 | later |\n";
  const tests = new Map([["src/a.test.ts", 'test("BR-1 ARP-9 something", () => {});']]);

  assert.deepEqual(tagFaults(requirements, tests), [
    "src/a.test.ts: docs/requirements.md has no ARP-9",
    "docs/requirements.md: BR-2 is called done, but no test names it",
  ]);
});
