import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Configurations } from "../control/configurations.ts";
import { loadedOf } from "../control/configurations-rig.ts";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import { StoredHistory } from "../control/history.ts";
import { OBJECTS } from "../control/objects.ts";
import { OPERATIONS } from "../control/operations.ts";
import { isLoopback } from "./listener.ts";
import { type Server, serve } from "./server.ts";
import { openTokens, Tokens } from "./tokens.ts";

const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
const tokenFile = join(folder, "made", "tokens");
const appliance = new FakeAppliance(SMALL);
let server: Server;
let lab: Server;
let read = "";
let write = "";

const configurations = new Configurations(
  {
    appliance,
    load: ({ text }) => Promise.resolve(loadedOf(text ?? "")),
    history: new StoredHistory(null, () => {}),
    cores: undefined,
    activeRouters: () => Promise.resolve(new Set<string>()),
    tell: () => {},
  },
  loadedOf(SMALL),
);

before(async () => {
  appliance.answers.set("summary", { tables: [] });
  const serving = { appliance, configurations, history: () => configurations.history() };
  const http = { address: "127.0.0.1:0", tokenFile, openForReading: false };
  server = await serve({ ...serving, socket: join(folder, "run.sock"), http });
  const open = { address: "127.0.0.1:0", tokenFile: null, openForReading: true };
  lab = await serve({ appliance, socket: join(folder, "lab.sock"), http: open });
  const text = readFileSync(tokenFile, "utf8");
  read = /^read (\S+)$/m.exec(text)?.[1] ?? "";
  write = /^write (\S+)$/m.exec(text)?.[1] ?? "";
});
after(async () => {
  await server.close();
  await lab.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Ask {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly at?: Server;
}

function ask(
  method: string,
  path: string,
  { token, headers, body, at = server }: Ask = {},
): Promise<Answer> {
  const { hostname, port } = new URL(at.http);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request(
      { hostname, port, path, method, headers: { ...authorization, ...headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on("error", reject);
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Every path with every method that is there, with something in the place of what varies. */
const ALL: readonly (readonly [method: string, path: string])[] = [
  ...OBJECTS.map(({ name }) => ["GET", `/api/v1/${name}`] as const),
  ...OPERATIONS.map(
    ({ method, path }) => [method, `/api/v1/${path.replaceAll(/:[a-z]+/g, "192.0.2.9")}`] as const,
  ),
  ["GET", "/api/v1"],
  ["GET", "/api/v1/openapi.json"],
  ["GET", "/api/v1/config.schema.json"],
  ["GET", "/metrics"],
  ["GET", "/healthz"],
  ["GET", "/"],
  ["GET", "/nothing"],
  ["HEAD", "/api/v1/arp"],
  ["OPTIONS", "/api/v1/arp"],
  ["PATCH", "/api/v1/arp"],
  ["GET", "/api/v1/events?since=0-0"],
  ["GET", "//api/v1/arp"],
  ["GET", "/api/v1/%61rp"],
];

test("OPS-2 who has no token, or a wrong one, reads and changes nothing, whatever is asked", async () => {
  const asked = appliance.asked.length;
  for (const [method, path] of ALL) {
    for (const token of [undefined, "x", `${write}x`, "", write.slice(1)]) {
      const { status, body, headers } = await ask(
        method,
        path,
        token === undefined ? {} : { token },
      );
      assert.ok(status === 401 || status === 429, `${method} ${path} ${status}`);
      if (status === 401) assert.match(String(headers["www-authenticate"]), /^Bearer /);
      assert.match(String(headers["content-type"]), /^application\/problem\+json/);
      assert.ok(!body.includes("192.0.2.1/24"), path);
    }
  }
  assert.equal(appliance.asked.length, asked);
  assert.equal(appliance.observers.size, 0);
  assert.equal(configurations.history().length, 1);
});

test("OPS-2 a read token reads, and what it must not do answers 403 and does not happen", async () => {
  const asked = appliance.asked.length;
  assert.equal((await ask("GET", "/api/v1/cores", { token: read })).status, 200);
  assert.equal((await ask("GET", "/metrics", { token: read })).status, 200);
  for (const { method, path, rights, id } of OPERATIONS) {
    if (rights === "read") continue;
    const where = `/api/v1/${path.replaceAll(/:[a-z]+/g, "192.0.2.9")}`;
    assert.equal((await ask(method, where, { token: read })).status, 403, id);
  }
  const made = { token: read, headers: { "x-http-method-override": "DELETE" } };
  assert.equal((await ask("POST", "/api/v1/arp", made)).status, 403);
  const commands = appliance.asked.slice(asked).map(({ command }) => command.kind);
  assert.deepEqual([...new Set(commands)].sort(), ["rows", "summary"]);
  assert.equal((await ask("DELETE", "/api/v1/arp", { token: write })).status, 200);
});

test("OPS-2 the lab may be read without a token, and never changed", async () => {
  const at = lab;
  assert.equal((await ask("GET", "/api/v1/cores", { at })).status, 200);
  for (const [method, path] of ALL) {
    if (method === "GET" || method === "HEAD" || method === "OPTIONS") continue;
    // Questions with a body, which change nothing.
    if (/(?:config\/plan|explain\/frame)$/.test(path)) continue;
    for (const token of [undefined, write, read]) {
      const { status } = await ask(method, path, token === undefined ? { at } : { at, token });
      assert.ok(status === 401 || status === 429, `${method} ${path} ${status}`);
    }
  }
});

test("OPS-2 a name that somebody points at us is not answered, nor another site's page", async () => {
  for (const host of [
    "evil.example",
    "evil.example:7474",
    "localhost.evil.example",
    "[::1",
    "127.0.0.1.evil.example",
  ]) {
    const { status } = await ask("GET", "/api/v1/cores", { token: read, headers: { host } });
    assert.ok(status === 421 || status === 400, `${host} ${status}`);
  }
  for (const host of ["localhost", "127.0.0.1:1", "[::1]:7474"]) {
    const { status } = await ask("GET", "/api/v1/cores", { token: read, headers: { host } });
    assert.equal(status, 200, host);
  }
  const origin = "http://evil.example";
  assert.equal((await ask("GET", "/api/v1/cores", { at: lab, headers: { origin } })).status, 421);
  const own = { at: lab, headers: { origin: lab.http } };
  const { status, headers } = await ask("GET", "/api/v1/cores", own);
  assert.equal(status, 200);
  assert.equal(headers["access-control-allow-origin"], undefined);
  const preflight = { origin, "access-control-request-method": "GET" };
  assert.equal((await ask("OPTIONS", "/api/v1/cores", { headers: preflight })).status, 421);
});

test("OPS-2 who guesses tokens is slowed down, and shuts nobody out", async () => {
  const statuses = await Promise.all(
    Array.from(
      { length: 60 },
      async () => (await ask("GET", "/api/v1/cores", { token: "guess" })).status,
    ),
  );
  assert.ok(statuses.includes(429));
  assert.equal((await ask("GET", "/api/v1/cores", { token: read })).status, 200);
});

test("RFC 9110: methods, media types and sizes that do not fit have their own answers", async () => {
  const token = write;
  const json = { "content-type": "application/json" };
  const put = await ask("PUT", "/api/v1/arp", { token });
  assert.equal(put.status, 405);
  assert.equal(put.headers["allow"], "DELETE, GET, HEAD, POST");
  assert.equal((await ask("GET", "/api/v1/ping", { token })).status, 405);
  assert.equal((await ask("GET", "/api/v1/nothing", { token })).status, 404);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/yaml", "x"]) {
    const headers = { "content-type": type };
    const { status } = await ask("POST", "/api/v1/ping", { token, headers, body: "{}" });
    assert.equal(status, 415, type);
  }
  const plan = await ask("POST", "/api/v1/config/plan", { token, headers: json, body: "{}" });
  assert.equal(plan.status, 415);
  const long = "x".repeat(70_000);
  assert.equal(
    (await ask("POST", "/api/v1/ping", { token, headers: json, body: long })).status,
    413,
  );
  for (const body of ["[]", '"a"', "1", "{", '{"a":', "null"]) {
    const { status } = await ask("POST", "/api/v1/ping", { token, headers: json, body });
    assert.ok(status === 400 || status === 415, `${body} ${status}`);
  }
  const head = await ask("HEAD", "/api/v1/arp", { token });
  assert.deepEqual([head.status, head.body], [200, ""]);
  assert.match(String(head.headers["content-type"]), /^application\/json/);
  assert.equal(head.headers["x-content-type-options"], "nosniff");
});

test("OPS-2 a token file is made for its owner alone, kept, and refused when others may read it", () => {
  assert.equal(statSync(tokenFile).mode & 0o777, 0o600);
  assert.ok(read.length >= 43 && write.length >= 43 && read !== write);
  const before = readFileSync(tokenFile, "utf8");
  assert.equal(openTokens(tokenFile).rightsOf(write), "write");
  assert.equal(readFileSync(tokenFile, "utf8"), before);
  const loose = join(folder, "loose");
  writeFileSync(loose, before);
  chmodSync(loose, 0o640);
  assert.throws(() => openTokens(loose), { code: "not-permitted", hint: /chmod 600/ });
  assert.throws(() => new Tokens("read short", "f"), { code: "value-invalid" });
  assert.throws(() => new Tokens("# nothing\n", "f"), { code: "value-invalid" });
  assert.equal(new Tokens(`${"a".repeat(16)}\n`, "f").rightsOf("a".repeat(16)), "write");
  assert.ok(existsSync(tokenFile));
});

test("OPS-2 HTTP listens on loopback, and further only where that was written", () => {
  for (const address of ["127.0.0.1:7474", "[::1]:7474", "localhost:80", "127.9.9.9:1"])
    assert.ok(isLoopback(address), address);
  for (const address of ["0.0.0.0:7474", "[::]:7474", "192.0.2.1:7474", "127.evil.example:80"])
    assert.ok(!isLoopback(address), address);
});

test("OPS-2 nobody is served without tokens beyond loopback", async () => {
  const http = { address: "0.0.0.0:0", tokenFile: null, openForReading: true };
  const socket = join(folder, "wide.sock");
  await assert.rejects(serve({ appliance, socket, http }), { code: "usage" });
  assert.ok(!existsSync(socket));
});

interface Stream {
  readonly texts: string[];
  close(): void;
}

function stream(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Stream & { status: number }> {
  const { hostname, port } = new URL(server.http);
  const all = { authorization: `Bearer ${read}`, accept: "text/event-stream", ...headers };
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers: all }, (response) => {
      const texts: string[] = [];
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => texts.push(chunk));
      response.on("error", () => {});
      resolve({ texts, close: () => asked.destroy(), status: response.statusCode ?? 0 });
    });
    asked.on("error", reject);
    asked.end();
  });
}

const until = async (what: string, done: () => boolean): Promise<void> => {
  for (let n = 0; n < 500 && !done(); n++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(done(), what);
};

test("OPS-3 events come as they happen, with ids by which a stream goes on where it ended", async () => {
  const event = (sequence: number): void => {
    appliance.history.push({ sequence, time: 0, core: 1, code: 1, a: 1, b: 0, c: 0, d: 0 });
  };
  for (let sequence = 1; sequence <= 5; sequence++) event(sequence);
  const live = await stream("/api/v1/events", {});
  assert.equal(live.status, 200);
  event(6);
  await until("the sixth event", () => live.texts.join("").includes('"port-down"'));
  const text = live.texts.join("");
  assert.ok(!/^id: \w+-5$/m.test(text), "what was before is not sent");
  const [, id = ""] = /^id: (\w+-6)$/m.exec(text) ?? [];
  const data = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? "") as { subject: string };
  assert.equal(data.subject, "port p1");
  live.close();

  event(7);
  event(8);
  const again = await stream("/api/v1/events", { "last-event-id": id });
  await until("both", () => /^id: \w+-8$/m.test(again.texts.join("")));
  assert.deepEqual(
    again.texts
      .join("")
      .match(/^id: .*$/gm)
      ?.map((line) => line.split("-")[1]),
    ["7", "8"],
  );
  again.close();

  const all = await stream("/api/v1/events?since=0-0", {});
  await until("all", () => /^id: \w+-8$/m.test(all.texts.join("")));
  assert.equal(all.texts.join("").match(/^event: event$/gm)?.length, 8);
  all.close();
  appliance.history.splice(0, 7);
  const late = await stream("/api/v1/events", { "last-event-id": id });
  await until("the gap", () => late.texts.join("").includes("event: gap"));
  assert.match(late.texts.join(""), /event: gap\ndata: \{"lost":1\}/);
  late.close();
  assert.equal(
    (
      await ask("GET", "/api/v1/events", {
        token: read,
        headers: { accept: "text/event-stream", "last-event-id": "nonsense!" },
      })
    ).status,
    400,
  );
});

test("OPS-2 open streams are bounded, and their ends are noticed", async () => {
  const open: (Stream & { status: number })[] = [];
  for (let n = 0; n < 40; n++) open.push(await stream("/api/v1/events", {}));
  assert.equal(open.filter(({ status }) => status === 200).length, 32);
  assert.ok(open.slice(32).every(({ status }) => status === 429));
  for (const one of open) one.close();
  let status = 0;
  for (let n = 0; n < 100 && status !== 200; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const one = await stream("/api/v1/events", {});
    ({ status } = one);
    one.close();
  }
  assert.equal(status, 200);
});
