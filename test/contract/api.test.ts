// The API against its own OpenAPI document: requests made from the document's schemas, good ones and spoilt ones, find
// no status 500, every answer is what the document says, and what the document calls an error is a problem document.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { type Server, serve } from "../../src/api/server.ts";
import { Configurations } from "../../src/control/configurations.ts";
import { loadedOf } from "../../src/control/configurations-rig.ts";
import { SMALL } from "../../src/control/example.ts";
import { StoredHistory } from "../../src/control/history.ts";
import { SavedFile } from "../../src/control/saved-file.ts";
import { startAppliance } from "../../src/runtime/appliance.ts";

type Json = Readonly<Record<string, unknown>>;
type Operation = Json & {
  readonly parameters?: readonly { name: string; in: string; schema: Json }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { content: Readonly<Record<string, { schema: Json }>> }>
  >;
};
interface Document extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Requests of each operation. With `npm run fuzz`, or FUZZ set, many more. */
const RUNS = process.env["FUZZ"] === undefined ? 25 : 2000;
/** Longest time for one operation. */
const LONGEST = process.env["FUZZ"] === undefined ? 4000 : 60_000;

const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
let server: Server;
let appliance: Awaited<ReturnType<typeof startAppliance>>;
let document: Document;
const ajv = new Ajv2020({ strict: false, validateFormats: false });

before(async () => {
  const loaded = loadedOf(SMALL);
  const file = join(folder, "linkloom.yaml");
  writeFileSync(file, SMALL);
  appliance = await startAppliance(loaded.plan);
  const configurations = new Configurations(
    {
      appliance,
      load: async ({ text, before: old }) => loadedOf(text ?? "", old),
      history: new StoredHistory(null, () => {}),
      file: new SavedFile(file, SMALL),
      cores: undefined,
      activeRouters: () => Promise.resolve(new Set<string>()),
      tell: () => {},
    },
    loaded,
  );
  server = await serve({
    appliance,
    configurations,
    configuration: loaded.configuration,
    history: () => configurations.history(),
    compatMetrics: true,
    socket: join(folder, "api.sock"),
    http: { address: "127.0.0.1:0", tokenFile: join(folder, "tokens"), openForReading: false },
  });
  const { text } = await ask("GET", "/api/v1/openapi.json", undefined, undefined);
  document = JSON.parse(text) as Document;
  ajv.addSchema(document as unknown as Record<string, unknown>, "api");
});
after(async () => {
  await server.close();
  await appliance.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** On the control socket, or, with a token ("": none), over HTTP. */
function ask(
  method: string,
  path: string,
  type: string | undefined,
  body: string | undefined,
  token?: string,
): Promise<Answer> {
  const headers = {
    ...(type === undefined ? {} : { "content-type": type }),
    ...(token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` }),
  };
  const { hostname, port } = new URL(server.http);
  const where = token === undefined ? { socketPath: server.socket } : { hostname, port };
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          text,
        }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Words that are wrong in ways that programs stumble over. */
const NASTY = [
  "",
  " ",
  "0",
  "-1",
  "1e9",
  "NaN",
  "null",
  "true",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "%00",
  "\u0000",
  "'",
  '"',
  "<b>",
  "\u{1f329}",
  "9".repeat(40),
  "a".repeat(300),
  "ff:ff:ff:ff:ff:ff",
  "255.255.255.255",
  "::",
  "fe80::1%nowhere",
  "1.2.3.4/33",
];
/** Words that may be right. */
const LIKELY = ["p0", "p1", "br0", "vlan10", "outside", "LA/1", "192.0.2.9", "192.0.2.0/24"];
const MORE = [
  "02:00:00:00:00:09",
  "2001:db8::9",
  "1s",
  "200ms",
  "runt",
  "arp-ask",
  "in",
  "1",
  "10",
  "ffffffffffff02000000000a08060001080006040001",
  `0180c2000000${"00".repeat(54)}`,
  "00".repeat(400),
];

const text = fc.oneof(
  fc.constantFrom(...LIKELY, ...MORE),
  fc.constantFrom(...NASTY),
  fc.string({ maxLength: 20, unit: "binary" }),
);

/** A value of a schema, or one that is not. */
function valueFor(schema: Json): fc.Arbitrary<unknown> {
  const good =
    schema["enum"] !== undefined
      ? fc.constantFrom(...(schema["enum"] as unknown[]))
      : schema["type"] === "integer"
        ? fc.integer({
            min: Number(schema["minimum"] ?? 0),
            max: Math.min(Number(schema["maximum"] ?? 9), 100),
          })
        : schema["type"] === "boolean"
          ? fc.boolean()
          : text;
  return fc.oneof({ weight: 4, arbitrary: good }, { weight: 1, arbitrary: text }, fc.jsonValue());
}

const wordFor = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");

/** The query, as a URL has it, with strangers now and then. */
function queryOf(operation: Operation): fc.Arbitrary<string> {
  const known = (operation.parameters ?? []).filter((one) => one.in === "query");
  const pairs = known.map(({ name, schema }) =>
    fc.option(
      valueFor(schema).map((value) => [name, wordFor(value)] as const),
      { nil: undefined },
    ),
  );
  const stranger = fc.option(fc.tuple(text, text), { nil: undefined, freq: 12 });
  return fc.tuple(stranger, ...pairs).map((all) => {
    const words = all.filter((pair) => pair !== undefined) as (readonly [string, string])[];
    // No request of this test goes on for ever.
    return new URLSearchParams(
      words.map(([name, value]): [string, string] => [name, safe(value)]),
    ).toString();
  });
}

/** Lone surrogates have no place in a URL. */
const safe = (word: string): string => word.toWellFormed();

interface Made {
  readonly path: string;
  readonly type: string | undefined;
  readonly body: string | undefined;
}

/** Spoilt configurations, and good ones. */
const yaml = fc.oneof(
  fc.constantFrom(SMALL, SMALL.replace("192.0.2.1", "192.0.2.3"), SMALL.replace("10", "5000")),
  fc.constantFrom("", "null", "[]", "a: &a [*a]", "{", "ports: 7", "cores: {count: 64}", "\t"),
  fc.string({ maxLength: 60, unit: "binary" }),
  fc.jsonValue().map((value) => JSON.stringify(value)),
);

function requestOf(template: string, operation: Operation): fc.Arbitrary<Made> {
  const content = Object.entries(operation.requestBody?.content ?? {});
  const [type = undefined, { schema } = { schema: {} }] = content[0] ?? [];
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>);
  const object = fc
    .tuple(
      ...properties.map(([name, inner]) =>
        fc.option(
          valueFor(inner).map((v) => [name, v]),
          { nil: undefined, freq: 6 },
        ),
      ),
    )
    .map((pairs) =>
      JSON.stringify(
        Object.fromEntries(pairs.filter((pair) => pair !== undefined) as [string, unknown][]),
      ),
    );
  const whole = type === "application/yaml" ? yaml : object;
  const spoilt = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    text,
  );
  const body =
    type === undefined
      ? fc.constant(undefined)
      : fc.oneof({ weight: 5, arbitrary: whole }, { weight: 1, arbitrary: spoilt });
  const types = fc.oneof(
    { weight: 9, arbitrary: fc.constant(type) },
    fc.constantFrom("text/plain", "application/json", "application/yaml", "x/y", undefined),
  );
  const names = [...template.matchAll(/\{([a-z]+)\}/g)].map(([, name = ""]) => name);
  const parts = fc.tuple(...names.map(() => text));
  return fc.tuple(parts, queryOf(operation), body, types).map(([words, query, sent, kind]) => {
    let path = template;
    for (const [n, name] of names.entries())
      path = path.replace(`{${name}}`, encodeURIComponent(safe(words[n] ?? "")));
    const stream = /trace|capture/.test(template);
    // What would go on until somebody stops it ends after the first record, or a second.
    const rest = stream
      ? [query, "limit=1", "seconds=1"].filter((part) => part !== "").join("&")
      : query;
    return {
      path: rest === "" ? path : `${path}?${rest}`,
      type: sent === undefined ? undefined : kind,
      body: sent,
    };
  });
}

function checkAnswer(operation: Operation, pointer: string, made: Made, answer: Answer): void {
  const what = `${JSON.stringify(made)} -> ${answer.status} ${answer.text.slice(0, 400)}`;
  // 503: a core has no time for it. Nothing else is the server's fault.
  assert.ok(answer.status < 500 || answer.status === 503, what);
  const [media = ""] = answer.type.split(";");
  if (answer.status >= 400) {
    if (/healthz/.test(made.path)) return;
    assert.equal(media, "application/problem+json", what);
    const valid = ajv.validate("api#/components/schemas/Problem", JSON.parse(answer.text));
    assert.ok(valid, `${what} ${ajv.errorsText()}`);
    return;
  }
  const content = operation.responses["200"]?.content ?? {};
  assert.ok(media in content, `${what}: ${media} is not in the document`);
  if (media !== "application/json") return;
  const at = `api#${pointer}/responses/200/content/application~1json/schema`;
  assert.ok(ajv.validate(at, JSON.parse(answer.text)), `${what} ${ajv.errorsText()}`);
}

test("OPS-2 requests made from the OpenAPI document find no 500, and answers are as it says", {
  timeout: 1_800_000,
}, async () => {
  let asked = 0;
  let good = 0;
  for (const [template, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const pointer = `/paths/${template.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D")}/${method}`;
      // A ping waits for its answer, a trace for frames that nobody sends here.
      const slow = /ping|trace|capture/.test(template);
      const numRuns = slow ? Math.ceil(RUNS / 12) : RUNS;
      await fc.assert(
        fc.asyncProperty(requestOf(template, operation), async (made) => {
          const answer = await ask(method.toUpperCase(), made.path, made.type, made.body);
          asked++;
          if (answer.status < 400) good++;
          checkAnswer(operation, pointer, made, answer);
        }),
        { numRuns, interruptAfterTimeLimit: LONGEST, markInterruptAsFailure: false },
      );
    }
  }
  // A fuzzer that is refused at the door finds nothing.
  assert.ok(good > asked / 20, `${good} of ${asked} requests passed`);
  assert.ok(Object.keys(document.paths).length > 25);
  console.log(`${asked} requests, ${good} of them done`);
  // A machine with no time for a core calls it stalled for a moment; one that is dead stays so.
  let states: string[] = [];
  for (let n = 0; n < 300 && (n === 0 || states.some((state) => state !== "online")); n++) {
    if (n > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    const cores = await ask("GET", "/api/v1/cores", undefined, undefined);
    states = (JSON.parse(cores.text) as { state: string }[]).map(({ state }) => state);
  }
  assert.ok(
    states.every((state) => state === "online"),
    states.join(" "),
  );
});

/** What callers without the right to write must not have changed. */
async function stateOf(): Promise<unknown> {
  const rows = async (object: string): Promise<Json[]> =>
    JSON.parse((await ask("GET", `/api/v1/${object}`, undefined, undefined)).text) as Json[];
  const keys = (all: readonly Json[], ...names: string[]): unknown =>
    all.map((row) => names.map((name) => row[name]));
  return {
    config: await rows("config"),
    history: await rows("history"),
    file: readFileSync(join(folder, "linkloom.yaml"), "utf8"),
    roles: keys(await rows("cores"), "core", "roles", "restarts"),
    arp: keys(await rows("arp"), "core", "address", "mac", "origin"),
    nd: keys(await rows("nd"), "core", "address", "mac"),
    bridge: keys(await rows("bridge"), "core", "mac", "vlan", "channel", "static"),
    steering: keys(await rows("steering"), "bucket", "core"),
  };
}

test("OPS-2 of the same requests, none without the right changes anything, and none without a token reads", {
  timeout: 600_000,
}, async () => {
  const read = /^read (\S+)$/m.exec(readFileSync(join(folder, "tokens"), "utf8"))?.[1] ?? "";
  const before = await stateOf();
  const count = { strangers: 0, unauthorized: 0, readers: 0, forbidden: 0 };
  for (const [template, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const isChange = /may write/.test(String(operation["description"] ?? ""));
      await fc.assert(
        fc.asyncProperty(requestOf(template, operation), async (made) => {
          const verb = method.toUpperCase();
          const stranger = await ask(verb, made.path, made.type, made.body, "");
          const what = `${verb} ${made.path} ${stranger.status} ${stranger.text.slice(0, 200)}`;
          // A URL that is none, or a budget that is spent, is told to anybody.
          assert.ok([400, 401, 429].includes(stranger.status), what);
          assert.doesNotMatch(stranger.text, /192\.0\.2\.1\/24/, what);
          count.strangers++;
          if (stranger.status === 401) count.unauthorized++;
          if (!isChange) return;
          const { status, text: told } = await ask(verb, made.path, made.type, made.body, read);
          assert.ok([400, 403, 404, 429].includes(status), `${what}: ${status} ${told}`);
          count.readers++;
          if (status === 403) count.forbidden++;
        }),
        {
          numRuns: Math.ceil(RUNS / 5),
          interruptAfterTimeLimit: 2000,
          markInterruptAsFailure: false,
        },
      );
    }
  }
  assert.deepEqual(await stateOf(), before);
  console.log(JSON.stringify(count));
  assert.ok(count.unauthorized > count.strangers / 2 && count.strangers > 100);
  assert.ok(count.forbidden > count.readers / 2 && count.readers > 50);
});
