import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { parse } from "yaml";
import { SMALL } from "../control/example.ts";
import { FIELDS } from "../control/fields.ts";
import { OBJECTS } from "../control/objects.ts";
import { OPERATIONS } from "../control/operations.ts";
import { parseConfiguration } from "../control/schema.ts";
import { configurationSchema, openapi } from "./openapi.ts";

const validator = (): ValidateFunction =>
  new Ajv2020({ strict: false, validateFormats: false }).compile(configurationSchema());
const examples = new URL("../../docs/examples/", import.meta.url);

test("OPS-1 every example is valid by the published JSON Schema too", () => {
  const valid = validator();
  const files = readdirSync(examples).filter((name) => name.endsWith(".yaml"));
  assert.ok(files.length > 0);
  for (const name of files)
    assert.ok(
      valid(parse(readFileSync(new URL(name, examples), "utf8"))),
      `${name} ${JSON.stringify(valid.errors)}`,
    );
  assert.ok(valid(parse(SMALL)), JSON.stringify(valid.errors));
});

/** What a scalar is replaced by: values that some key takes, and values that none does. */
const scalar = fc.oneof(
  fc.constantFrom<unknown>("1s", "200ms", "20%", "64MiB", "auto", "p0", "lacp", "192.0.2.2/24"),
  fc.constantFrom<unknown>("02:00:00:00:00:09", "10,20-29", "", null, true, false, "none"),
  fc.integer({ min: -1, max: 70_000 }),
  fc.double({ noNaN: true }),
  fc.constantFrom<unknown>([], {}, ["p0"], { a: 1 }),
);

/** A copy in which one value, or one key, is another. */
function spoil(data: unknown, path: number, value: unknown): unknown {
  const copy = structuredClone(data);
  const places: { parent: Record<string, unknown>; key: string }[] = [];
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== "object") return;
    const parent = node as Record<string, unknown>;
    for (const key of Object.keys(parent)) {
      places.push({ parent, key });
      walk(parent[key]);
    }
  };
  walk(copy);
  const place = places[path % places.length];
  if (place !== undefined) place.parent[place.key] = value;
  return copy;
}

test("OPS-1 what the checker's schema takes, the published one takes: it never refuses a file that runs", () => {
  const valid = validator();
  const whole = readdirSync(examples)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => parse(readFileSync(new URL(name, examples), "utf8")) as unknown);
  const files = [parse(SMALL) as unknown, ...whole];
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.nat(200), scalar, (file, path, value) => {
      const data = spoil(file, path, value);
      const ours = parseConfiguration(data).success;
      if (!valid(data)) refused++;
      else return;
      assert.ok(!ours, `${JSON.stringify(data)} ${JSON.stringify(valid.errors)}`);
    }),
    { numRuns: 500 },
  );
  assert.ok(refused > 100, `the published schema refused ${refused}`);
});

test("OPS-1 the published schema refuses unknown keys and wrong types", () => {
  const valid = validator();
  for (const wrong of [
    { colour: "red" },
    { cores: { count: 65 } },
    { cores: { tick: 5 } },
    { ports: { p0: { driver: "carrier-pigeon" } } },
    { bridges: { br0: { ageing: "never" } } },
    { routes: [{ via: "192.0.2.1" }] },
  ])
    assert.ok(!valid(wrong), JSON.stringify(wrong));
});

test("OPS-2 the OpenAPI document has every object and operation once, with words for each", () => {
  const { paths } = openapi() as {
    paths: Record<string, Record<string, { operationId: string; summary: string }>>;
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const { name } of OBJECTS) assert.ok(paths[`/api/v1/${name}`]?.["get"] !== undefined, name);
  for (const { id } of OPERATIONS) assert.ok(ids.includes(id), id);
  for (const { operationId, summary } of operations) assert.ok(summary !== "", operationId);
  assert.doesNotThrow(() => JSON.stringify(paths));
});

test("OPS-2 every field that the documents know has a sentence", () => {
  for (const [name, { summary }] of Object.entries(FIELDS)) assert.ok(summary !== "", name);
});
