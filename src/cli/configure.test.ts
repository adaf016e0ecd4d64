// The commands that look at a running appliance and change it, as people type them.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SMALL } from "../control/example.ts";
import { openCapture } from "../wire/capture.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
const socket = join(folder, "control.sock");
const env = {
  ...process.env,
  XDG_RUNTIME_DIR: folder,
  LINKLOOM_SOCKET: socket,
  NO_COLOR: "1",
  STATE_DIRECTORY: "",
};
let child: ChildProcess;

before(async () => {
  const path = join(folder, "run.yaml");
  // Port 0: whichever is free, so that nothing else on this machine is in the way.
  writeFileSync(path, `${SMALL}\napi: {http: "127.0.0.1:0"}\n`);
  child = spawn(process.execPath, [MAIN, "run", "-c", path], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error("the appliance did not start")));
  });
});
after(async () => {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true });
});

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

function linkloom(...words: string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const one = spawn(process.execPath, [MAIN, ...words], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let errors = "";
    one.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    one.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    one.on("error", reject);
    one.on("close", (code) => resolve({ code, out, errors }));
  });
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const API = 'api: {http: "127.0.0.1:0"}\n';
const OTHER = `${SMALL.replace("192.0.2.1/24", "192.0.2.3/24")}\n${API}`;

test("OPS-1 plan says what would change, apply does it, confirm keeps it, rollback goes back", async () => {
  const path = file("other.yaml", OTHER);
  const plan = await linkloom("plan", path);
  assert.equal(plan.code, 0, plan.errors);
  assert.match(plan.out, /^~ interface vlan10/m);
  assert.match(plan.out, /addresses\[0\]: 192\.0\.2\.1\/24 -> 192\.0\.2\.3\/24/);
  assert.match(plan.out, /^1 changed: 0 failovers, 0 channels renegotiate$/m);
  assert.match((await linkloom("show", "interfaces")).out, /192\.0\.2\.1\/24/);

  const applied = await linkloom("apply", path, "--confirm", "10m");
  assert.match(applied.out, /^1 object changed: .*goes back in 10m unless confirmed$/m);
  assert.match((await linkloom("show", "interfaces")).out, /192\.0\.2\.3\/24/);
  const again = await linkloom("apply", path);
  assert.equal(again.code, 1);
  assert.match(again.errors, /waits for its confirmation/);
  assert.match((await linkloom("confirm")).out, /^configuration 2 stays$/m);
  assert.equal((await linkloom("confirm")).code, 1);

  assert.match(
    (await linkloom("plan", path)).out,
    /^nothing differs\nNow: .* does not say what runs.*linkloom save/,
  );
  assert.match((await linkloom("rollback")).out, /^as 1 was: 0 failovers/m);
  assert.match((await linkloom("show", "interfaces")).out, /192\.0\.2\.1\/24/);
  const history = JSON.parse((await linkloom("show", "history", "--json")).out) as {
    state: string;
  }[];
  assert.deepEqual(
    history.map(({ state }) => state),
    ["", "", "running"],
  );
});

test("OPS-1 a faulty file is refused with each fault by its place, and a missing one plainly", async () => {
  const faulty = file("faulty.yaml", OTHER.replace("access-vlan: 10", "access-vlan: 5000"));
  const refused = await linkloom("apply", faulty);
  assert.equal(refused.code, 2);
  assert.match(
    refused.errors,
    /faulty\.yaml:\d+:\d+: fault: bridges\.br0\.channels\.p0\.access-vlan/,
  );
  assert.equal((await linkloom("apply", join(folder, "none.yaml"))).code, 2);
  assert.equal((await linkloom("apply", faulty, "--confirm", "soon")).code, 2);
});

test("OPS-2 run makes its tokens for its owner alone, and keeps its history there too", () => {
  assert.equal(statSync(join(folder, "control.tokens")).mode & 0o777, 0o600);
  assert.match(
    readFileSync(join(folder, "control.tokens"), "utf8"),
    /^read \S{43}\nwrite \S{43}$/m,
  );
  assert.equal(statSync(join(folder, "control.history")).mode & 0o777, 0o700);
});

test("OPS-4 trace and capture end when they shall, and say what they do not know", async () => {
  const nothing = await linkloom("trace", "frames", "--seconds", "1");
  assert.deepEqual([nothing.code, nothing.errors], [0, ""]);
  const path = join(folder, "live.pcapng");
  const captured = await linkloom("capture", "--port", "p0", "--seconds", "1", "-w", path);
  assert.equal(captured.code, 0, captured.errors);
  const reader = openCapture(readFileSync(path));
  while (reader.next() !== undefined);
  assert.equal(reader.fault, undefined);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal((await linkloom("trace", "bus", "--type", "gossip")).code, 2);
  assert.equal((await linkloom("capture", "--port", "nope", "-w", join(folder, "x"))).code, 2);
  assert.equal(
    (await linkloom("capture", "-w", join(folder, "no", "where"), "--seconds", "1")).code,
    1,
  );
});

test("OPS-3 doctor looks at the ports of a file, and its exit code says whether something failed", async () => {
  const path = file("doctor.yaml", "ports: {p0: {driver: packet, interface: no-such-port}}\n");
  const found = await linkloom("doctor", path, "--json");
  assert.equal(found.code, 1);
  const findings = JSON.parse(found.out) as { check: string; state: string; detail: string }[];
  const port = findings.find(({ check }) => check === "port p0");
  assert.deepEqual([port?.state, port?.detail], ["failed", "there is no interface no-such-port"]);
  const running = await linkloom("doctor");
  assert.match(running.out, /kernel: Linux/);
  assert.ok(existsSync(path));
});
