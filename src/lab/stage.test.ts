// How a lab is shown, and acted on.

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { LabOptions } from "./lab.ts";
import { type Play, present } from "./stage.ts";

interface Rig {
  readonly options: LabOptions;
  readonly input: PassThrough;
  readonly raw: boolean[];
  said(): string;
}

function rigOf(live: boolean, given: Partial<LabOptions> = {}): Rig {
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: live,
    setRawMode: (mode: boolean) => raw.push(mode),
  });
  const output = Object.assign(new PassThrough(), { isTTY: live, rows: 3, columns: 8 });
  const chunks: string[] = [];
  output.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  const options = {
    name: "test",
    json: false,
    seconds: undefined,
    aborted: new AbortController().signal,
    input,
    output,
    ...given,
  } as unknown as LabOptions;
  return { options, input, raw, said: () => chunks.join("") };
}

const look: Play["look"] = async () => ({
  json: () => ({ number: 1 }),
  lines: () => ["one", "two"],
  screen: (rows) => [`${rows} rows`, "\u001b[31m0123456789\u001b[0m", "third", "fourth"],
});
/** A second goes by between two looks at the clock. */
function clockOf(): Play["clock"] {
  let now = 0;
  return { now: () => (now += 1000) } as Play["clock"];
}

test("OPS-2 without a terminal a lab says where it is, prints lines until its time is over, and answers words", async () => {
  const { options, input, said } = rigOf(false, { seconds: 1.005 });
  input.write("  cut  a \n\n");
  const command = (words: readonly string[]): string => `did ${words.join("-")}`;

  await present(options, { clock: clockOf(), where: "here", step: 1, look, command });

  assert.deepEqual(said().trim().split("\n").sort(), [
    "did cut-a",
    "linkloom lab test: here",
    "one",
    "two",
  ]);
});

test("OPS-2 as JSON a lab prints objects and nothing else", async () => {
  const { options, said } = rigOf(true, { seconds: 1.005, json: true });

  await present(options, { clock: clockOf(), where: "here", step: 1, look });

  assert.equal(said(), '{"number":1}\n');
});

test("OPS-2 on a terminal a lab draws what fits, hands keys on, and leaves the terminal as it was", async () => {
  const { options, input, raw, said } = rigOf(true);
  const keys: string[] = [];
  const key = (one: string): void => {
    keys.push(one);
    input.write("q");
  };
  const showing = present(options, { clock: clockOf(), where: "here", step: 20, look, key });
  input.write("m");

  await showing;

  assert.deepEqual(keys, ["m"]);
  assert.deepEqual(raw, [true, false]);
  assert.ok(said().startsWith("\u001b[?1049h\u001b[?25l"));
  assert.ok(said().endsWith("\u001b[?25h\u001b[?1049l"));
  assert.ok(
    said().includes(
      "\u001b[H3 rows\u001b[K\r\n\u001b[31m01234567\u001b[0m\u001b[K\r\nthird\u001b[K\u001b[J",
    ),
  );
});
