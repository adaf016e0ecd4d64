import assert from "node:assert/strict";
import { test } from "node:test";
import { BROADCAST } from "../lib/units.ts";
import { ArpRig, INTERFACES, ip, mac, OWN_IP, OWN_MAC } from "../sim/arp-rig.ts";
import { Operation } from "../wire/arp.ts";

const HOST = ip("192.0.2.10");
const HOST_MAC = mac("02:00:00:00:00:0a");
const RIVAL_MAC = mac("02:00:00:00:00:0b");
const NOBODY = ip("192.0.2.99");

const names = (rig: ArpRig, core = 0): string[] =>
  rig.recorder(core).events.map(({ name }) => name);

// --- requests and replies ----------------------------------------------------------------------

test("ARP-2 a request carries the own address on the target's subnet and a zero target MAC", () => {
  const lan = INTERFACES[0]!;
  const more = {
    ...lan,
    addresses: [{ address: ip("203.0.113.1"), prefix: 24 }, ...lan.addresses],
  };
  const rig = new ArpRig(1, {}, { interfaces: [more] });

  rig.resolve(0, HOST);
  rig.resolve(0, ip("203.0.113.9"));
  rig.resolve(0, ip("10.0.0.1"));

  const sources = rig.wire.map(({ spa }) => spa);
  assert.deepEqual(sources, [OWN_IP, ip("203.0.113.1"), ip("203.0.113.1")]);
  assert.deepEqual(rig.wire[0], {
    core: 0,
    iface: 0,
    to: BROADCAST,
    op: 1,
    sha: OWN_MAC,
    spa: OWN_IP,
    tha: 0,
    tpa: HOST,
  });
});

test("ARP-2 a core that is not the master neither answers nor learns from the wire", () => {
  const rig = new ArpRig(2);

  const consumed = rig.receive(1, HOST_MAC, HOST, OWN_IP, { core: 1 });

  assert.equal(consumed, false);
  assert.deepEqual(rig.wire, []);
  assert.deepEqual(rig.settle(), []);
});

test("ARP-5 a request for an interface's address is answered by unicast and teaches its sender", () => {
  const rig = new ArpRig(2);

  assert.equal(rig.receive(1, HOST_MAC, HOST, OWN_IP), true);

  assert.deepEqual(rig.wire, [
    { core: 0, iface: 0, to: HOST_MAC, op: 2, sha: OWN_MAC, spa: OWN_IP, tha: HOST_MAC, tpa: HOST },
  ]);
  rig.settle();
  assert.equal(rig.resolve(1, HOST), HOST_MAC);
  assert.deepEqual(names(rig), ["arp-added"]);
});

test("ARP-5 what asks for nobody here is bridged onward, and an answer to the interface is not", () => {
  const rig = new ArpRig(1);

  assert.equal(rig.receive(1, HOST_MAC, HOST, NOBODY), false);
  assert.equal(rig.receive(2, HOST_MAC, HOST, NOBODY, { tha: RIVAL_MAC, to: RIVAL_MAC }), false);
  assert.equal(rig.receive(2, HOST_MAC, HOST, NOBODY, { to: OWN_MAC }), true);
  assert.equal(rig.reply(HOST, HOST_MAC), true);
  assert.deepEqual(rig.wire, []);
});

test("ARP-5 an address of one interface is not answered for on another", () => {
  const rig = new ArpRig(1);

  assert.equal(rig.receive(1, HOST_MAC, HOST, ip("198.51.100.1")), false);
  assert.deepEqual(rig.wire, []);
});

test("RFC 5227 2.1.1 a probe is answered and never learned", () => {
  const rig = new ArpRig(2);

  assert.equal(rig.receive(1, HOST_MAC, 0, OWN_IP), true);
  assert.equal(rig.receive(1, HOST_MAC, 0, NOBODY), false);

  assert.equal(rig.wire.length, 1);
  assert.equal(rig.wire[0]?.tpa, 0);
  assert.deepEqual(rig.settle(), []);
  assert.equal(rig.arp(0).summary().entries, 0);
});

test("ARP-1 senders that no station can be are counted and teach nothing", () => {
  const rig = new ArpRig(1);
  const bad: [number, number][] = [
    [0, HOST],
    [BROADCAST, HOST],
    [mac("01:00:5e:00:00:01"), HOST],
    [HOST_MAC, ip("127.0.0.1")],
    [HOST_MAC, ip("224.0.0.1")],
    [HOST_MAC, ip("255.255.255.255")],
    [HOST_MAC, ip("0.0.0.1")],
    [HOST_MAC, ip("240.0.0.1")],
  ];

  for (const [sha, spa] of bad) rig.receive(1, sha, spa, OWN_IP);

  assert.deepEqual(
    rig.recorder(0).drops,
    bad.map(() => "arp-source"),
  );
  assert.deepEqual(rig.wire, []);
  assert.equal(rig.arp(0).summary().entries, 0);
});

test("ARP-5 a sender outside the interface's subnets is answered but not learned, nor is its broadcast address", () => {
  const rig = new ArpRig(1);

  rig.receive(1, HOST_MAC, ip("10.9.9.9"), OWN_IP);
  rig.receive(1, HOST_MAC, ip("192.0.2.255"), OWN_IP);
  rig.receive(1, HOST_MAC, ip("192.0.2.0"), OWN_IP);

  assert.equal(rig.wire.length, 3);
  assert.equal(rig.arp(0).summary().entries, 0);
});

test("a sender whose Ethernet source is another is taken unless the configuration forbids it", () => {
  for (const verifySource of [false, true]) {
    const rig = new ArpRig(1, { verifySource });
    rig.receive(1, HOST_MAC, HOST, OWN_IP, { from: RIVAL_MAC });
    assert.equal(rig.arp(0).summary().entries, verifySource ? 0 : 1);
    assert.deepEqual(rig.recorder(0).drops, verifySource ? ["arp-source"] : []);
  }
});

test("an own frame that comes back is swallowed and teaches nothing", () => {
  const rig = new ArpRig(1);

  assert.equal(rig.receive(1, OWN_MAC, OWN_IP, HOST), true);

  assert.deepEqual(names(rig), []);
  assert.equal(rig.arp(0).summary().entries, 0);
});

test("ARP-1 other hardware and protocol types are parsed, counted and bridged onward; truncated ones are dropped", () => {
  const rig = new ArpRig(1);
  const { view } = rig.recorder(0);
  const send = (edit: (at: number) => void, cut = 0): boolean => {
    const { start, end } = rig
      .recorder(0)
      .frame(
        `ffffffffffff 02000000000a 0806 0001080006040001 02000000000a c000020a 000000000000 c0000201`,
      );
    edit(start + 14);
    return rig.arp(0).receive(0, 0, start, start + 14, end - cut, 0);
  };

  assert.equal(
    send((at) => view.setUint16(at, 32)),
    false,
  );
  assert.equal(
    send((at) => view.setUint16(at + 2, 0x86dd)),
    false,
  );
  assert.equal(
    send((at) => view.setUint8(at + 4, 4)),
    false,
  );
  assert.equal(
    send(() => {}, 1),
    true,
  );
  assert.equal(
    send((at) => view.setUint16(at, 6)),
    true,
  );
  assert.equal(
    send((at) => view.setUint16(at + 6, 77)),
    true,
  );

  const { drops } = rig.recorder(0);
  assert.deepEqual(drops, ["arp-format", "arp-format", "arp-format", "arp-short", "arp-operation"]);
});

// --- gratuitous forms --------------------------------------------------------------------------

// op, tha, to: the forms of protocol practice that announce HOST from a new MAC.
const FORMS: Record<string, [op: number, tha: number, to: number]> = {
  "RFC 5227 announcement": [1, 0, BROADCAST],
  "keepalived and FRR": [1, BROADCAST, BROADCAST],
  ucarp: [1, RIVAL_MAC, BROADCAST],
  "HSRP, a broadcast reply": [2, RIVAL_MAC, BROADCAST],
};
for (const [form, [op, tha, to]] of Object.entries(FORMS)) {
  test(`ARP-7 the gratuitous form of ${form} changes a known entry on all cores and is bridged onward`, () => {
    for (const policy of ["update", "learn", "ignore"] as const) {
      const rig = new ArpRig(2, { acceptGratuitous: policy });
      rig.receive(1, HOST_MAC, HOST, NOBODY);
      rig.settle();

      assert.equal(rig.receive(op, RIVAL_MAC, HOST, HOST, { tha, to }), false);
      rig.settle();

      assert.equal(rig.resolve(1, HOST), policy === "ignore" ? HOST_MAC : RIVAL_MAC);
      rig.receive(op, RIVAL_MAC, ip("192.0.2.20"), ip("192.0.2.20"), { tha, to });
      assert.equal(rig.arp(0).summary().entries, policy === "learn" ? 2 : 1);
    }
  });
}

test("ARP-4 a gratuitous message answers a pending request", () => {
  const rig = new ArpRig(2);
  rig.resolve(1, HOST);
  rig.settle();

  rig.receive(1, HOST_MAC, HOST, HOST);
  rig.settle();

  assert.deepEqual(
    rig.returned.map(({ core, mac: to }) => [core, to]),
    [[1, HOST_MAC]],
  );
});

// --- pending and failed ------------------------------------------------------------------------

test("ARP-4 requests leave 1 s apart, or doubling, and the address fails one interval after the last", () => {
  for (const [backOff, times, failed] of [
    ["none", [0, 1000, 2000], 3000],
    ["exponential", [0, 1000, 3000], 7000],
  ] as const) {
    const rig = new ArpRig(1, { backOff });
    const at: number[] = [];
    rig.resolve(0, HOST);
    for (let seen = 0; rig.returned.length === 0; ) {
      while (seen < rig.wire.length) {
        seen++;
        at.push(rig.now);
      }
      rig.run(rig.now + 1, 1);
    }
    assert.deepEqual(at, times);
    assert.equal(rig.now, failed);
  }
});

test("ARP-3 the oldest waiting frame goes when one address has too many, and is counted", () => {
  const rig = new ArpRig(1, { pendingFrames: 3 });

  for (let n = 1; n <= 5; n++) rig.resolve(0, HOST, `0${n}`);
  rig.reply(HOST, HOST_MAC);

  assert.deepEqual(
    rig.returned.map(({ hex }) => hex.slice(28)),
    ["03", "04", "05"],
  );
  assert.deepEqual(rig.recorder(0).drops, ["arp-queue-full", "arp-queue-full"]);
  assert.equal(rig.recorder(0).held, 0);
});

test("ARP-3 the bound on all waiting frames takes the oldest address's frame, and no buffer leaks", () => {
  const rig = new ArpRig(1, { waitingFrames: 4 });

  for (let n = 1; n <= 6; n++) rig.resolve(0, HOST + n, `0${n}`);
  assert.equal(rig.recorder(0).held, 4);
  for (let n = 1; n <= 6; n++) rig.reply(HOST + n, HOST_MAC + n);

  assert.equal(rig.returned.length, 4);
  assert.equal(rig.recorder(0).held, 0);
  assert.deepEqual(rig.recorder(0).drops, ["arp-queue-full", "arp-queue-full"]);
});

test("ARP-3 without buffers a miss still asks, and later frames flow", () => {
  const rig = new ArpRig(1);
  const { start, end } = rig.recorder(0).frame("ffffffffffff 0200000000aa 0800 00");
  rig.recorder(0).poolEmpty = true;
  assert.equal(rig.arp(0).resolve(0, HOST, start, end, 0), -1);
  rig.recorder(0).poolEmpty = false;

  assert.deepEqual(rig.wire, [], "the request found no buffer either");
  rig.run(1000);
  rig.reply(HOST, HOST_MAC);
  assert.equal(rig.resolve(0, HOST), HOST_MAC);
});

test("ARP-4 frames to an address that failed are dropped without a request, and answered at most once a second", () => {
  const rig = new ArpRig(2);
  rig.resolve(1, HOST);
  rig.run(3010);
  assert.equal(rig.returned.length, 1);
  const requests = rig.wire.length;

  for (let at = 3020; at < 6000; at += 10) {
    rig.run(at);
    assert.equal(rig.resolve(0, HOST), -1);
    assert.equal(rig.resolve(1, HOST), -1);
  }

  assert.equal(rig.wire.length, requests);
  const told = rig.returned.filter(({ core }) => core === 1).length - 1;
  assert.equal(told, 2);
  assert.ok(rig.recorder(1).drops.filter((name) => name === "arp-negative").length > 200);
  rig.run(6100);
  rig.resolve(1, HOST);
  rig.settle();
  assert.equal(rig.wire.length, requests + 1, "after the hold-down it is asked again");
});

test("ARP-4 an address that failed is known again on all cores as soon as it speaks", () => {
  const rig = new ArpRig(2);
  rig.resolve(1, HOST);
  rig.run(3500);

  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.settle();

  assert.equal(rig.resolve(0, HOST), HOST_MAC);
  assert.equal(rig.resolve(1, HOST), HOST_MAC);
});

test("RFC 1122 2.3.2.1 at most one request per second leaves for an address, also when it is cleared meanwhile", () => {
  const rig = new ArpRig(1);
  rig.resolve(0, HOST);
  rig.reply(HOST, HOST_MAC);
  assert.equal(rig.arp(0).clear({}, 0), 1);

  for (let at = 10; at < 990; at += 10) {
    rig.run(at);
    rig.resolve(0, HOST);
  }
  assert.equal(rig.wire.length, 1);
  rig.run(1010);
  assert.equal(rig.wire.length, 2);
});

test("a sweep over many addresses keeps the bounds, and an address that answers still resolves", () => {
  const rig = new ArpRig(2, { maxPending: 50, requestRate: 200 });
  const lan = ip("192.0.0.0");

  for (let n = 0; n < 5000; n++) {
    rig.resolve(n % 2, lan + 256 + n);
    if (n % 10 === 0) rig.run(rig.now + 1, 1);
    assert.ok(rig.recorder(0).held <= 50 && rig.recorder(1).held <= 50);
  }
  // 200 at once and 200 a second for half a second.
  assert.ok(rig.wire.length <= 310, `${rig.wire.length} requests`);
  rig.run(rig.now + 300);
  rig.resolve(1, HOST);
  rig.run(rig.now + 10);
  rig.reply(HOST, HOST_MAC);
  rig.settle();
  assert.equal(rig.resolve(1, HOST), HOST_MAC);
  rig.run(rig.now + 60_000, 100);
  assert.equal(rig.recorder(0).held + rig.recorder(1).held, 0);
});

test("a sweep through one interface costs another interface's pending address nothing", () => {
  const rig = new ArpRig(1, { maxPending: 20 });
  const quiet = ip("198.51.100.7");
  rig.resolve(0, quiet, "77", 1);

  for (let n = 0; n < 200; n++) rig.resolve(0, ip("192.0.0.1") + n);
  rig.receive(2, HOST_MAC, quiet, ip("198.51.100.1"), { iface: 1, channel: 1 });

  assert.deepEqual(
    rig.returned.map(({ hex }) => hex.slice(28)),
    ["77"],
  );
});

test("ARP of one channel past its rate is counted and not acted on, but bridged; another channel and answers are not held", () => {
  const rig = new ArpRig(1, { receiveRate: 10 });
  rig.resolve(0, HOST);
  const requests = rig.wire.length;

  for (let n = 0; n < 15; n++) {
    assert.equal(rig.receive(1, RIVAL_MAC, ip("192.0.2.66"), OWN_IP), true);
    assert.equal(rig.receive(1, RIVAL_MAC, ip("192.0.2.66"), NOBODY), false);
  }
  assert.equal(rig.wire.length, requests + 5);
  assert.deepEqual(new Set(rig.recorder(0).drops), new Set(["arp-rate"]));
  rig.receive(1, RIVAL_MAC, ip("192.0.2.67"), OWN_IP, { channel: 1 });
  assert.equal(rig.wire.length, requests + 6);
  rig.reply(HOST, HOST_MAC);
  assert.equal(rig.resolve(0, HOST), HOST_MAC);
});

test("an address that no station can have is refused without a request; an own address needs none", () => {
  const rig = new ArpRig(1);

  for (const bad of ["224.0.0.5", "255.255.255.255", "127.0.0.1", "0.0.0.0"]) {
    assert.equal(rig.resolve(0, ip(bad)), -1);
  }
  assert.equal(rig.resolve(0, OWN_IP), OWN_MAC);
  assert.deepEqual(rig.wire, []);
  assert.equal(rig.recorder(0).drops.length, 4);
  assert.equal(rig.recorder(0).held, 0);
});

// --- ageing ------------------------------------------------------------------------------------

test("ARP-6 a used entry is probed by unicast three times before it is flushed, and stays usable meanwhile", () => {
  const rig = new ArpRig(2, { timeout: 10_000 });
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.run(7000);
  assert.equal(rig.resolve(1, HOST), HOST_MAC);

  rig.run(12_900);
  assert.deepEqual(
    rig.wire.map(({ to, tpa, op }) => [to, tpa, op]),
    new Array(3).fill([HOST_MAC, HOST, 1]),
  );
  assert.equal(rig.resolve(0, HOST), HOST_MAC);
  assert.equal(rig.row(0, HOST)?.["state"], "probing");
  assert.equal(rig.row(1, HOST)?.["state"], "reachable");
  assert.deepEqual(rig.run(13_010), ["arp-delete"]);
  assert.equal(rig.row(1, HOST), undefined);
  assert.equal(rig.row(0, HOST), undefined);
});

test("ARP-6 a probe that is answered keeps the entry without any message", () => {
  const rig = new ArpRig(2, { timeout: 10_000 });
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.settle();

  for (let at = 1000; at < 100_000; at += 500) {
    rig.resolve(0, HOST);
    const before = rig.wire.length;
    assert.deepEqual(rig.run(at), []);
    if (rig.wire.length > before) rig.reply(HOST, HOST_MAC);
  }

  assert.ok(rig.wire.length >= 9 && rig.wire.length <= 10, `${rig.wire.length} probes`);
  assert.equal(rig.row(1, HOST)?.["mac"], HOST_MAC);
});

test("ARP-6 an entry that only another core uses is not taken for idle", () => {
  for (const ageing of ["timestamp", "second-chance"] as const) {
    const rig = new ArpRig(2, { timeout: 10_000, ageing });
    rig.receive(1, HOST_MAC, HOST, NOBODY);
    rig.settle();

    for (let at = 100; at < 60_000; at += 100) {
      assert.equal(rig.resolve(1, HOST), HOST_MAC, `${ageing} at ${at}`);
      const before = rig.wire.length;
      rig.run(at);
      if (rig.wire.length > before) rig.reply(HOST, HOST_MAC);
    }

    assert.ok(
      rig.wire.every(({ to }) => to === HOST_MAC),
      "only by unicast",
    );
    const used = rig.delivered.filter(({ name }) => name === "arp-used").length;
    assert.ok(used >= 10 && used <= 12, `${used} messages in 12 periods`);
  }
});

test("ARP-6 second chance: an idle entry loses its flag at one timer and goes at the next", () => {
  const rig = new ArpRig(2, { timeout: 10_000, ageing: "second-chance" });
  rig.receive(1, HOST_MAC, HOST, NOBODY);

  rig.run(19_990);
  assert.notEqual(rig.row(0, HOST), undefined);
  const seen = rig.run(20_010);

  assert.deepEqual(seen, ["arp-delete"]);
  assert.deepEqual(rig.wire, []);
});

test("ARP-6 second chance: an update sets the flag again", () => {
  const rig = new ArpRig(1, { timeout: 10_000, ageing: "second-chance" });
  rig.receive(1, HOST_MAC, HOST, NOBODY);

  for (let at = 9000; at < 100_000; at += 9000) {
    rig.run(at);
    rig.receive(1, HOST_MAC, HOST, NOBODY);
    assert.notEqual(rig.row(0, HOST), undefined, `at ${at}`);
  }
});

test("ARP-6 ageing many entries at once is spread over ticks and loses none", () => {
  const rig = new ArpRig(2, { timeout: 5000 });
  for (let n = 0; n < 2000; n++)
    rig.receive(1, HOST_MAC + 2 * n, ip("192.0.2.2") + (n % 250), NOBODY);
  rig.settle();
  rig.run(10_100);
  for (const core of [0, 1]) assert.equal(rig.arp(core).summary().entries, 0);
});

// --- bounds ------------------------------------------------------------------------------------

test("ARP-8 at the limit the least recently used dynamic entry goes everywhere, static and used ones stay", () => {
  const rig = new ArpRig(2, { maxEntries: 4 });
  const host = (n: number): number => HOST + n;
  rig.arp(0).addStatic(0, host(0), HOST_MAC, 0);
  for (let n = 1; n < 4; n++) rig.receive(1, HOST_MAC + n, host(n), NOBODY);
  rig.run(2000);
  rig.resolve(0, host(1));
  rig.resolve(0, host(3));

  rig.receive(1, HOST_MAC + 9, host(9), NOBODY);
  assert.deepEqual(rig.settle(), ["arp-delete", "arp-entry"]);

  for (const core of [0, 1]) {
    const left = rig
      .rows(core)
      .map(({ address }) => address)
      .toSorted();
    assert.deepEqual(left, [host(0), host(1), host(3), host(9)].toSorted());
  }
  const full = rig.recorder(0).events.filter(({ name }) => name === "arp-full");
  assert.deepEqual(
    full.map(({ b }) => b),
    [host(2)],
  );
  assert.equal(rig.arp(0).evictions, 1);
});

test("ARP-8 when all entries are static an answer is used for what waits, and remembered nowhere", () => {
  const rig = new ArpRig(2, { maxEntries: 2 });
  for (const n of [1, 2]) assert.equal(rig.arp(0).addStatic(0, HOST + n, HOST_MAC + n, 0), true);
  assert.equal(rig.arp(0).addStatic(0, HOST + 3, HOST_MAC, 0), false);
  rig.settle();

  for (const core of [0, 1]) rig.resolve(core, HOST + 9);
  rig.settle();
  rig.reply(HOST + 9, HOST_MAC + 9);
  rig.settle();

  assert.deepEqual(
    rig.returned.map(({ core, mac: to }) => [core, to]),
    [
      [0, HOST_MAC + 9],
      [1, HOST_MAC + 9],
    ],
  );
  for (const core of [0, 1]) assert.equal(rig.arp(core).summary().entries, 2);
  assert.ok(rig.recorder(0).drops.includes("arp-table-full"));
});

test("ARP-8 noise does not evict pending addresses with waiting frames", () => {
  const rig = new ArpRig(1, { maxEntries: 8 });
  rig.resolve(0, HOST);

  for (let n = 0; n < 200; n++) rig.receive(1, HOST_MAC + n, ip("192.0.2.20") + n, NOBODY);
  rig.reply(HOST, HOST_MAC);

  assert.equal(rig.returned[0]?.mac, HOST_MAC);
  assert.equal(rig.arp(0).summary().entries, 8);
});

// --- static entries, own addresses, proxies, other operations ----------------------------------

test("ARP-7 a static entry of the configuration is on every core from the start, needs no message and yields to no frame", () => {
  const rig = new ArpRig(4, {
    statics: [{ iface: 0, address: HOST, mac: HOST_MAC }],
    timeout: 1000,
  });

  for (let core = 0; core < 4; core++) assert.equal(rig.resolve(core, HOST), HOST_MAC);
  rig.receive(1, RIVAL_MAC, HOST, OWN_IP);
  rig.receive(1, RIVAL_MAC, HOST, HOST);
  assert.deepEqual(rig.run(10_000), []);

  assert.equal(rig.resolve(2, HOST), HOST_MAC);
  assert.deepEqual(rig.recorder(0).drops, ["arp-spoof", "arp-spoof"]);
  assert.deepEqual(rig.wire, []);
  assert.equal(rig.arp(0).clear({}, rig.now), 0, "clear leaves static entries");
});

test("ARP-7 a static entry that is added while its address is pending releases what waits on every core", () => {
  const rig = new ArpRig(3);
  for (let core = 0; core < 3; core++) rig.resolve(core, HOST);
  rig.settle();

  assert.equal(rig.arp(1).addStatic(0, HOST, HOST_MAC, 0), false, "only on the master");
  rig.arp(0).addStatic(0, HOST, HOST_MAC, 0);
  rig.settle();

  assert.deepEqual(
    rig.returned.map((one) => one.mac),
    [HOST_MAC, HOST_MAC, HOST_MAC],
  );
});

test("ARP-7 a static entry is refused for an own address, a group MAC and a missing interface", () => {
  const arp = new ArpRig(1).arp(0);

  assert.equal(arp.addStatic(0, OWN_IP, HOST_MAC, 0), false);
  assert.equal(arp.addStatic(0, HOST, BROADCAST, 0), false);
  assert.equal(arp.addStatic(7, HOST, HOST_MAC, 0), false);
  assert.equal(arp.addStatic(0, ip("224.0.0.1"), HOST_MAC, 0), false);
});

test("ARP-7 clear and remove take what their filter names and no more", () => {
  const rig = new ArpRig(2);
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.receive(1, HOST_MAC, ip("192.0.2.200"), NOBODY);
  rig.receive(1, HOST_MAC, ip("198.51.100.9"), ip("198.51.100.8"), { iface: 1, channel: 1 });
  rig.settle();

  assert.equal(rig.arp(1).clear({}, 0), 0, "only on the master");
  assert.equal(rig.arp(0).clear({ address: ip("192.0.2.0"), prefix: 25 }, 0), 1);
  assert.equal(rig.arp(0).clear({ iface: 1 }, 0), 1);
  assert.equal(rig.arp(0).remove(ip("192.0.2.200"), 1, 0), 0);
  assert.equal(rig.arp(0).remove(ip("192.0.2.200"), -1, 0), 1);
  assert.deepEqual(rig.settle(), ["arp-delete", "arp-delete", "arp-delete"]);
  assert.deepEqual(rig.rows(1), []);
});

test("RFC 5227 2.3 own addresses are announced twice, 2 s apart, by the master alone", () => {
  const rig = new ArpRig(3, { acd: "announce" });
  rig.now = 777;

  rig.run(2770, 1);
  assert.equal(rig.wire.length, 2, "one of each interface");
  rig.run(10_000);

  const lan = rig.wire.filter(({ iface }) => iface === 0);
  assert.deepEqual(
    lan,
    new Array(2).fill({
      core: 0,
      iface: 0,
      to: BROADCAST,
      op: 1,
      sha: OWN_MAC,
      spa: OWN_IP,
      tha: 0,
      tpa: OWN_IP,
    }),
  );
  assert.deepEqual(names(rig), ["address-in-use", "address-in-use"]);
  assert.deepEqual(names(rig, 1), []);
});

test("RFC 5227 2.1.1 with acd probe three probes come first, and the address is not answered for until announced", () => {
  const rig = new ArpRig(1, { acd: "probe" }, { interfaces: [INTERFACES[0]!] });

  rig.run(1001, 1);
  assert.equal(rig.receive(1, HOST_MAC, HOST, OWN_IP), true);
  assert.ok(rig.wire.every(({ spa, tpa, op }) => spa === 0 && tpa === OWN_IP && op === 1));
  rig.run(7001, 1);

  assert.deepEqual(
    rig.wire.map(({ spa }) => spa),
    [0, 0, 0, OWN_IP],
  );
  rig.receive(1, HOST_MAC, HOST, OWN_IP);
  assert.equal(rig.wire.at(-1)?.op, 2);
});

test("RFC 5227 2.1.1 a conflict while probing keeps the address silent, and it is tried again after a minute", () => {
  for (const [spa, tpa] of [
    [OWN_IP, NOBODY],
    [0, OWN_IP],
  ] as const) {
    const rig = new ArpRig(1, { acd: "probe" }, { interfaces: [INTERFACES[0]!] });
    rig.run(1500);

    rig.receive(1, RIVAL_MAC, spa, tpa);
    const probes = rig.wire.length;
    rig.run(60_000, 100);

    assert.deepEqual(names(rig), ["arp-conflict"]);
    assert.equal(rig.wire.length, probes);
    rig.receive(1, HOST_MAC, HOST, OWN_IP);
    assert.equal(rig.wire.length, probes, "not answered");
    rig.run(70_000, 100);
    assert.ok(rig.wire.length >= probes + 4);
  }
});

test("RFC 5227 2.4 c a rival of an address in use is never learned; it is defended and told at most once in 10 s", () => {
  const rig = new ArpRig(2);
  const rival = (): boolean => rig.receive(1, RIVAL_MAC, OWN_IP, OWN_IP);

  for (let at = 1000; at <= 30_500; at += 500) {
    rig.run(at);
    assert.equal(rival(), true);
  }

  const expected = { name: "arp-conflict", a: 0, b: OWN_IP, c: OWN_MAC, d: RIVAL_MAC };
  assert.deepEqual(rig.recorder(0).events, [expected, expected, expected]);
  assert.equal(rig.wire.length, 3);
  assert.ok(rig.wire.every(({ spa, tpa }) => spa === OWN_IP && tpa === OWN_IP));
  assert.equal(rig.arp(0).summary().entries, 0);
  assert.equal(rig.recorder(0).drops[0], "arp-spoof");
});

test("ARP-7 send arp announces what it names, on the master", () => {
  const rig = new ArpRig(2);

  assert.equal(rig.arp(1).announce(-1, -1, 0), 0);
  assert.equal(rig.arp(0).announce(-1, -1, 0), 2);
  assert.equal(rig.arp(0).announce(0, OWN_IP, 0), 1);
  assert.equal(rig.arp(0).announce(1, OWN_IP, 0), 0);
  assert.equal(rig.wire.length, 3);
});

test("ARP-7 proxy ARP answers where it is on, for what is routed elsewhere, and never probes or announcements", () => {
  const far = ip("203.0.113.5");
  const proxied = {
    isProxied: (iface: number, target: number): boolean => iface === 1 && target === far,
  };
  const rig = new ArpRig(1, {}, { proxied });
  const place = { iface: 1, channel: 1 };
  const asker = ip("198.51.100.9");

  assert.equal(rig.receive(1, HOST_MAC, asker, far, place), true);
  assert.deepEqual(
    rig.wire.map(({ sha, spa, to }) => [sha, spa, to]),
    [[mac("02:00:00:00:ff:02"), far, HOST_MAC]],
  );
  assert.equal(rig.receive(1, HOST_MAC, asker, ip("203.0.113.6"), place), false);
  assert.equal(rig.receive(1, HOST_MAC, 0, far, place), false);
  assert.equal(rig.receive(1, HOST_MAC, far, far, place), false);
  assert.equal(rig.receive(1, HOST_MAC, HOST, far), false, "the other interface has it off");
  assert.equal(rig.wire.length, 1);
});

test("ARP-7 RARP is answered from the static entries where configured, and never learned from", () => {
  const statics = [{ iface: 0, address: HOST, mac: HOST_MAC }];
  for (const rarp of [false, true]) {
    const rig = new ArpRig(1, { rarp, statics });

    const consumed = rig.receive(Operation.RarpRequest, HOST_MAC, 0, 0, { tha: HOST_MAC });
    assert.equal(rig.receive(Operation.RarpRequest, RIVAL_MAC, 0, 0, { tha: RIVAL_MAC }), false);

    assert.equal(consumed, rarp);
    const reply = {
      core: 0,
      iface: 0,
      to: HOST_MAC,
      op: 4,
      sha: OWN_MAC,
      spa: OWN_IP,
      tha: HOST_MAC,
      tpa: HOST,
    };
    assert.deepEqual(rig.wire, rarp ? [reply] : []);
    assert.equal(rig.arp(0).summary().entries, 1);
  }
});

test("ARP-7 InARP is answered where configured", () => {
  for (const inarp of [false, true]) {
    const rig = new ArpRig(1, { inarp });

    const consumed = rig.receive(Operation.InarpRequest, HOST_MAC, HOST, 0, { to: OWN_MAC });

    assert.equal(consumed, true, "it was sent to the interface");
    assert.deepEqual(
      rig.wire.map(({ op, spa, tpa }) => [op, spa, tpa]),
      inarp ? [[9, OWN_IP, HOST]] : [],
    );
    assert.deepEqual(rig.recorder(0).drops, inarp ? [] : ["arp-operation"]);
  }
});

// --- rows --------------------------------------------------------------------------------------

test("rows name core, place, origin, state, age and version of every address, own ones included", () => {
  const rig = new ArpRig(2);
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.arp(0).addStatic(1, ip("198.51.100.9"), RIVAL_MAC, 0);
  rig.settle();
  rig.now = 250;
  rig.resolve(1, NOBODY);

  const { rows, next } = rig.arp(1).rows(0, 100, 250);
  const rest = next < 0 ? [] : rig.arp(1).rows(next, 100, 250).rows;
  const rest2 =
    next < 0 ? [] : rig.arp(1).rows(rig.arp(1).rows(next, 100, 250).next, 100, 250).rows;

  assert.deepEqual(
    [...rows, ...rest, ...rest2],
    [
      {
        core: 1,
        address: HOST,
        mac: HOST_MAC,
        interface: 0,
        vlan: 10,
        channel: 0,
        origin: "dynamic",
        state: "reachable",
        "age-ms": 250,
        version: 1,
      },
      {
        core: 1,
        address: ip("198.51.100.9"),
        mac: RIVAL_MAC,
        interface: 1,
        vlan: 5,
        channel: 1,
        origin: "static",
        state: "reachable",
        "age-ms": 250,
        version: 2,
      },
      {
        core: 1,
        address: NOBODY,
        mac: null,
        interface: 0,
        vlan: 10,
        channel: -1,
        origin: "dynamic",
        state: "pending",
        "age-ms": 0,
        version: 0,
      },
      {
        core: 1,
        address: OWN_IP,
        mac: OWN_MAC,
        interface: 0,
        vlan: 10,
        channel: -1,
        origin: "local",
        state: "reachable",
        "age-ms": 250,
        version: 0,
      },
      {
        core: 1,
        address: ip("198.51.100.1"),
        mac: mac("02:00:00:00:ff:02"),
        interface: 1,
        vlan: 5,
        channel: 1,
        origin: "local",
        state: "reachable",
        "age-ms": 250,
        version: 0,
      },
    ],
  );
  assert.equal(rig.rows(1).length, 3, "in slices, too");
});

test("timers name what is due next, the soonest first", () => {
  const rig = new ArpRig(2, { acd: "announce", timeout: 10_000 });
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.run(500);
  rig.resolve(0, NOBODY);

  assert.deepEqual(
    rig
      .arp(0)
      .timers(600)
      .map((row) => Object.values(row)),
    [
      ["arp-pending", "192.0.2.99 vlan10", 900, 1000],
      ["arp-announce", "192.0.2.1 vlan10", 1410, 0],
      ["arp-announce", "198.51.100.1 wan", 1410, 0],
      ["arp-reachable", "192.0.2.10 vlan10", 9400, 10_000],
    ],
  );
  assert.equal(
    rig
      .arp(1)
      .timers(600)
      .filter(({ timer }) => timer === "arp-reachable").length,
    0,
  );
});
