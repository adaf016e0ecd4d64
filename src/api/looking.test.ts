import assert from "node:assert/strict";
import type { Readable } from "node:stream";
import { test } from "node:test";
import type { SeenRecord } from "../control/appliance-port.ts";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import { CLASS_NAMES } from "../core/observer.ts";
import { Drop } from "../engine/drop.ts";
import { Message } from "../engine/message.ts";
import { openCapture } from "../wire/capture.ts";
import { capture, traceBus, traceFrames } from "./looking.ts";

const ARP = "ffffffffffff0200000000090806000108000604000102000000000 9c0000209000000000000c0000201";
const bytes = Uint8Array.from(Buffer.from(ARP.replaceAll(" ", ""), "hex"));

function frame(more: Partial<SeenRecord> = {}): SeenRecord {
  const bcast = CLASS_NAMES.indexOf("bcast");
  const base = { kind: "received", core: 0, time: 1_700_000_000_123.5, number: 0 } as const;
  return { ...base, class: bcast, reason: -1, length: bytes.length, bytes, ...more };
}

/** Shows records to whoever looks, as the runtime would. */
function show(appliance: FakeAppliance, ...records: SeenRecord[]): void {
  for (const { each } of [...appliance.observers]) for (const record of records) each(record);
}

async function all(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks);
}

const linesOf = async (stream: Readable): Promise<Record<string, unknown>[]> =>
  (await all(stream))
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("OPS-4 a trace says of each frame where it was, what it was, and why it was given up", async () => {
  const appliance = new FakeAppliance(SMALL);
  const stream = traceFrames(appliance, { limit: "2" });
  show(appliance, frame(), frame({ kind: "sent", core: 1, number: 1, class: 0 }), frame());
  const [first, second, third] = await linesOf(stream);

  assert.equal(third, undefined);
  assert.deepEqual(
    [first?.["core"], first?.["port"], first?.["direction"], first?.["class"], first?.["reason"]],
    [0, "p0", "in", "bcast", ""],
  );
  assert.match(String(first?.["frame"]), /ARP request who has 192\.0\.2\.1 tell 192\.0\.2\.9/);
  assert.equal(first?.["time"], "2023-11-14T22:13:20.123Z");
  assert.equal(second?.["direction"], "out");
  assert.equal(appliance.observers.size, 0, "nobody looks any more");
});

/** Words, and which of three frames they choose: p0 in; p1 out; p0 in, dropped as runt, on core 1. */
const FILTERS: readonly (readonly [words: Record<string, string>, chosen: readonly number[]])[] = [
  [{}, [0, 1, 2]],
  [{ port: "p0" }, [0, 2]],
  [{ direction: "out" }, [1]],
  [{ dropped: "true" }, [2]],
  [{ reason: "runt" }, [2]],
  [{ match: "192.0.2.1" }, [0, 1, 2]],
  [{ match: "nothing of that" }, []],
  [{ port: "p0", direction: "out" }, []],
];
for (const [words, chosen] of FILTERS) {
  test(`OPS-4 a trace of ${JSON.stringify(words)} shows frames ${chosen.join(", ") || "none"}`, async () => {
    const appliance = new FakeAppliance(SMALL);
    const stream = traceFrames(appliance, words);
    show(
      appliance,
      frame({ length: 100 }),
      frame({ length: 101, kind: "sent", number: 1 }),
      frame({ length: 102, core: 1, reason: Drop.runt, class: CLASS_NAMES.indexOf("drop") }),
    );
    stream.push(null);
    assert.deepEqual(
      (await linesOf(stream)).map(({ length }) => Number(length) - 100),
      chosen,
    );
    assert.equal(appliance.observers.size, 0);
  });
}

test("OPS-4 a capture is pcapng with core, class and reason of each frame, its port and direction", async () => {
  const appliance = new FakeAppliance(SMALL);
  const stream = capture(appliance, { limit: "2", snap: "42" });
  const [observer] = appliance.observers;
  assert.deepEqual(observer?.request, { frames: true, messages: false, snap: 42, core: -1 });
  observer?.lost(5);
  show(
    appliance,
    frame({
      core: 1,
      number: 1,
      reason: Drop.runt,
      class: CLASS_NAMES.indexOf("drop"),
      length: 90,
    }),
    frame({ kind: "sent" }),
  );
  const file = new Uint8Array(await all(stream));
  const reader = openCapture(file);
  const first = reader.next();
  const second = reader.next();

  assert.equal(reader.next(), undefined);
  assert.equal(reader.fault, undefined);
  assert.deepEqual(first?.comments, ["core=1 class=drop reason=runt", "lost=5"]);
  assert.equal(reader.interfaces[first?.interface ?? -1]?.name, "p1");
  assert.deepEqual([first?.direction, second?.direction], [1, 2]);
  assert.deepEqual([first?.seconds, first?.nanos], [1_700_000_000, 123_500_000]);
  assert.equal(first?.originalLength, 90);
  assert.deepEqual(file.slice(first?.start, first?.end), bytes);
});

test("OPS-4 a trace of the bus names who told whom what", async () => {
  const appliance = new FakeAppliance(SMALL);
  const stream = traceBus(appliance, { type: "arp-ask", limit: "1" });
  const record = new Uint8Array(64);
  record[1] = 1;
  record[8] = 0xc0;
  const message = {
    kind: "message",
    number: Message["arp-ask"],
    bytes: record,
    length: 64,
  } as const;
  show(appliance, frame({ ...message, number: Message["arp-entry"] }), frame(message));
  const [row] = await linesOf(stream);

  assert.deepEqual(
    [row?.["from"], row?.["to"], row?.["type"], row?.["fields"]],
    [1, 0, "arp-ask", "c0"],
  );
});

test("OPS-4 words that a trace does not know are refused before anybody looks", () => {
  const appliance = new FakeAppliance(SMALL);
  for (const words of [
    { port: "nope" },
    { port: "" },
    { core: "2" },
    { core: "-1" },
    { direction: "up" },
    { reason: "because" },
    { limit: "0" },
    { seconds: "1e3" },
    { dropped: "yes" },
  ])
    assert.throws(
      () => traceFrames(appliance, words),
      { code: "value-invalid" },
      JSON.stringify(words),
    );
  assert.throws(() => capture(appliance, { snap: "1" }), { code: "value-invalid" });
  assert.throws(() => traceBus(appliance, { type: "none-such" }), { code: "value-invalid" });
  assert.equal(appliance.observers.size, 0);
});

test("OPS-4 a look whose reader goes away ends, and one of so many seconds ends by itself", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const appliance = new FakeAppliance(SMALL);
  const gone = traceFrames(appliance, {});
  gone.destroy();
  const timed = traceFrames(appliance, { seconds: "2" });
  t.mock.timers.tick(1999);
  assert.ok([...appliance.observers].length >= 1);
  t.mock.timers.tick(1);
  timed.resume();
  return new Promise<void>((resolve) => {
    setImmediate(() => {
      assert.equal(appliance.observers.size, 0);
      resolve();
    });
  });
});
