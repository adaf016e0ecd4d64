// HTTP follows the configuration: another place, other tokens, none at all; and what cannot be opened changes nothing.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import type { Serving } from "../control/serving.ts";
import { type Opened, openApi } from "./open.ts";

const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
after(() => rmSync(folder, { recursive: true }));

const READ = "r".repeat(32);
const OTHER_READ = "s".repeat(32);
const tokensOf = (name: string, token: string): string => {
  const file = join(folder, name);
  writeFileSync(file, `read ${token}\n`, { mode: 0o600 });
  return file;
};
const first = tokensOf("first", READ);
const second = tokensOf("second", OTHER_READ);

type Api = NonNullable<Parameters<typeof openApi>[1]["api"]>;
const apiOf = (http: string | null, file: string): { api: Api } => ({
  api: { http, "token-file": file, metrics: true, past: null } as Api,
});

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

let sockets = 0;
async function rig(http: string | null): Promise<{ opened: Opened; serving: Serving }> {
  const appliance = new FakeAppliance(SMALL);
  appliance.answers.set("summary", { tables: [] });
  const serving = { appliance, metrics: true };
  const socket = join(folder, `${sockets++}.sock`);
  const opened = await openApi(serving, apiOf(http, first), { socket, warn: () => {} });
  return { opened, serving };
}

/** The status of an answer; 0 where nobody listens. */
function ask(url: string, path: string, token: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, connection: "close" };
    get(`${url}${path}`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once("error", () => resolve(0));
  });
}

/** Opens the stream of events; `ended` resolves with whether it ended as streams end. */
function stream(url: string, token: string): Promise<{ ended: Promise<boolean> }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
    const asked = get(`${url}/api/v1/events`, { headers }, (response: IncomingMessage) => {
      const ended = new Promise<boolean>((done) => {
        response.once("end", () => done(response.complete));
        response.once("error", () => done(false));
      });
      response.resume();
      resolve({ ended });
    });
    asked.once("error", reject);
  });
}

test("OPS-1 a reload puts HTTP elsewhere: the new place answers, the old one's streams end, and it is gone", async () => {
  const { opened } = await rig("127.0.0.1:0");
  const old = opened.http;
  const { ended } = await stream(old, READ);
  const there = `127.0.0.1:${await freePort()}`;

  const step = await opened.prepare(apiOf(there, first));
  assert.equal(await ask(`http://${there}`, "/api/v1/cores", READ), 200);
  await step.commit();

  assert.equal(await ended, true);
  assert.equal(opened.http, `http://${there}`);
  assert.equal(await ask(old, "/api/v1/cores", READ), 0);
  assert.equal(await ask(opened.http, "/api/v1/cores", READ), 200);
  await opened.close();
});

test("OPS-1 a place that cannot be had is refused, and all goes on as before", async () => {
  const { opened } = await rig("127.0.0.1:0");
  const blocker = createServer();
  await new Promise<void>((done) => blocker.listen(0, "127.0.0.1", done));
  const { port } = blocker.address() as { port: number };
  const old = opened.http;

  await assert.rejects(opened.prepare(apiOf(`127.0.0.1:${port}`, first)), {
    code: "socket-failed",
  });
  await assert.rejects(opened.prepare(apiOf("127.0.0.1:0", join(folder, "none", "\0"))));

  assert.equal(opened.http, old);
  assert.equal(await ask(old, "/api/v1/cores", READ), 200);
  await new Promise((done) => blocker.close(done));
  await opened.close();
});

test("OPS-1 a step that is taken back leaves the old place, also where both share a port", async () => {
  const port = await freePort();
  const { opened } = await rig(`127.0.0.1:${port}`);

  const step = await opened.prepare(apiOf(`localhost:${port}`, first));
  assert.equal(opened.http, `http://localhost:${port}`);
  await step.undo();

  assert.equal(opened.http, `http://127.0.0.1:${port}`);
  assert.equal(await ask(opened.http, "/api/v1/cores", READ), 200);
  await opened.close();
});

test("OPS-1 other tokens count from the reload on, and streams of the old ones end", async () => {
  const { opened } = await rig("127.0.0.1:0");
  const { ended } = await stream(opened.http, READ);
  const address = opened.http.replace("http://", "");
  // The place was named by the port 0, so that it is another one for the configuration.
  const step = await opened.prepare(apiOf("127.0.0.1:0", second));
  assert.equal(await ask(opened.http, "/api/v1/cores", READ), 200);
  await step.commit();

  assert.equal(opened.http, `http://${address}`);
  assert.equal(await ask(opened.http, "/api/v1/cores", READ), 401);
  assert.equal(await ask(opened.http, "/api/v1/cores", OTHER_READ), 200);
  assert.equal(await ended, true);
  await opened.close();
});

test("OPS-1 HTTP may end and begin by reload, and metrics with it", async () => {
  const { opened, serving } = await rig(null);
  assert.equal(opened.http, "");
  await (await opened.prepare(apiOf("127.0.0.1:0", first))).commit();
  const { http } = opened;
  assert.equal(await ask(http, "/metrics", READ), 200);
  (serving as { metrics: boolean }).metrics = false;
  assert.equal(await ask(http, "/metrics", READ), 404);
  await (await opened.prepare(apiOf(null, first))).commit();
  assert.equal(opened.http, "");
  assert.equal(await ask(http, "/api/v1/cores", READ), 0);
  await opened.close();
});
