import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlError } from "../control/errors.ts";
import { OBJECTS } from "../control/objects.ts";
import { expand } from "./prefix.ts";
import { buildProgram } from "./program.ts";

const program = buildProgram();
const words = (text: string): string[] => expand(program, text.split(" "));

/** What people are told of words that are refused. */
function refusal(text: string): string {
  try {
    return `accepted: ${words(text).join(" ")}`;
  } catch (error) {
    assert.ok(error instanceof ControlError);
    assert.equal(error.exit, 2);
    return `${error.message}: ${error.hint}`;
  }
}

test("OPS-2 unique prefixes of words are accepted at every level", () => {
  assert.deepEqual(words("sh br"), ["show", "bridge"]);
  assert.deepEqual(words("sho arp 192.0.2.1"), ["show", "arp", "192.0.2.1"]);
  assert.deepEqual(words("cl bridge --vlan 3"), ["clear", "bridge", "--vlan", "3"]);
  assert.deepEqual(words("ad a 192.0.2.9 02:00:00:00:00:09"), [
    "add",
    "arp",
    "192.0.2.9",
    "02:00:00:00:00:09",
  ]);
});

test("OPS-2 every object of show is reached by its whole name", () => {
  for (const { name } of OBJECTS) assert.deepEqual(words(`show ${name}`), ["show", name]);
});

test("the value of an option is no command", () => {
  assert.deepEqual(words("--socket run sh cores"), ["--socket", "run", "show", "cores"]);
  assert.deepEqual(words("--socket=x sh cores"), ["--socket=x", "show", "cores"]);
  assert.deepEqual(words("sh --socket run cores -j"), ["show", "--socket", "run", "cores", "-j"]);
  assert.deepEqual(words("sh br --core 1"), ["show", "bridge", "--core", "1"]);
});

test("a word that may be several, or none, is refused with what there is", () => {
  assert.match(
    refusal("s cores"),
    /^"s" may be show, .*send.*: write enough of the word to tell them apart$/,
  );
  assert.match(refusal("sh co"), /^"co" may be cores, coherence, config/);
  assert.equal(refusal("shwo cores"), '"shwo" is no command: did you mean "show"?');
  assert.match(
    refusal("show nothing-like-it"),
    /^"nothing-like-it" is no word after "show": there are cores,/,
  );
  assert.match(refusal("show"), /^"show" needs one more word: one of cores,/);
  assert.match(refusal("show --help"), /^accepted/);
});
