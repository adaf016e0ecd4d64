// Further faults under traffic between kernel hosts: a core that throws or fills its heap, a control core that hangs,
// rings that fill, clocks that jump, interfaces that go and come back (CORE-3, CORE-9).

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Connection, Router } from "./faults-rig.ts";
import { until, withRig } from "./rig.ts";

test("CORE-9 a core that throws, or fills its heap, is started again; the last words of its error are kept; TCP lives", async (t) => {
  await withRig(async (rig) => {
    const router = await Router.start(rig, 2);
    const tcp = await Connection.open(rig, "a", "b", "10.0.1.1");
    for (const [core, what] of [
      [0, "throw"],
      [1, "throw"],
      [1, "heap"],
    ] as const) {
      await router.settled();
      const before = (await router.restarts())[core] ?? 0;
      const { pings } = await router.during(async () => {
        await router.fault(what, core);
        await until(
          "the restart",
          async () => ((await router.restarts())[core] ?? 0) > before,
          60_000,
        );
        await router.settled();
      });
      t.diagnostic(`core ${core} ${what}: ${JSON.stringify(pings)}`);
    }
    assert.match(router.appliance.output(), /core 0 failed: a fault on purpose/);
    const { lines, worst } = await tcp.close();
    t.diagnostic(`TCP: ${lines} lines, the longest wait ${worst} ms`);
    const events = await router.appliance.show("events");
    assert.ok(
      events.some(({ cause, evidence }) => cause === "core-state" && evidence === "failed"),
    );
    assert.equal(await router.appliance.stop(), 0, router.appliance.output());
    // Nothing was left open: the sockets of the dead went with the appliance.
    const open = await rig.in("sw", "cat", "/proc/net/packet");
    assert.equal(open.trim().split("\n").length, 1, open);
  });
});

test("CORE-9 the control core may hang for two seconds: nothing is lost, and no core is blamed", async (t) => {
  await withRig(async (rig) => {
    const router = await Router.start(rig, 2);
    const tcp = await Connection.open(rig, "a", "b", "10.0.1.1");
    let lost = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 3 && lost > 0; n++) {
      const { pings } = await router.during(async () => {
        await router.fault("block", -1, 2000);
        await delay(2300);
      });
      t.diagnostic(JSON.stringify(pings));
      lost = Math.max(...pings.map((one) => one.lost));
    }
    assert.equal(lost, 0);
    assert.deepEqual(await router.restarts(), [0, 0]);
    await tcp.close();
  });
});

test("CORE-9 a control core that is killed takes the process along at once, and a new one finds nothing in its way", async () => {
  await withRig(async (rig) => {
    const router = await Router.start(rig, 2);
    const { child } = router.appliance;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    await until("its sockets to be gone", async () => {
      const open = await rig.in("sw", "cat", "/proc/net/packet");
      return open.trim().split("\n").length === 1;
    });

    const again = await Router.restart(rig, router);
    await until("an answer", async () => (await rig.ping("a", "10.0.1.1", 1)) === 1, 30_000);
    assert.equal(await again.appliance.stop(), 0, again.appliance.output());
  });
});

test("CORE-3 CORE-9 rings fill while a core hangs, tables are sent whole, and are equal after", async (t) => {
  await withRig(async (rig) => {
    // Longer than the hang: the core is stalled, not dead.
    const router = await Router.start(rig, 2, ", failure-timeout: 20s", true);
    const storm = `
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
for n in range(12000):
    s.send(b"\\xff" * 6 + b"\\x02\\x00" + struct.pack(">I", n + 1) + b"\\x88\\xb5" + bytes(46))
`;
    const hung = (async () => {
      await router.fault("block", 1, 2500);
      await until("it to be shown as stalled or to be over", async () =>
        (await router.states()).includes("online"),
      );
    })();
    await rig.python("a", storm);
    await hung;
    const tables = await until(
      "equal tables",
      async () => {
        const rows = await router.appliance.show("coherence").catch(() => []);
        return rows.length > 0 && rows.every(({ equal }) => equal === true) ? rows : undefined;
      },
      60_000,
    );
    t.diagnostic(JSON.stringify(tables.filter(({ table }) => table === "bridge")));
    const bus = await router.appliance.show("bus");
    t.diagnostic(`high water ${Math.max(...bus.map((row) => Number(row["high-water"])))}`);
    assert.deepEqual(await router.restarts(), [0, 0]);
  });
});

test("CORE-9 the system's clock jumps to and fro: no core is blamed, no ping is lost, no entry ages", async (t) => {
  await withRig(async (rig) => {
    // Every thread's wall clock is an hour early or late, in turns of a fifth of a second.
    const jumps = join(rig.directory, "jumps.mjs");
    writeFileSync(
      jumps,
      `const real = Date.now.bind(Date); let began = performance.now();
Date.now = () => real() + (Math.floor((performance.now() - began) / 200) % 2 === 0 ? 3600000 : -3600000);\n`,
    );
    const environment = { NODE_OPTIONS: `--import ${jumps}` };
    const router = await Router.start(rig, 2, "", false, environment);
    let lost = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 3 && lost > 0; n++) {
      const { pings } = await router.during(() => delay(2000));
      t.diagnostic(JSON.stringify(pings));
      lost = Math.max(...pings.map((one) => one.lost));
    }
    assert.equal(lost, 0);
    assert.deepEqual(await router.restarts(), [0, 0]);
    const events = await router.appliance.show("events");
    assert.ok(!events.some(({ cause }) => cause === "arp-flushed"));
  });
});

test("CORE-9 an interface is deleted and made anew while a core dies: both come back, TCP lives", async (t) => {
  await withRig(async (rig) => {
    const router = await Router.start(rig, 2);
    const tcp = await Connection.open(rig, "a", "b", "10.0.1.1");
    await delay(300);
    await rig.in("sw", "ip", "link", "del", "p0");
    await router.fault("terminate", 1);
    await delay(500);
    await rig.cable("a", "eth0", "sw", "p0");
    await rig.address("a", "eth0", "10.0.0.1/24");
    await rig.in("a", "ip", "route", "replace", "default", "via", "10.0.0.254");
    await router.settled();
    await until(
      "the port to be back",
      async () => (await rig.ping("a", "10.0.1.1", 1)) === 1,
      60_000,
    );
    // Every core takes frames from it again: flows of both.
    for (let n = 0; n < 8; n++) await rig.address("b", "eth0", `10.0.1.${n + 10}/24`);
    for (let n = 0; n < 8; n++) {
      await until(
        `an answer of 10.0.1.${n + 10}`,
        async () => (await rig.ping("a", `10.0.1.${n + 10}`, 1)) === 1,
        30_000,
      );
    }
    const { lines, worst } = await tcp.close();
    t.diagnostic(`TCP: ${lines} lines, the longest wait ${worst} ms`);
  });
});

test("CORE-9 CORE-6 without eBPF, too, a dead core's frames go to others, and a removed core loses none", async (t) => {
  await withRig(async (rig) => {
    // What bpf(2) wants, and nothing else that a packet socket needs.
    const without = ["setpriv", "--bounding-set=-sys_admin,-bpf", "--inh-caps=-sys_admin,-bpf"];
    const router = await Router.start(rig, 2, "", false, {}, without);
    const tcp = await Connection.open(rig, "a", "b", "10.0.1.1");
    for (const core of [0, 1]) {
      let lost = Number.POSITIVE_INFINITY;
      for (let n = 0; n < 3 && lost > 350; n++) {
        await router.settled();
        const { lostMs, pings } = await router.during(async () => {
          await router.fault("block", core, 5000);
          await delay(1000);
        });
        lost = Math.min(lost, lostMs);
        t.diagnostic(`core ${core} hangs: ${JSON.stringify(pings)}`);
        await router.settled();
      }
      assert.ok(lost <= 350, `core ${core}: ${lost} ms`);
      lost = Number.POSITIVE_INFINITY;
      for (let n = 0; n < 3 && lost > 0; n++) {
        const { pings } = await router.during(async () => {
          await router.appliance.cli("set", "core", String(core), "offline");
          await delay(300);
          await router.appliance.cli("set", "core", String(core), "online");
          await router.settled();
        });
        t.diagnostic(`core ${core} out and in: ${JSON.stringify(pings)}`);
        lost = Math.max(...pings.map((one) => one.lost));
      }
      assert.equal(lost, 0, `core ${core}`);
    }
    await tcp.close();
  });
});
