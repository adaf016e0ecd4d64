// Real threads over memory ports: what only threads can show. Nothing here asserts how long something took.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { EventCode } from "../engine/event.ts";
import { HEADROOM } from "../engine/frame.ts";
import { MemoryPort } from "../ports/memory.ts";
import { Batch } from "../ports/port.ts";
import { access, plainConfig } from "../sim/configs.ts";
import { RunningAppliance } from "./appliance.ts";
import { block } from "./faults.ts";

interface Rig {
  readonly appliance: RunningAppliance;
  /** Sends a broadcast of station `number` to port 0 on a core. */
  readonly speak: (core: number, station: number) => void;
  /** Waits until `look` is true; fails after some seconds. */
  readonly until: (what: string, look: () => boolean) => Promise<void>;
  readonly counter: (core: number, counter: number) => number;
}

async function withAppliance(
  cores: number,
  idle: "sleep" | "poll",
  body: (rig: Rig) => Promise<void>,
): Promise<void> {
  const config = plainConfig({ cores, members: [access(10), access(10)] });
  const drivers = [{ driver: "memory" }, { driver: "memory" }] as const;
  const appliance = await RunningAppliance.start({
    config: { ...config, cores: { ...config.cores, idle } },
    drivers,
  });
  try {
    const at = appliance.reserve(4096) + HEADROOM;
    const ends = Array.from({ length: cores }, (_, core) => {
      const plan = appliance.openings[0]?.plan;
      assert.ok(plan?.driver === "memory");
      const wake = (): void => appliance.wake(core);
      return new MemoryPort(appliance.arena, plan, core, { side: "world", wake });
    });
    const batch = new Batch(1);
    const rig: Rig = {
      appliance,
      speak: (core, station) => {
        const { view } = appliance.arena;
        view.setUint16(at, 0xffff);
        view.setUint32(at + 2, 0xffffffff);
        view.setUint16(at + 6, 0x0200);
        view.setUint32(at + 8, station);
        view.setUint16(at + 12, 0x88b5);
        batch.start[0] = at;
        batch.end[0] = at + 60;
        batch.count = 1;
        assert.equal(ends[core]?.send(batch), 1);
      },
      until: async (what, look) => {
        for (let tries = 0; tries < 1000; tries++) {
          if (look()) return;
          await delay(5);
        }
        assert.fail(`waited in vain for ${what}`);
      },
      counter: (core, counter) => appliance.counters(core)[CORE_AT + counter] as number,
    };
    await body(rig);
  } finally {
    await appliance.stop();
  }
}

test("CORE-1 CORE-10 cores are threads with private tables; their counters are read without asking them", async () => {
  await withAppliance(2, "sleep", async ({ appliance, speak, until, counter }) => {
    speak(0, 1);
    speak(1, 1);
    await until("both cores to see a frame", () =>
      [0, 1].every((core) => counter(core, CoreCounter.FramesReceived) === 1),
    );

    await until("the station on both cores", () => {
      const sum = (what: number): number => counter(0, what) + counter(1, what);
      const sent = sum(CoreCounter.MessagesSent);
      return sent > 0 && sum(CoreCounter.MessagesReceived) === sent;
    });
    const rows = await Promise.all(
      [0, 1].map((core) =>
        appliance.command(core, { kind: "rows", table: "bridge", cursor: 0, limit: 10_000 }),
      ),
    );
    assert.deepEqual(
      rows.map(({ rows: [row] }) => row?.["core"]),
      [0, 1],
    );
    assert.deepEqual(
      appliance.cores().map(({ state }) => state),
      ["online", "online"],
    );
  });
});

test("CORE-11 a sleeping core is woken by a frame, and by a message of another core", async () => {
  await withAppliance(2, "sleep", async ({ speak, until, counter }) => {
    await until("both to sleep", () =>
      [0, 1].every((core) => counter(core, CoreCounter.Sleeps) > 2),
    );

    for (let station = 1; station <= 20; station++) {
      speak(station % 2, station);
      await delay(3);
    }

    await until(
      "all to be learned",
      () =>
        counter(0, CoreCounter.StationsLearned) + counter(1, CoreCounter.StationsLearned) === 20,
    );
    await until("all to be told", () => {
      const told = (core: number): number => counter(core, CoreCounter.MessagesReceived);
      return told(0) + told(1) >= 20;
    });
    assert.ok(counter(0, CoreCounter.Wakes) > 0 && counter(1, CoreCounter.Wakes) > 0);
  });
});

test("CORE-11 a core that polls never sleeps", async () => {
  await withAppliance(1, "poll", async ({ speak, until, counter }) => {
    speak(0, 1);
    await until("the frame", () => counter(0, CoreCounter.FramesReceived) === 1);
    await delay(50);

    assert.equal(counter(0, CoreCounter.Sleeps), 0);
  });
});

test("CORE-10 a pulled cable is noticed, told as an event, and its stations are gone", async () => {
  await withAppliance(2, "sleep", async ({ appliance, speak, until, counter }) => {
    speak(0, 7);
    await until(
      "the station",
      () => counter(0, CoreCounter.StationsLearned) + counter(1, CoreCounter.StationsLearned) === 1,
    );
    const plan = appliance.openings[0]?.plan;
    assert.ok(plan?.driver === "memory");

    new MemoryPort(appliance.arena, plan, 0, { side: "world" }).setUp(false);

    await until("the event", () =>
      appliance.events(0, 1000).some(({ code }) => code === EventCode["port-down"]),
    );
    for (const core of [0, 1]) {
      const { tables } = await appliance.command(core, { kind: "summary" });
      assert.equal(tables[0]?.entries, 0, `core ${core}`);
    }
  });
});

test("a configuration that cannot change while running is refused whole", async () => {
  await withAppliance(1, "sleep", async ({ appliance }) => {
    const config = plainConfig({ cores: 2, members: [access(10), access(10)] });
    const drivers = appliance.openings.map((opening) => opening?.driver ?? null);

    await assert.rejects(appliance.reconfigure({ config, drivers }), /cores\.count cannot change/);

    assert.equal(appliance.config.cores.count, 1);
  });
});

test("CORE-9 a core's last words are heard though its end is known at the same moment", async (t) => {
  const path = join(tmpdir(), `linkloom-faults-${process.pid}.sock`);
  process.env["LINKLOOM_FAULTS"] = path;
  const said: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  try {
    await withAppliance(2, "sleep", async ({ appliance, until }) => {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(path, () => socket.end("throw 1\n"));
        socket.on("error", reject).on("data", () => {
          block(200); // Long enough for the core to fail and for its thread to end.
          resolve();
        });
      });
      await until("its restart", () => appliance.cores()[1]?.restarts === 1);
    });
  } finally {
    t.mock.restoreAll();
    delete process.env["LINKLOOM_FAULTS"];
    rmSync(path, { force: true });
  }
  assert.match(said.join(""), /core 1 failed: a fault on purpose/);
});
