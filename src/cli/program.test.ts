import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EVERYTHING, SMALL } from "../control/example.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
const socket = join(folder, "control.sock");
/** Nothing of the machine's own appliance or settings may be met. */
const env = { ...process.env, XDG_RUNTIME_DIR: folder, LINKLOOM_SOCKET: socket, NO_COLOR: "1" };

after(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string[];
}

function start(...words: string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...words], { env, stdio: ["ignore", "pipe", "pipe"] });
}

function linkloom(...words: string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = start(...words);
    let out = "";
    let errors = "";
    child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, out, errors: errors.split("\n").filter((line) => line !== "") });
    });
  });
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("OPS-2 without an appliance the exit code is 3, and two lines say what to do", async () => {
  const { code, out, errors } = await linkloom("show", "cores");

  assert.equal(code, 3);
  assert.equal(out, "");
  assert.equal(errors.length, 2);
  assert.match(errors[0] ?? "", /^linkloom: No appliance answers on .*control\.sock$/);
  assert.match(errors[1] ?? "", /linkloom run -c FILE/);
});

test("OPS-2 a wrong command line ends with 2 and two lines", async () => {
  const wrong = [
    ["frobnicate"],
    ["show", "cores", "--nope"],
    ["run"],
    ["plan", "x"],
    ["show"],
    ["add", "arp"],
  ];
  for (const words of wrong) {
    const { code, errors } = await linkloom(...words);
    assert.equal(code, 2, words.join(" "));
    assert.equal(errors.length, 2, errors.join("\n"));
    assert.match(errors[0] ?? "", /^linkloom: /);
  }
});

test("help and version end with 0 on stdout", async () => {
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string };

  assert.deepEqual(await linkloom("--version"), { code: 0, out: `${version}\n`, errors: [] });
  const help = await linkloom("show", "--help");
  assert.equal(help.code, 0);
  assert.match(help.out, /bridge \[options\] \[address\]/);
});

test("OPS-1 check lists every fault and ends with 2; a valid file ends with 0", async () => {
  const wrong = EVERYTHING.replace("vrid: 10,", "vrid: 999,").replace("hold: 10s", "hold: 1s");
  const bad = await linkloom("check", "--offline", file("bad.yaml", wrong));

  assert.equal(bad.code, 2);
  assert.equal(bad.errors.filter((line) => / fault: /.test(line)).length, 3);
  assert.ok(
    bad.errors.some((line) => line.includes("fault: virtual-routers.gw10.vrid:")),
    bad.errors.join("\n"),
  );
  assert.match(bad.errors.at(-2) ?? "", /has 3 faults; nothing was changed/);

  const json = await linkloom("check", "--offline", "-j", join(folder, "bad.yaml"));
  assert.equal(json.code, 2);
  assert.equal((JSON.parse(json.out) as unknown[]).length, 4);

  const good = await linkloom("check", file("good.yaml", SMALL));
  assert.deepEqual(good, {
    code: 0,
    out: `${join(folder, "good.yaml")} is valid: 2 cores, 3 ports, 1 bridge, 2 interfaces\n`,
    errors: [],
  });
  assert.equal((await linkloom("check", join(folder, "none.yaml"))).code, 2);
});

test("OPS-1 run refuses a file with faults, and nothing starts", async () => {
  const { code, out, errors } = await linkloom(
    "run",
    "-c",
    file("faulty.yaml", SMALL.replace("64", "65")),
  );

  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(errors[0] ?? "", /faulty\.yaml:8:\d+: fault: bridges\.br0\.table-size/);
  assert.ok(!existsSync(socket));
});

/** The next line that a child prints. */
function line(lines: Interface): Promise<string> {
  return new Promise((resolve) => lines.once("line", resolve));
}

test("OPS-1 OPS-2 an appliance runs, shows, changes, reloads and stops", {
  timeout: 60_000,
}, async (t) => {
  const path = file("run.yaml", SMALL);
  const child = start("run", "-c", path);
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  assert.ok(child.stdout !== null && child.stderr !== null);
  const said = createInterface(child.stdout);
  const warned = createInterface(child.stderr);

  assert.equal(await line(said), `linkloom ready: 2 cores, 3 ports, control ${socket}`);
  assert.equal((await linkloom("run", "-c", path)).code, 1);

  const cores = JSON.parse((await linkloom("show", "cores", "--json")).out) as { state: string }[];
  assert.deepEqual(
    cores.map(({ state }) => state),
    ["online", "online"],
  );
  const added = await linkloom("add", "arp", "192.0.2.9", "0200.0000.0009");
  assert.deepEqual(added, {
    code: 0,
    out: "192.0.2.9 is at 02:00:00:00:00:09 on vlan10, static\n",
    errors: [],
  });
  assert.equal(
    (await linkloom("add", "bridge", "02:00:00:00:00:05", "--vlan", "20", "--channel", "p1")).code,
    0,
  );
  const shown = await linkloom("sh", "arp", "192.0.2.9");
  assert.match(shown.out, /0-1 +192\.0\.2\.9 +02:00:00:00:00:09 +vlan10 .*static/);
  assert.match(
    (await linkloom("explain", "arp", "192.0.2.9")).out,
    /All 2 cores have it at 02:00:00:00:00:09/,
  );
  assert.equal((await linkloom("rm", "arp", "192.0.2.9")).code, 0);
  assert.equal((await linkloom("rm", "arp", "192.0.2.9")).code, 1);

  writeFileSync(path, SMALL.replace("192.0.2.1/24", "192.0.2.3/24"));
  child.kill("SIGHUP");
  assert.equal(await line(said), "linkloom reloaded: changed interfaces.vlan10.addresses[0]");
  assert.match((await linkloom("show", "interfaces")).out, /192\.0\.2\.3\/24/);
  const station = await linkloom("show", "bridge", "02:00:00:00:00:05");
  assert.match(station.out, /0-1 .*02:00:00:00:00:05 +20 +p1/);

  writeFileSync(path, SMALL.replace("access-vlan: 10", "access-vlan: 5000"));
  child.kill("SIGHUP");
  assert.match(
    await line(warned),
    /run\.yaml:11:\d+: fault: bridges\.br0\.channels\.p0\.access-vlan: found 5000/,
  );
  assert.match((await linkloom("show", "interfaces")).out, /192\.0\.2\.3\/24/);

  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.ok(!existsSync(socket));
});

test("OPS-4 replay plays a capture through the cores and gives the same output each time", async () => {
  const capture = fileURLToPath(new URL("../../test/fixtures/captures/LACP.pcap", import.meta.url));
  const play = (out: string): Promise<Result> =>
    linkloom("replay", capture, "--cores", "2", "--out", join(folder, out));

  const first = await play("one");
  const second = await play("two");

  assert.equal(first.code, 0, first.errors.join("\n"));
  assert.equal(first.out, second.out);
  assert.match(first.out, /frames played through 2 cores/);
  for (const name of ["summary.json", "bridge.json", "events.json", "p0.pcapng"]) {
    assert.deepEqual(
      readFileSync(join(folder, "one", name)),
      readFileSync(join(folder, "two", name)),
      name,
    );
  }
});
