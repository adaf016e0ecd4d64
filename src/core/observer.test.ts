import assert from "node:assert/strict";
import { test } from "node:test";
import { DROP_NAMES } from "../engine/drop.ts";
import { Cluster } from "../sim/cluster.ts";
import { access, plainConfig } from "../sim/configs.ts";
import {
  CLASS_NAMES,
  OBSERVER_HEAD,
  OBSERVER_LOST,
  OBSERVER_RING,
  OBSERVER_TAIL,
  Observer,
  SEEN_HEADER,
  Seen,
} from "./observer.ts";

const SIZE = 4096;
const frame = (destination: string, source: string): Uint8Array =>
  Uint8Array.from(Buffer.from(`${destination}${source}88b5${"00".repeat(46)}`, "hex"));
const A = "020000000001";
const B = "020000000002";

interface Shown {
  readonly kind: number;
  readonly className: string;
  readonly reason: string;
  readonly number: number;
  readonly length: number;
  readonly bytes: string;
}

/** A core with an observer whose ring lies in memory of its own. */
function rig(options: Partial<{ frames: boolean; messages: boolean; snap: number }> = {}): {
  readonly cluster: Cluster;
  readonly shown: () => Shown[];
  readonly lost: () => number;
  readonly end: () => void;
} {
  const config = plainConfig({ cores: 1, members: [access(1), access(1), access(2)] });
  const cluster = new Cluster(config, { seed: 1, spareBytes: OBSERVER_RING + SIZE });
  const core = cluster.cores[0];
  assert.ok(core !== undefined);
  const at = cluster.spare;
  const all = { frames: true, messages: true, snap: 100, ...options };
  core.observe(new Observer(core, { at, size: SIZE, ...all }));
  const { view } = core;
  const i32 = new Int32Array(view.buffer);
  const shown = (): Shown[] => {
    const rows: Shown[] = [];
    const tail = i32[(at + OBSERVER_TAIL) >> 2] as number;
    let head = i32[(at + OBSERVER_HEAD) >> 2] as number;
    while (head !== tail) {
      const to = at + OBSERVER_RING + ((head >>> 0) & (SIZE - 1));
      head = (head + view.getUint32(to)) | 0;
      const kind = view.getUint8(to + 4);
      if (kind === Seen.Pad) continue;
      const kept = view.getUint32(to + 24);
      const from = to + SEEN_HEADER;
      rows.push({
        kind,
        className: CLASS_NAMES[view.getUint8(to + 5)] ?? "",
        reason: DROP_NAMES[view.getUint16(to + 6) - 1] ?? "",
        number: view.getUint32(to + 16),
        length: view.getUint32(to + 20),
        bytes: Buffer.from(core.bytes.slice(from, from + kept)).toString("hex"),
      });
    }
    i32[(at + OBSERVER_HEAD) >> 2] = head;
    return rows;
  };
  const lost = (): number => i32[(at + OBSERVER_LOST) >> 2] as number;
  return { cluster, shown, lost, end: () => core.observe(null) };
}

test("OPS-4 each frame is shown as it came, with its class, and as it left", () => {
  const { cluster, shown } = rig();
  cluster.inject(0, frame(B, A));
  cluster.settle();
  const [first, ...left] = shown();

  assert.deepEqual(first, {
    kind: Seen.Received,
    className: "unknown",
    reason: "",
    number: 0,
    length: 60,
    bytes: Buffer.from(frame(B, A)).toString("hex"),
  });
  assert.deepEqual(
    left.map(({ kind, number }) => [kind, number]),
    [[Seen.Sent, 1]],
  );
  cluster.inject(1, frame(A, B));
  cluster.settle();
  assert.deepEqual(
    shown().map(({ className, number }) => [className, number]),
    [
      ["channel", 1],
      ["sent", 0],
    ],
  );
});

test("OPS-4 a frame that is given up is shown with its reason", () => {
  const { cluster, shown } = rig();
  cluster.inject(0, frame(B, A));
  cluster.inject(0, frame(A, B));
  cluster.inject(0, frame(B, "030000000001"));
  cluster.inject(2, frame("0180c2000000", A));
  cluster.settle();

  assert.deepEqual(
    shown()
      .filter(({ kind }) => kind === Seen.Received)
      .map(({ className, reason }) => [className, reason])
      .slice(1, 3),
    [
      ["drop", "same-channel"],
      ["drop", "source-group"],
    ],
  );
});

test("OPS-4 what a reader does not fetch is lost and counted, and the core goes on", () => {
  const { cluster, shown, lost } = rig();
  for (let n = 0; n < 200; n++) {
    cluster.inject(0, frame(B, A));
    cluster.settle();
  }
  const first = shown();
  assert.ok(first.length > 20 && lost() > 0);
  assert.equal(first.length + lost(), 400);
  // Round and round the ring, whatever lengths the records have.
  for (let n = 0; n < 300; n++) {
    cluster.inject(0, Uint8Array.from([...frame(B, A), ...new Uint8Array(n % 37)]));
    cluster.settle();
    const rows = shown();
    assert.deepEqual(
      rows.map(({ length }) => length),
      [60 + (n % 37), 60 + (n % 37)],
    );
  }
});

test("OPS-4 only what was asked for is shown, and nothing when nobody looks any more", () => {
  const { cluster, shown, end } = rig({ frames: false });
  cluster.inject(0, frame(B, A));
  cluster.settle();
  assert.deepEqual(shown(), []);
  const short = rig({ snap: 20 });
  short.cluster.inject(0, frame(B, A));
  short.cluster.settle();
  assert.deepEqual(
    short.shown().map(({ bytes, length }) => [bytes.length / 2, length]),
    [
      [20, 60],
      [20, 60],
    ],
  );
  short.end();
  end();
  short.cluster.inject(0, frame(B, A));
  short.cluster.settle();
  assert.deepEqual(short.shown(), []);
});
