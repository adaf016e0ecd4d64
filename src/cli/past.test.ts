import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { serve } from "../api/server.ts";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import { Past } from "../control/past.ts";
import { PORT_AT, PortCounter } from "../engine/counter.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
const socket = join(folder, "control.sock");
const START = Date.UTC(2026, 10, 23, 20, 0);
let close = (): Promise<void> => Promise.resolve();

before(async () => {
  const appliance = new FakeAppliance(SMALL);
  appliance.answers.set("summary", { tables: [] });
  const clock = { now: START };
  const past = new Past({ shown: { appliance }, limit: 1_000_000, now: () => clock.now });
  for (let n = 0; n < 5; n++) {
    appliance.counters(0)[PORT_AT + PortCounter.FramesReceived] = 7000 + n;
    await past.turn();
    clock.now += 10_000;
  }
  const server = await serve({ appliance, past, socket });
  close = () => server.close();
});
after(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

function linkloom(
  ...words: string[]
): Promise<{ code: number | null; out: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: "1", LINKLOOM_SOCKET: socket };
    const child = spawn(process.execPath, [MAIN, ...words], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, errors }));
  });
}

test("OPS-2 show --at says how it was: so long ago, at a moment, as a table and as JSON", async () => {
  const [ago, then, json, span] = await Promise.all([
    linkloom("show", "ports", "--at", "-25s"),
    linkloom("sh", "po", "--at=2026-11-23T20:00:15Z"),
    linkloom("show", "ports", "--port", "p0", "--at", "-50s", "--json"),
    linkloom("show", "past"),
  ]);
  assert.equal(ago.code, 0, ago.errors);
  assert.match(ago.out, /\b7002\b/);
  assert.match(ago.out, /3 ports, as read at 2026-11-23T20:00:20.000Z\n$/);
  assert.match(then.out, /\b7001\b/);
  assert.match(then.out, /as read at 2026-11-23T20:00:10.000Z\n$/);
  const rows = JSON.parse(json.out) as Record<string, unknown>[];
  assert.deepEqual(
    rows.map((row) => row["frames-received"]),
    [7000],
  );
  assert.match(span.out, /^ports +2026-11-23T20:00:00.000Z +2026-11-23T20:00:40.000Z +10.0s +5 /m);
});

test("OPS-2 show --at that cannot be answered ends with two lines: what, and what is kept", async () => {
  const [old, bad, timers] = await Promise.all([
    linkloom("show", "ports", "--at", "-1h"),
    linkloom("show", "ports", "--at", "noon"),
    linkloom("show", "timers", "--at", "-1s"),
  ]);
  const kept = "kept is 2026-11-23T20:00:00.000Z to 2026-11-23T20:00:40.001Z\n";
  assert.deepEqual(
    [old.code, old.errors],
    [1, `linkloom: 2026-11-23T19:00:50.000Z is not kept\n  ${kept}`],
  );
  assert.equal(bad.code, 2);
  assert.match(
    bad.errors,
    /^linkloom: "noon" is no moment\n {2}write .*-10m for ten minutes ago; kept is/,
  );
  assert.equal(timers.code, 2);
});
