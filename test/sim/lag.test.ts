// Link aggregation on whole appliances of 1, 2, 4 and 8 cores, against a simulated partner: what an event costs in
// messages and LACPDUs, that frames spread and move, and that no order of arrival opens a member too early
// (LAG-1..6).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApplianceConfig } from "../../src/core/config.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { udp } from "./frames.ts";
import { Bench, CHANNEL, configOf, EDGE, FAR, HOST, MEMBERS } from "./lag-bench.ts";

const SIZES = [1, 2, 4, 8];
const flow = (n: number): Uint8Array => udp(FAR, HOST, "192.0.2.1", "192.0.2.2", 1000 + n, 80);

for (const cores of SIZES) {
  const each = cores - 1;

  test(`LAG-3 design 3: what a bundle costs on ${cores} cores`, () => {
    const bench = new Bench(configOf(cores));
    const up = bench.cost(() => bench.run(4000));
    for (const mux of bench.muxes) assert.deepEqual(mux, new Array(MEMBERS).fill("distributing"));
    // Per member: WAITING, ATTACHED, COLLECTING with its acknowledgement, DISTRIBUTING; the last member finds its
    // partner in sync when it attaches, and goes on to COLLECTING in the same step.
    const changes = 4 * MEMBERS - 1;
    const expected = cores === 1 ? {} : { "lag-mux": changes * each, "lag-ack": MEMBERS * each };
    assert.deepEqual(up, expected);

    const steady = bench.cost(() => bench.run(10_000));
    assert.deepEqual(steady, {}, "no message for LACPDUs: they reach the master by steering");

    const cut = bench.cost(() => {
      bench.partner.break(2, "cut");
      bench.run(200);
    });
    assert.deepEqual(cut, cores === 1 ? {} : { "lag-mux": each, "lag-ack": each });
  });

  test(`LAG-2 LACPDUs of ${cores} cores are one system's, from one core`, () => {
    const bench = new Bench(configOf(cores));
    bench.run(20_000);
    assert.equal(new Set(bench.pdus.map(({ core }) => core)).size, 1);
    const perPort = bench.pdus.filter(({ port }) => port === 0).length;
    assert.ok(perPort >= 20 && perPort <= 25, `${perPort} in twenty seconds`);
  });

  test(`LAG-4 ${cores} cores spread flows over all members alike, and a cut moves its flows at once`, () => {
    const bench = new Bench(configOf(cores));
    bench.run(4000);
    const play = (): number[] => {
      bench.byMember.fill(0);
      for (let n = 0; n < 256; n++) bench.cluster.inject(EDGE, flow(n), n % cores);
      bench.cluster.settle();
      return [...bench.byMember];
    };
    const all = play();
    assert.equal(
      all.reduce((sum, count) => sum + count),
      256,
    );
    for (const count of all) assert.ok(count > 30, `${all}`);
    bench.partner.break(1, "cut");
    bench.run(10);
    const left = play();
    assert.equal(left[1], 0);
    assert.equal(
      left.reduce((sum, count) => sum + count),
      256,
      "no flow is lost",
    );
    assert.equal(bench.partner.refused, 0, "the partner took every frame");
  });
}

test("LAG-3 a LACPDU on another core than the master's costs one message, the frame", () => {
  const bench = new Bench(configOf(4, {}, [-1, 2]));
  bench.run(4000);
  assert.equal(new Set(bench.pdus.map(({ core }) => core)).size, 1);
  assert.equal(bench.pdus[0]?.core, 2, "the link master may be any core");
  const pdu = bench.pdus.length;
  assert.ok(pdu > 0);
  let stolen: Uint8Array | null = null;
  const { inject } = bench.cluster;
  bench.cluster.inject = (port, frame, core) => {
    if (frame[12] === 0x88 && frame[13] === 0x09) stolen ??= frame.slice();
    return inject.call(bench.cluster, port, frame, core);
  };
  bench.run(1100);
  assert.ok(stolen !== null);
  const spent = bench.cost(() => {
    inject.call(bench.cluster, 0, stolen as unknown as Uint8Array, 0);
    bench.cluster.settle();
  });
  assert.deepEqual(spent, { frame: 1 });
});

test("LAG-3 frames on a member that does not collect are dropped and counted, on every core", () => {
  const bench = new Bench(configOf(4));
  bench.run(100);
  for (let core = 0; core < 4; core++) bench.cluster.inject(0, flow(1), core);
  bench.cluster.settle();
  assert.equal(bench.edge, 0);
  assert.ok((bench.cluster.drops()["lag-blocked"] ?? 0) >= 4);
});

test("LAG-2 under full load the longest gap between our LACPDUs stays below 1.2 s", (context) => {
  const bench = new Bench(configOf(4));
  bench.run(3000);
  bench.pdus.length = 0;
  let n = 0;
  bench.run(12_000, () => {
    for (let burst = 0; burst < 40; burst++) bench.cluster.inject(EDGE, flow(n++ % 4096));
  });
  const histogram: Record<string, number> = {};
  let longest = 0;
  for (let port = 0; port < MEMBERS; port++) {
    const times = bench.pdus.filter((pdu) => pdu.port === port).map(({ at }) => at);
    for (const [index, at] of times.entries()) {
      if (index === 0) continue;
      const gap = at - (times[index - 1] as number);
      longest = Math.max(longest, gap);
      const bin = `${Math.floor(gap / 100) * 100} ms`;
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
  }
  context.diagnostic(JSON.stringify(histogram));
  assert.ok(longest > 900 && longest < 1200, `${longest} ms`);
});

test("LAG-1 an aggregate serves the bridge like a port: stations are learned behind it, not behind its members", () => {
  const bench = new Bench(configOf(2));
  bench.run(4000);
  for (let n = 0; n < 64; n++) {
    bench.partner.send(
      ...((): [DataView, number, number] => {
        const frame = udp(HOST, FAR, "192.0.2.2", "192.0.2.1", 80, 1000 + n);
        return [new DataView(frame.buffer, frame.byteOffset), 0, frame.length];
      })(),
    );
  }
  bench.cluster.settle();
  for (const core of bench.cluster.cores) {
    const rows = core.dispatch.bridging.rows(0, 99, bench.cluster.now).rows;
    assert.deepEqual(
      rows.map((row) => row["channel"]),
      [CHANNEL],
    );
    assert.equal(rows[0]?.["moves"], 0);
  }
  assert.ok(bench.edge > 0);
});

test("LAG-5 a reload that removes the channel shuts its members first, and opens no second link of the bridge", () => {
  const bench = new Bench(configOf(2));
  bench.run(4000);
  const without: ApplianceConfig = {
    ...plainConfig({ cores: 2, members: [access(1), access(1), access(1), access(1), access(1)] }),
    lag: { channels: [] },
  };
  for (const core of bench.cluster.cores) core.configure(without, bench.cluster.now);
  const passes = (): number[] =>
    [0, 1, 2, 3].filter((port) =>
      bench.cluster.cores.every(({ dispatch }) => !dispatch.channels.isBlocked(port)),
    );
  assert.deepEqual(passes(), []);
  bench.run(3000);
  assert.deepEqual(passes(), []);
  bench.run(2000);
  assert.deepEqual(passes(), [0], "one link is no loop");
  bench.run(60_000);
  assert.deepEqual(passes(), [0]);
});

test("LAG-2 each way to break a member is seen, told by its reason, and over when it is mended", () => {
  const expected = {
    cut: "link-down",
    mute: "gone-silent",
    "other-key": "other-key",
    "other-switch": "other-system",
    loop: "looped",
    "out-of-sync": "partner-out-of-sync",
  } as const;
  for (const [fault, reason] of Object.entries(expected)) {
    const bench = new Bench(configOf(2));
    bench.run(4000);
    bench.partner.break(3, fault as keyof typeof expected);
    bench.run(9000);
    const row = bench.cluster.cores[0]?.dispatch.lag.rows(0, 9, bench.cluster.now).rows[3];
    assert.equal(row?.["reason"], reason, fault);
    for (const mux of bench.muxes) {
      assert.deepEqual(mux.slice(0, 3), new Array(3).fill("distributing"), fault);
      assert.notEqual(mux[3], "distributing", fault);
    }
    bench.partner.break(3, null);
    bench.run(9000);
    for (const mux of bench.muxes) assert.deepEqual(mux, new Array(4).fill("distributing"), fault);
  }
});

test("LAG-2 an appliance that stops tells its partner, which sends nothing more", () => {
  const bench = new Bench(configOf(2));
  bench.run(4000);
  assert.equal(bench.partner.distributing.length, MEMBERS);
  for (const core of bench.cluster.cores) core.leave();
  bench.cluster.round();
  assert.equal(bench.partner.distributing.length, 0);
});

test("LAG-2 a partner that restarts, again and again, is bundled anew each time", () => {
  const bench = new Bench(configOf(4));
  for (let n = 0; n < 5; n++) {
    bench.run(5000);
    for (const mux of bench.muxes) assert.deepEqual(mux, new Array(MEMBERS).fill("distributing"));
    bench.partner.restart();
    bench.run(100);
  }
  bench.run(5000);
  assert.equal(bench.partner.distributing.length, MEMBERS);
});
