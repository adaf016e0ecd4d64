import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { claimSocket } from "../control/control-socket.ts";
import { ControlError } from "../control/errors.ts";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import { OBJECTS, objectShape } from "../control/objects.ts";
import {
  CORE_AT,
  CoreCounter,
  DROP_AT,
  PEER_AT,
  PEER_COUNTERS,
  PORT_AT,
  PortCounter,
} from "../engine/counter.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import { MESSAGE_TYPES, Message } from "../engine/message.ts";
import { type Server, serve } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
const socket = join(folder, "below", "control.sock");
const appliance = new FakeAppliance(SMALL);
let server: Server;

before(async () => {
  server = await serve({ appliance, configuration: { cores: { count: 2, tick: 1 } }, socket });
});
after(async () => {
  await server.close();
  assert.ok(!existsSync(socket), "the socket is removed");
  rmSync(folder, { recursive: true });
});

interface Response {
  readonly status: number;
  readonly type: string;
  readonly cores: string;
  readonly data: unknown;
}

function call(
  method: string,
  path: string,
  body?: unknown,
  at: string = socket,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request(
      { socketPath: at, path: `/api/v1/${path}`, method, headers },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers["content-type"] ?? "",
            cores: String(response.headers["linkloom-cores"]),
            data: JSON.parse(text),
          });
        });
      },
    );
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Objects of whose protocols nothing is configured here, or that need a file. */
const EMPTY = ["stp", "groups", "protection", "vr", "vmac", "history", "past"];

const rows = async (path: string): Promise<Record<string, unknown>[]> => {
  const { status, data } = await call("GET", path);
  assert.equal(status, 200, JSON.stringify(data));
  return data as Record<string, unknown>[];
};

test("OPS-2 the control socket belongs to its owner alone", () => {
  assert.equal(statSync(socket).mode & 0o777, 0o600);
});

test("OPS-2 every object answers with an array of flat rows with exactly its fields", async () => {
  appliance.tables.set("arp 0", [
    {
      address: 0xc0000209,
      mac: 0x020000000009,
      interface: 0,
      channel: 1,
      origin: "dynamic",
      state: "reachable",
      ageMs: 12.4,
      version: 7,
    },
  ]);
  appliance.tables.set("bridge 1", [
    {
      bridge: 0,
      index: 5,
      mac: 0x020000000009,
      vlan: 10,
      channel: 1,
      inUse: true,
      static: false,
      ageMs: 3,
      moves: 0,
      lastMoveMs: null,
      version: 1,
    },
  ]);
  appliance.tables.set("lacp 0", [
    {
      channel: 1,
      port: 1,
      mux: "detached",
      selected: "unselected",
      master: true,
      actorState: 0x45,
    },
  ]);
  appliance.tables.set("routes 0", [
    { address: 0, prefix: 0, via: 0xc6336401, interface: 1, origin: "static", kind: "unicast" },
  ]);
  appliance.tables.set("nd 0", [
    {
      address: "2001:db8::9",
      mac: 0x02_00_00_00_00_09,
      interface: 0,
      state: "reachable",
      owner: 1,
      router: false,
      ageMs: 5,
      version: 3,
    },
  ]);
  appliance.answers.set("timers", {
    rows: [{ timer: "arp-retry", subject: "192.0.2.9", dueMs: 4, periodMs: 1000 }],
    next: -1,
  });
  appliance.answers.set("summary", {
    tables: [{ table: 1, entries: 1, digest: 0xabc, version: 7 }],
  });
  appliance.counters(0)[DROP_AT + Drop.runt] = 3;
  appliance.counters(0)[PEER_AT + PEER_COUNTERS + Message["arp-ask"]] = 2;
  appliance.history.push({
    sequence: 1,
    time: 0,
    core: 1,
    code: EventCode["port-down"],
    a: 1,
    b: 0,
    c: 0,
    d: 0,
  });

  for (const { name, fields } of OBJECTS) {
    const list = await rows(name);
    assert.ok(list.length > 0 || EMPTY.includes(name), `${name} has rows`);
    for (const row of list) {
      assert.deepEqual(Object.keys(row), fields, name);
      for (const value of Object.values(row)) {
        const flat = value === null || typeof value !== "object" || Array.isArray(value);
        assert.ok(flat && value !== undefined, `${name} is flat`);
      }
    }
  }
});

test("OPS-2 numbers become names, addresses and durations in whole milliseconds", async () => {
  assert.deepEqual(await rows("arp"), [
    {
      core: 0,
      address: "192.0.2.9",
      mac: "02:00:00:00:00:09",
      interface: "vlan10",
      vlan: 10,
      channel: "p1",
      origin: "dynamic",
      state: "reachable",
      "age-ms": 12,
      version: 7,
    },
  ]);
  const [station] = await rows("bridge");
  assert.deepEqual(
    [station?.["bridge"], station?.["channel"], station?.["in-use"], station?.["last-move-ms"]],
    ["br0", "p1", true, null],
  );
  const [route] = await rows("routes");
  assert.deepEqual(route, {
    core: 0,
    destination: "0.0.0.0/0",
    via: "198.51.100.1",
    interface: "outside",
    origin: "static",
  });
  const [event] = await rows("events");
  assert.deepEqual(event, {
    time: "1970-01-01T00:00:00.000Z",
    core: 1,
    subject: "port p1",
    from: "up",
    to: "down",
    cause: "port-down",
    evidence: "",
  });
});

test("OPS-2 counters are read from each core's block", async () => {
  const block = appliance.counters(1);
  block[CORE_AT + CoreCounter.FramesReceived] = 11;
  block[PORT_AT + PortCounter.BytesSent] = 60;
  appliance.counters(0)[PORT_AT + PortCounter.BytesSent] = 40;
  appliance.counters(1)[PEER_AT + MESSAGE_TYPES + Message["arp-ask"]] = 2;

  assert.equal((await rows("cores"))[1]?.["frames-received"], 11);
  assert.equal((await rows("ports"))[0]?.["bytes-sent"], 100);
  assert.equal((await rows("ports?core=1"))[0]?.["bytes-sent"], 60);
  assert.deepEqual(await rows("drops"), [{ core: 0, reason: "runt", count: 3 }]);
  const [bus] = await rows("bus");
  assert.deepEqual(
    [bus?.["from"], bus?.["to"], bus?.["type"], bus?.["sent"], bus?.["received"]],
    [0, 1, "arp-ask", 2, 2],
  );
});

test("OPS-2 copies that differ are not equal", async () => {
  assert.ok((await rows("coherence")).every(({ equal }) => equal === true));
  appliance.answers.set("summary 1", {
    tables: [{ table: 1, entries: 2, digest: 0xabd, version: 8 }],
  });

  assert.deepEqual(
    (await rows("coherence")).map(({ core, equal }) => [core, equal]),
    [
      [0, false],
      [1, false],
    ],
  );
  const health = await rows("health");
  assert.equal(health.find(({ subject }) => subject === "table arp")?.["state"], "warning");
});

test("OPS-2 filters choose rows, and one that an object lacks is refused", async () => {
  const arp = Array.from({ length: 1300 }, (_, index) => ({
    address: 0x0a000000 + index,
    mac: 0x020000000000 + index,
    interface: index % 2,
    channel: 0,
    origin: "dynamic",
    state: "reachable",
    ageMs: 0,
    version: index,
  }));
  appliance.tables.set("arp 0", arp);

  assert.equal((await rows("arp")).length, 1300);
  assert.equal((await rows("arp?interface=outside")).length, 650);
  assert.equal((await rows("arp?address=10.0.0.0/25")).length, 128);
  assert.equal((await rows("arp?address=10.0.4.1")).length, 1);
  assert.equal((await rows("arp?address=0200.0000.0005"))[0]?.["address"], "10.0.0.5");
  assert.equal((await rows("arp?core=1")).length, 0);
  assert.equal((await rows("arp?vlan=10")).length, 650);
  assert.equal((await rows("routes?address=203.0.113.9")).length, 1);
  assert.equal((await rows("vlans?vlan=20")).length, 1);
  assert.equal((await call("GET", "arp?reason=x")).status, 400);
  assert.equal((await call("GET", "arp?core=2")).status, 400);
  assert.equal((await call("GET", "arp?vlan=10&vlan=20")).status, 400);
  assert.equal((await call("GET", "arp?interface=nope")).status, 404);
  assert.equal((await call("GET", "arp?address=x")).status, 400);
});

test("OPS-2 show steering predicts where a tuple goes", async () => {
  const one = async (tuple: string): Promise<Record<string, unknown>> =>
    (await rows(`steering?hash=${encodeURIComponent(tuple)}`))[0] ?? {};

  // Two of the published verification vectors of RSS.
  assert.equal((await one("66.9.149.187:2794,161.142.100.80:1766"))["hash"], "0x51ccc178");
  assert.equal((await one("66.9.149.187,161.142.100.80"))["hash"], "0x323e8fc2");
  const six = await one("tcp,[3ffe:2501:200:1fff::7]:2794,[3ffe:2501:200:3::1]:1766");
  assert.equal(six["hash"], "0x40207d3d");
  assert.equal(six["bucket"], 0x3d);
  assert.equal(six["core"], 1);
  assert.equal((await call("GET", "steering?hash=1.2.3.4")).status, 400);
  assert.ok((await rows("steering?rules=true")).length >= 4);
});

test("RFC 9457: errors are problem documents with our code", async () => {
  const { status, type, data } = await call("GET", "nothing");

  assert.equal(status, 404);
  assert.match(type, /^application\/problem\+json/);
  assert.deepEqual(Object.keys(data as object), [
    "type",
    "title",
    "status",
    "detail",
    "code",
    "hint",
  ]);
  assert.equal((data as { code: string }).code, "not-found");
  assert.equal((await call("PUT", "arp")).status, 405);
  assert.equal((await call("POST", "arp", "x".repeat(70_000))).status, 413);
});

const asked = (): unknown => appliance.asked.at(-1);

test("OPS-2 ARP entries are changed on the ARP master, whichever core that is", async () => {
  appliance.roles[0] = 1;

  const added = await call("POST", "arp", { address: "192.0.2.77", mac: "02-00-00-00-00-77" });
  assert.deepEqual(asked(), {
    core: 1,
    command: { kind: "arp-add", interface: 0, address: 0xc000024d, mac: 0x020000000077 },
  });
  assert.match(
    (added.data as { detail: string }).detail,
    /192\.0\.2\.77 is at 02:00:00:00:00:77 on vlan10/,
  );
  await call("DELETE", "arp/192.0.2.77");
  assert.deepEqual(asked(), {
    core: 1,
    command: { kind: "arp-rm", interface: -1, address: 0xc000024d },
  });
  await call("DELETE", "arp?interface=outside");
  assert.deepEqual(asked(), { core: 1, command: { kind: "arp-clear", interface: 1, address: -1 } });
  await call("POST", "arp/announce", { all: true });
  assert.deepEqual(asked(), { core: 1, command: { kind: "arp-announce", address: -1 } });
});

test("OPS-2 static stations are set on every core, learned ones are cleared by one", async () => {
  const from = appliance.asked.length;
  await call("POST", "bridge", { mac: "02:00:00:00:00:05", vlan: "20", channel: "p1" });
  const added = appliance.asked.slice(from);
  assert.deepEqual(
    added.map(({ core }) => core),
    [0, 1],
  );
  assert.deepEqual(added[0]?.command, {
    kind: "bridge-add",
    bridge: 0,
    mac: 0x020000000005,
    vlan: 20,
    channel: 1,
  });
  await call("DELETE", "bridge/02:00:00:00:00:05?vlan=20");
  assert.equal(appliance.asked.length, from + 4);
  await call("DELETE", "bridge?channel=p1");
  assert.deepEqual(appliance.asked.slice(from + 4), [
    { core: 0, command: { kind: "bridge-clear", bridge: -1, mac: -1, vlan: 0, channel: 1 } },
  ]);
});

/** Requests that must be refused and reach no core. */
const WRONG: readonly (readonly [method: string, path: string, body: unknown, status: number])[] = [
  ["POST", "arp", { address: "192.0.2.300", mac: "02:00:00:00:00:77" }, 400],
  ["POST", "arp", { address: "192.0.2.77", mac: "ff:ff:ff:ff:ff:ff" }, 400],
  ["POST", "arp", { address: "192.0.2.1", mac: "02:00:00:00:00:77" }, 400],
  ["POST", "arp", { address: "203.0.113.7", mac: "02:00:00:00:00:77" }, 400],
  ["POST", "arp", { address: "192.0.2.77", mac: "02:00:00:00:00:77", interface: "outside" }, 400],
  ["POST", "arp", { address: "192.0.2.77", mac: "02:00:00:00:00:77", colour: "red" }, 400],
  ["POST", "arp", undefined, 400],
  ["POST", "bridge", { mac: "02:00:00:00:00:05", vlan: 30, channel: "p1" }, 400],
  ["POST", "bridge", { mac: "02:00:00:00:00:05", vlan: 10, channel: "wan" }, 400],
  ["POST", "bridge", { mac: "02:00:00:00:00:05", vlan: 4095, channel: "p1" }, 400],
  ["DELETE", "bridge?vlann=3", undefined, 400],
  ["DELETE", "arp?interface=nope", undefined, 404],
  ["POST", "arp/announce", {}, 400],
  ["POST", "ping", { address: "192.0.2.9", timeout: "1h" }, 400],
  ["POST", "ping", { address: "192.0.2.9", size: 9000 }, 400],
];

for (const [method, path, body, status] of WRONG) {
  test(`OPS-2 ${method} ${path} ${JSON.stringify(body)} is refused before any core hears of it`, async () => {
    const before = appliance.asked.length;

    const response = await call(method, path, body);

    assert.equal(response.status, status, JSON.stringify(response.data));
    assert.notEqual((response.data as { detail: string }).detail, "");
    assert.equal(appliance.asked.length, before);
  });
}

test("a change that found nothing to change is an error", async () => {
  appliance.answers.set("arp-rm", { count: 0 });
  appliance.answers.set("bridge-rm", { count: 0 });

  assert.equal((await call("DELETE", "arp/192.0.2.99")).status, 404);
  assert.equal((await call("DELETE", "bridge/02:00:00:00:00:99")).status, 404);
});

test("a core that does not answer is an error, not half a table", async () => {
  const fake = new FakeAppliance(SMALL);
  fake.command = () =>
    Promise.reject(Object.assign(new Error("Core 0 did not answer"), { code: "core-silent" }));
  const path = join(folder, "silent.sock");
  const other = await serve({ appliance: fake, socket: path });

  const { status, data } = await call("GET", "arp", undefined, path);

  assert.equal(status, 503);
  assert.equal((data as { code: string }).code, "core-silent");
  await other.close();
});

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return "";
  } catch (error) {
    assert.ok(error instanceof ControlError);
    assert.notEqual(error.hint, "");
    return error.code;
  }
};

test("a socket on which somebody listens is not taken", async () => {
  assert.equal(await codeOf(claimSocket(socket)), "socket-in-use");
  assert.equal(await codeOf(serve({ appliance, socket })), "socket-in-use");
  assert.equal((await rows("cores")).length, 2);
});

test("a socket that a dead process left is removed, a file that is no socket is not", async () => {
  const stale = join(folder, "stale.sock");
  const listener = createServer();
  await new Promise<void>((ready) => listener.listen(stale, ready));
  // A process that dies leaves the file; closing removes it, so keep a second name of it.
  linkSync(stale, `${stale}.left`);
  await new Promise((done) => listener.close(done));
  await claimSocket(`${stale}.left`);
  assert.ok(!existsSync(`${stale}.left`));

  const file = join(folder, "file");
  writeFileSync(file, "text");
  assert.notEqual(await codeOf(claimSocket(file)), "");
  assert.ok(existsSync(file));
});

test("a socket path that no socket can have is refused", async () => {
  assert.equal(
    await codeOf(serve({ appliance, socket: join(folder, "x".repeat(120)) })),
    "socket-failed",
  );
});

test("a group may be given the socket", async () => {
  const path = join(folder, "group.sock");
  const group = String(process.getgid?.() ?? 0);
  const shared = await serve({ appliance, socket: path, group });

  assert.equal(statSync(path).mode & 0o777, 0o660);
  await shared.close();
  await assert.rejects(serve({ appliance, socket: path, group: "no such group" }), ControlError);
});

test("a directory that may not be written says so with the exit code of missing rights", {
  skip: process.getuid?.() === 0,
}, async () => {
  chmodSync(folder, 0o500);
  assert.equal(
    await codeOf(serve({ appliance, socket: join(folder, "no", "x.sock") })),
    "not-permitted",
  );
  chmodSync(folder, 0o700);
});

test("the objects' shapes name fields that fold", () => {
  for (const { fields, folding } of OBJECTS) {
    for (const field of [...(folding?.identity ?? []), ...(folding?.own ?? [])])
      assert.ok(fields.includes(field));
  }
  assert.equal(objectShape("nope"), undefined);
});
