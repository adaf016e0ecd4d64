import assert from "node:assert/strict";
import { test } from "node:test";
import { DROP_NAMES } from "../engine/drop.ts";
import { Prng } from "../lib/prng.ts";
import { LagRig, type LagSystem, RIG_SYSTEMS } from "../sim/lag-rig.ts";
import * as lacp from "../wire/lacp.ts";
import { MUX_NAMES, Mux } from "./mux.ts";
import { Receive } from "./receive.ts";

const muxes = (system: LagSystem): string[] =>
  Array.from({ length: system.ports }, (_, port) => MUX_NAMES[system.port(port).mux] ?? "?");
const all = (state: string, count = 2): string[] => new Array<string>(count).fill(state);
const drops = (system: LagSystem): string[] =>
  system.drops.map((reason) => DROP_NAMES[reason] ?? "?");
const digests = (system: LagSystem): number[] => system.lags.map((lag) => lag.summary().digest);
const isCoherent = (system: LagSystem): boolean => new Set(digests(system)).size === 1;

test("LAG-2 two systems aggregate: both members distribute on all cores after the wait of two seconds", () => {
  for (const cores of [1, 2, 4, 8]) {
    const rig = new LagRig({ cores: [cores, 2] });
    rig.run(1900);
    assert.deepEqual(muxes(rig.first), all("waiting"));
    rig.run(300);
    assert.deepEqual(muxes(rig.first), all("distributing"));
    assert.deepEqual(muxes(rig.second), all("distributing"));
    for (const { distributing } of rig.first.cores) assert.deepEqual(distributing, [true, true]);
    rig.run(1000);
    assert.equal(rig.first.port(0).actor.state, 0x3f);
    assert.equal(rig.first.port(0).partner.state, 0x3f);
    assert.ok(isCoherent(rig.first) && isCoherent(rig.second));
  }
});

test("LAG-2 LACPDUs on the wire are those of one system, however many cores it has", () => {
  const counts = [1, 2, 4, 8].map((cores) => {
    const rig = new LagRig({ cores: [cores, 1] });
    rig.run(30_000);
    return [rig.first.pdus, rig.second.pdus];
  });
  for (const count of counts) assert.deepEqual(count, counts[0]);
  // One a second and port, and those of the negotiation: three a second at most.
  const [pdus = 0] = counts[0] ?? [];
  assert.ok(pdus >= 60 && pdus <= 70, `${pdus}`);
});

test("LAG-3 messages: none while nothing changes, N-1 for a change, and N-1 acknowledgements where frames begin or end", () => {
  for (const cores of [1, 2, 4, 8]) {
    const rig = new LagRig({ cores: [cores, 1] });
    rig.run(5000);
    assert.deepEqual(rig.run(60_000), [], "steady");

    rig.cable(1, false);
    const down = rig.settle().sort();
    const each = cores - 1;
    assert.deepEqual(down, [...all("lag-ack", each), ...all("lag-mux", each)]);

    rig.cable(1, true);
    const up = rig.run(4000).reduce<Record<string, number>>((sum, name) => {
      sum[name] = (sum[name] ?? 0) + 1;
      return sum;
    }, {});
    // SELECTED and WAITING at once, ATTACHED, COLLECTING (acknowledged), DISTRIBUTING: four changes.
    assert.deepEqual(up, cores === 1 ? {} : { "lag-mux": 4 * each, "lag-ack": each });
    assert.deepEqual(muxes(rig.first), all("distributing"));
  }
});

test("LAG-2 a one-way blackhole of LACPDUs is found in the short timeout, and the member comes back", () => {
  const rig = new LagRig({ cores: [2, 2] });
  rig.run(5000);
  const cut = rig.now;
  rig.second.muted.add(0);
  let gone = 0;
  for (let step = 0; step < 800; step++) {
    rig.now += 10;
    rig.tick();
    rig.settle();
    if (gone === 0 && rig.first.port(0).mux < Mux.Collecting) gone = rig.now - cut;
  }
  assert.ok(gone > 1900 && gone <= 3010, `gone after ${gone} ms`);
  assert.deepEqual(muxes(rig.first)[1], "distributing");
  assert.notEqual(muxes(rig.second)[0], "distributing", "the partner hears of it");
  rig.second.muted.clear();
  rig.run(5000);
  assert.deepEqual(muxes(rig.first), all("distributing"));
  assert.deepEqual(muxes(rig.second), all("distributing"));
});

test("LAG-2 two passive systems stay silent; one active is enough", () => {
  const silent = new LagRig({ one: { activity: "passive" }, other: { activity: "passive" } });
  silent.run(20_000);
  assert.deepEqual([silent.first.pdus, silent.second.pdus], [0, 0]);
  const spoken = new LagRig({ one: { activity: "passive" } });
  spoken.run(5000);
  assert.deepEqual(muxes(spoken.first), all("distributing"));
});

test("LAG-2 slow: the partner's wish decides how often we send, our own how long we wait", () => {
  const rig = new LagRig({ other: { rate: "slow" } });
  rig.run(10_000);
  const before = [rig.first.pdus, rig.second.pdus];
  rig.run(60_000);
  assert.equal(rig.first.pdus - (before[0] ?? 0), 4, "two ports, one PDU in 30 s");
  assert.equal(rig.second.pdus - (before[1] ?? 0), 120, "two ports, one a second");
});

test("LAG-5 max-links: the rest stand by, by priority, and one takes the place of a failed member at once", () => {
  const members = [10, 5, 20].map((priority, port) => ({
    port,
    number: port + 1,
    priority,
    mac: RIG_SYSTEMS[0] + port,
  }));
  const rig = new LagRig({ ports: 3, cores: [2, 1], one: { members, maxLinks: 2 } });
  rig.run(5000);
  assert.deepEqual(muxes(rig.first), ["distributing", "distributing", "waiting"]);
  assert.equal(
    rig.second.cores[0]?.distributing[2],
    false,
    "the partner sees that it is not in sync",
  );

  rig.cable(1, false);
  rig.settle();
  rig.run(50);

  assert.deepEqual(muxes(rig.first), ["distributing", "detached", "distributing"]);
  rig.cable(1, true);
  rig.run(5000);
  assert.deepEqual(
    muxes(rig.first),
    ["distributing", "distributing", "waiting"],
    "the better one returns",
  );
});

test("LAG-5 min-links: below it no member carries frames, and the partner hears it", () => {
  const rig = new LagRig({ ports: 3, cores: [2, 2], one: { minLinks: 3 } });
  rig.run(5000);
  assert.deepEqual(muxes(rig.first), all("distributing", 3));
  rig.cable(2, false);
  rig.settle();
  rig.run(500);
  assert.deepEqual(muxes(rig.first), ["attached", "attached", "detached"]);
  assert.deepEqual(muxes(rig.second).slice(0, 2), ["collecting", "collecting"]);
  rig.cable(2, true);
  rig.run(4000);
  assert.deepEqual(muxes(rig.first), all("distributing", 3));
});

test("LAG-5 a partner with another key on one port: only the LAG in service is served", () => {
  const rig = new LagRig({ ports: 2 });
  rig.run(4000);
  const state = rig.second.port(1);
  state.actor.key = 77;
  rig.run(4000);
  assert.deepEqual(muxes(rig.first), ["distributing", "detached"]);
  const reasons = rig.first.lags[0]?.rows(0, 9, rig.now).rows.map((row) => row["reason"]);
  assert.deepEqual(reasons, ["bundled", "other-key"]);
});

test("LAG-6 fallback: nothing, all members, or one, until a partner speaks", () => {
  const open = (fallback: "none" | "static" | "individual"): string[] => {
    const rig = new LagRig({ one: { fallback }, other: { activity: "passive" } });
    for (let step = 0; step < 800; step++) {
      rig.now += 10;
      rig.tick();
      for (const side of [0, 1]) for (const queue of rig.wire[side] ?? []) queue.length = 0;
      for (const system of rig.systems) for (const pair of system.bus.keys()) system.deliver(pair);
    }
    const states = muxes(rig.first);
    rig.run(6000);
    assert.deepEqual(muxes(rig.first), all("distributing"), "a partner speaks");
    assert.equal(rig.first.port(1).actor.state & lacp.State.Defaulted, 0);
    return states;
  };
  assert.deepEqual(open("none"), all("detached"));
  assert.deepEqual(open("static"), all("distributing"));
  assert.deepEqual(open("individual"), ["distributing", "detached"]);
});

test("LAG-5 static and active-backup need no partner: at once, and one member alone", () => {
  const fixed = new LagRig({ cores: [4, 1], one: { mode: "static" } });
  fixed.run(20);
  assert.deepEqual(muxes(fixed.first), all("distributing"));
  assert.equal(fixed.first.pdus, 0);
  const backup = new LagRig({ cores: [4, 1], one: { mode: "active-backup" } });
  backup.run(20);
  assert.deepEqual(muxes(backup.first), ["distributing", "waiting"]);
  backup.cable(0, false);
  backup.settle();
  assert.deepEqual(muxes(backup.first), ["detached", "distributing"]);
  backup.cable(0, true);
  backup.run(50);
  assert.deepEqual(muxes(backup.first), ["waiting", "distributing"], "no second move for a number");
});

test("LAG-5 up and down delays: a link that flaps faster than they are changes nothing", () => {
  const rig = new LagRig({ one: { mode: "static", upDelay: 500, downDelay: 200 } });
  rig.run(400);
  assert.deepEqual(muxes(rig.first), all("detached"));
  rig.run(200);
  assert.deepEqual(muxes(rig.first), all("distributing"));
  rig.first.link(0, false);
  rig.run(100);
  rig.first.link(0, true);
  rig.run(1000);
  assert.deepEqual(muxes(rig.first), all("distributing"));
  rig.first.link(0, false);
  rig.run(250);
  assert.deepEqual(muxes(rig.first), ["detached", "distributing"]);
});

test("LAG-2 own PDUs that come back are dropped, counted and explained", () => {
  const rig = new LagRig({ cores: [2, 1] });
  for (let step = 0; step < 500; step++) {
    rig.now += 10;
    rig.tick();
    // A plug that joins the two ports: what leaves one arrives at the other.
    for (const port of [0, 1]) {
      for (const { bytes } of rig.wire[0]?.[port]?.splice(0) ?? [])
        rig.first.receive(1, 1 - port, bytes);
    }
    for (const queue of rig.wire[1] ?? []) queue.length = 0;
    for (const pair of rig.first.bus.keys()) rig.first.deliver(pair);
  }
  assert.deepEqual(muxes(rig.first), all("detached"));
  assert.ok(drops(rig.first).filter((name) => name === "lacp-own").length >= 8);
  assert.ok(rig.first.port(0).counts.ownReceived >= 4);
  const reasons = rig.first.lags[0]?.rows(0, 9, rig.now).rows.map((row) => row["reason"]);
  assert.deepEqual(reasons, ["looped", "looped"]);
});

/** A LACPDU of a partner with some bytes changed. */
function pdu(change: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(lacp.FRAME);
  const view = new DataView(bytes.buffer);
  const side = {
    systemPriority: 1,
    system: 0x02cc00000001,
    key: 5,
    portPriority: 1,
    port: 9,
    state: 0x07,
  };
  lacp.write(view, 0, 0x02cc00000009, side, { ...side, system: 0 });
  change(view);
  return bytes;
}

test("LAG-2 hostile frames: every length, every subtype, random bytes; counted, never thrown", () => {
  const rig = new LagRig({ cores: [2, 1] });
  rig.run(20);
  const random = new Prng(7);
  for (let length = 14; length < lacp.FRAME; length++) {
    rig.now += 100;
    rig.first.receive(0, 0, pdu().slice(0, length));
  }
  assert.ok(rig.first.drops.length >= lacp.FRAME - 14);
  assert.deepEqual(new Set(drops(rig.first)), new Set(["lacp-short"]));
  rig.first.drops.length = 0;
  for (let subtype = 0; subtype < 256; subtype++) {
    rig.now += 100;
    rig.first.receive(
      1,
      0,
      pdu((view) => view.setUint8(14, subtype)),
    );
  }
  const { counts } = rig.first.port(0);
  assert.equal(counts.unknownReceived, 8, "3 to 10");
  assert.ok(counts.illegalReceived >= 246);
  for (let n = 0; n < 20_000; n++) {
    rig.now += 60;
    const bytes = pdu((view) => {
      for (let change = random.below(6); change >= 0; change--) {
        view.setUint8(14 + random.below(110), random.below(256));
      }
    });
    rig.first.receive(0, random.below(2), bytes);
    rig.tick();
    for (const pair of rig.first.bus.keys()) rig.first.deliver(pair);
    for (const side of rig.wire) for (const queue of side) queue.length = 0;
    rig.check();
  }
});

test("LAG-2 a version above ours is taken as ours", () => {
  const rig = new LagRig();
  rig.run(20);
  rig.first.receive(
    0,
    0,
    pdu((view) => view.setUint8(15, 2)),
  );
  assert.equal(rig.first.port(0).receive, Receive.Current);
  assert.equal(rig.first.port(0).partner.system, 0x02cc00000001);
});

test("LAG-2 LACPDUs at 100,000 a second: twenty of a second are looked at, the answers stay at three", () => {
  const rig = new LagRig({ cores: [4, 1] });
  rig.run(20);
  const before = rig.first.pdus;
  let key = 0;
  for (let n = 0; n < 100_000; n++) {
    rig.now += 0.01;
    if (n % 100 === 0) rig.tick();
    rig.first.receive(
      n % 4,
      0,
      pdu((view) => view.setUint16(14 + lacp.ACTOR + 8, key++ & 0xff)),
    );
    for (const pair of rig.first.bus.keys()) rig.first.deliver(pair);
  }
  assert.ok(drops(rig.first).filter((name) => name === "lacp-rate").length > 99_900);
  const onPort = rig.wire[0]?.[0]?.length ?? 0;
  assert.ok(onPort <= 8, `${onPort} answers`);
  assert.ok(rig.first.pdus - before <= 12);
  assert.ok(rig.first.messages < 300, `${rig.first.messages} messages`);
});

test("LAG-2 a partner that restarts a thousand times is followed each time, and in the end it stands", () => {
  const rig = new LagRig({ cores: [2, 1] });
  const random = new Prng(3);
  for (let n = 0; n < 1000; n++) {
    rig.cable(random.below(2), false);
    rig.run(random.below(60) + 10);
    rig.cable(0, true);
    rig.cable(1, true);
    rig.run(random.below(300), 25);
  }
  rig.run(8000);
  assert.deepEqual(muxes(rig.first), all("distributing"));
  assert.deepEqual(muxes(rig.second), all("distributing"));
  assert.ok(isCoherent(rig.first));
});

test("LAG-2 a marker is answered on the port it came from, in any state of the Mux", () => {
  const rig = new LagRig();
  rig.run(20);
  const bytes = new Uint8Array(lacp.FRAME);
  lacp.writeMarker(new DataView(bytes.buffer), 0, 0x02cc00000009, 9, 0x02cc00000001, 0x11223344);
  (rig.wire[0]?.[1] as unknown[]).length = 0;
  rig.first.receive(0, 1, bytes);
  const [answer] = rig.wire[0]?.[1] ?? [];
  assert.equal(answer?.bytes[16], 2, "a response");
  assert.deepEqual(answer?.bytes.slice(18), bytes.slice(18), "nothing else changed");
  assert.equal(rig.first.port(1).counts.markerResponsesSent, 1);
});

test("LAG-2 churn: a partner that never gets in sync is told after a minute", () => {
  const rig = new LagRig({ one: { fallback: "none" }, other: { minLinks: 1 } });
  rig.run(20);
  for (let n = 0; n < 64; n++) {
    rig.now += 1000;
    rig.first.receive(0, 0, pdu());
    rig.tick();
    for (const side of rig.wire) for (const queue of side) queue.length = 0;
  }
  assert.equal(rig.first.port(0).counts.partnerChurns, 1);
});

test("LAG-3 the master's role moves without a flap, and what the old one still says is not heard", () => {
  const rig = new LagRig({ cores: [4, 2] });
  rig.run(5000);
  for (const master of [1, 3, 0, 2]) {
    rig.first.master = master;
    rig.tick();
    rig.settle();
    for (let step = 0; step < 400; step++) {
      rig.run(10);
      assert.deepEqual(muxes(rig.first), all("distributing"), `master ${master}`);
      for (const { distributing } of rig.first.cores) assert.deepEqual(distributing, [true, true]);
      for (const { distributing } of rig.second.cores) assert.deepEqual(distributing, [true, true]);
    }
    assert.ok(isCoherent(rig.first));
  }
});

test("LAG-3 a core that loses every message for a while is told again, and catches up", () => {
  const rig = new LagRig({ cores: [4, 1] });
  rig.run(1000);
  rig.first.deaf.add(2);
  rig.run(3000);
  assert.deepEqual(
    muxes(rig.first),
    all("collecting"),
    "not told as collecting: a core is missing",
  );
  assert.equal(rig.first.port(0).actor.state & lacp.State.Collecting, 0);
  assert.equal(rig.second.cores[0]?.distributing[0], false);
  rig.first.deaf.clear();
  rig.run(2000);
  assert.deepEqual(muxes(rig.first), all("distributing"));
  assert.ok(isCoherent(rig.first));
});

test("LAG-6 random orders, delays, losses, cuts and moves of the role: every promise holds, and peace follows", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Prng(seed);
    const cores: [number, number] = [1 + random.below(4), 1 + random.below(4)];
    const ports = 2 + random.below(3);
    const coupled = random.chance(0.2);
    const rig = new LagRig({ cores, ports, ...(coupled ? { one: { mux: "coupled" } } : {}) });
    for (let step = 0; step < 3000; step++) {
      const dice = random.below(100);
      const side = random.below(2);
      const system = rig.systems[side] as LagSystem;
      if (dice < 55) system.deliver(random.below(system.bus.length));
      else if (dice < 85) rig.fly(side, random.below(ports));
      else if (dice < 97) {
        rig.now += random.below(200);
        rig.tick();
      } else if (dice === 97) rig.cable(random.below(ports), random.chance(0.5));
      else if (dice === 98) rig.wire[side]?.[random.below(ports)]?.shift();
      else system.link(random.below(ports), random.chance(0.7));
      rig.check();
    }
    for (let port = 0; port < ports; port++) {
      rig.cable(port, false);
      rig.cable(port, true);
    }
    rig.run(12_000, 50);
    for (const system of rig.systems) {
      assert.deepEqual(muxes(system), all("distributing", ports), `seed ${seed}`);
      assert.ok(isCoherent(system), `seed ${seed}`);
    }
  }
});
