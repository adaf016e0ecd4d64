import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Configuration } from "../control/configuration.ts";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import { PAST_NAMES } from "../control/past-list.ts";
import { openApi } from "./open.ts";
import { openapi } from "./openapi.ts";

const folder = mkdtempSync(join(tmpdir(), "linkloom-past-"));
after(() => rmSync(folder, { recursive: true }));

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

let opened = 0;

/** An appliance with the API open, asked on its control socket. */
async function open(api: Partial<NonNullable<Configuration["api"]>>): Promise<{
  server: { close(): Promise<void> };
  serving: { configuration: unknown };
  ask: (path: string, method?: string) => Promise<Answer>;
}> {
  const appliance = new FakeAppliance(SMALL);
  appliance.answers.set("summary", { tables: [] });
  const serving = { appliance, configuration: { cores: { count: 2 } } as unknown };
  const socketPath = join(folder, `${++opened}.sock`);
  const section = {
    http: "127.0.0.1:0",
    "token-file": null,
    metrics: true,
    past: 8 * 1024 ** 2,
    ...api,
  };
  const server = await openApi(serving, { api: section }, { socket: socketPath, warn: () => {} });
  const ask = (path: string, method = "GET"): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const asked = request(
        { socketPath, path: `/api/v1/${path}`, method, agent: false },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
        },
      );
      asked.on("error", reject).end();
    });
  return { server, serving, ask };
}

test("OPS-2 where HTTP is served the past is kept: over the socket and HTTP alike, with the moment in a header", async () => {
  const { server, serving, ask } = await open({});
  try {
    const end = performance.now() + 120_000;
    while ((await ask("ports?at=-0s")).status !== 200) {
      assert.ok(performance.now() < end, "a first moment");
      await delay(50);
    }
    const { text: span } = await ask("past");
    const [{ oldest }] = JSON.parse(span) as [{ oldest: string }];
    for (const name of PAST_NAMES) {
      const then = await ask(`${name}?at=${encodeURIComponent(oldest)}`);
      assert.equal(then.status, 200, `${name}: ${then.text}`);
      assert.equal(then.headers["linkloom-at"], oldest);
    }
    const now = await ask("ports");
    assert.equal(now.headers["linkloom-at"], undefined);
    assert.deepEqual(JSON.parse((await ask(`ports?at=${oldest}`)).text), JSON.parse(now.text));
    assert.deepEqual(
      JSON.parse((await ask(`ports?at=${oldest}&port=p1`)).text),
      JSON.parse((await ask("ports?port=p1")).text),
    );
    const head = await ask(`ports?at=${oldest}`, "HEAD");
    assert.deepEqual([head.status, head.headers["linkloom-at"], head.text], [200, oldest, ""]);
    for (const [path, status, code] of [
      ["ports?at=-2h", 404, "not-kept"],
      ["ports?at=2999-01-01T00:00:00Z", 404, "not-kept"],
      ["ports?at=soon", 400, "value-invalid"],
      ["ports?at=", 400, "value-invalid"],
      ["ports?at=-1s&at=-2s", 400, "value-invalid"],
      ["timers?at=-0s", 400, "value-invalid"],
      ["steering?at=-0s&plan=true", 400, "value-invalid"],
    ] as const) {
      const refused = await ask(path);
      assert.equal(refused.status, status, `${path}: ${refused.text}`);
      assert.match(String(refused.headers["content-type"]), /^application\/problem\+json/);
      const problem = JSON.parse(refused.text) as { code: string; hint: string };
      assert.equal(problem.code, code);
      if (path.startsWith("ports?at=-2h") || path.endsWith("soon"))
        assert.match(problem.hint, /kept is \S+Z to \S+Z$/);
    }
    // A change of the configuration is seen through the server too.
    serving.configuration = { cores: { count: 7 } };
    assert.match((await ask("config")).text, /"7"/);
  } finally {
    await server.close();
  }
});

test("OPS-2 nothing is kept without HTTP, or where the configuration says so; both are told", async () => {
  for (const api of [{ http: null }, { past: null }]) {
    const { server, ask } = await open(api);
    try {
      await delay(800);
      assert.equal((await ask("past")).text, "[]\n");
      const refused = await ask("ports?at=-0s");
      assert.equal(refused.status, 404);
      assert.match(refused.text, /where HTTP is served and api.past has room/);
    } finally {
      await server.close();
    }
  }
});

test("OPS-2 the OpenAPI document says which objects take a moment, and how it is written", () => {
  const { paths } = openapi() as {
    paths: Record<string, { get?: { parameters?: { name: string; description: string }[] } }>;
  };
  for (const [path, { get }] of Object.entries(paths)) {
    const name = path.replace("/api/v1/", "");
    const at = get?.parameters?.find((parameter) => parameter.name === "at");
    assert.equal(at !== undefined, PAST_NAMES.includes(name), path);
    if (at !== undefined) assert.match(at.description, /2026-11-23T20:15:00Z.*-10m/);
  }
});
