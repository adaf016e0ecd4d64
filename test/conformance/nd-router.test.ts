// Neighbour discovery held to RFC 4861, RFC 4862 and their updates, clause by clause: one test per MUST and SHOULD that
// is seen on the wire, named by its section. Here: routers, hosts, listeners, bounds.

import assert from "node:assert/strict";
import type { Interface6Config } from "../../src/engine/ipv6.ts";
import {
  ALL_NODES,
  ANY,
  HOST6,
  iface6,
  ip6,
  type NdRig,
  OWN,
  OWN_LOCAL,
  OWN_MAC,
  ROUTER6,
  station,
  stationMac,
  type Words,
} from "../../src/sim/nd-rig.ts";
import { Type } from "../../src/wire/icmpv6.ts";
import * as mld from "../../src/wire/mld.ts";
import * as wire from "../../src/wire/nd.ts";
import { formatIpv6 } from "../../src/wire/text.ts";
import {
  bring,
  clause,
  isRouter,
  MAC,
  NA,
  NS,
  ROUTER,
  ROUTER_MAC,
  stateOf,
  typed,
  X,
} from "./nd-setting.ts";

// --- RFC 4861 6.2: routers ----------------------------------------------------------------------------------------------------

const ADVERTISING: Interface6Config = {
  ...ROUTER6,
  advertise: {
    maxInterval: 600_000,
    minInterval: 198_000,
    managed: false,
    other: true,
    mtu: 1500,
    reachableTime: 0,
    retransTimer: 0,
    hopLimit: 64,
    lifetimeSeconds: 1800,
    preference: "medium",
    prefixes: [
      {
        prefix: ip6("2001:db8::"),
        length: 64,
        onLink: true,
        autonomous: true,
        validSeconds: 2_592_000,
        preferredSeconds: 604_800,
      },
    ],
    dns: [],
    dnsSeconds: 0,
  },
};
const RA = Type.RouterAdvertisement;
const solicitRouter = (rig: NdRig, core: number, source: Words, link: number): void => {
  rig.receive(core, (view, start) =>
    wire.writeRouterSolicitation(view, start, wire.groupMac(2), MAC, source, ip6("ff02::2"), link),
  );
  rig.settle();
};

clause(
  "4861 6.2.1",
  "an interface that is not told to never advertises nor answers",
  ({ rig: make }) => {
    const rig = make();
    solicitRouter(rig, 0, X, MAC);
    rig.run(20_000, 100);
    assert.deepEqual(typed(rig, RA), []);
  },
);

clause(
  "4861 6.2.3",
  "an advertisement is from the link-local address to all nodes, with what is configured",
  ({ rig: make }) => {
    const rig = make({}, ADVERTISING);
    rig.run(1_000, 10);
    const [said] = typed(rig, RA);
    assert.equal(said?.from, formatIpv6(...OWN_LOCAL));
    assert.equal(said?.to, "ff02::1");
    const body = said?.hex.slice((14 + 40) * 2) ?? "";
    assert.equal(body.slice(8, 16), "40400708", "hop limit 64, O, 1800 s");
    assert.ok(body.includes("030440c000278d0000093a8000000000" + "20010db8".padEnd(32, "0")));
    assert.ok(body.includes("05010000000005dc"));
    assert.ok(body.includes(`0101${OWN_MAC.toString(16).padStart(12, "0")}`));
  },
);

clause(
  "4861 6.2.4",
  "intervals are random between both bounds, the first three at most 16 s",
  ({ rig: make }) => {
    const rig = make({}, ADVERTISING);
    rig.run(2_000_000, 100);
    const times = typed(rig, RA).map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
    assert.ok(
      gaps.slice(0, 2).every((gap) => gap <= 16_100),
      `${gaps}`,
    );
    assert.ok(
      gaps.slice(2).every((gap) => gap >= 198_000 && gap <= 600_100),
      `${gaps}`,
    );
    assert.ok(new Set(gaps.slice(2)).size > 1);
  },
);

clause(
  "4861 6.2.6",
  "a solicitation is answered within half a second, but three seconds after the last",
  ({ rig: make, cores }) => {
    const rig = make({}, ADVERTISING);
    rig.run(100_000, 100);
    rig.clear();
    const at = rig.now;
    solicitRouter(rig, cores - 1, X, MAC);
    rig.run(510, 10);
    assert.equal(typed(rig, RA).length, 1);
    for (let n = 0; n < 10; n++) {
      solicitRouter(rig, cores - 1, X, MAC);
      rig.run(200, 10);
    }
    assert.equal(typed(rig, RA).length, 1);
    rig.run(2_000, 10);
    const times = typed(rig, RA).map((said) => said.at - at);
    assert.equal(times.length, 2);
    assert.ok((times[1] as number) - (times[0] as number) >= 3000);
  },
);

clause(
  "4861 6.2.6",
  "a solicitation's link-layer address makes a stale entry that is no router",
  ({ rig: make, cores }) => {
    const rig = make({}, ADVERTISING);
    solicitRouter(rig, cores - 1, X, MAC);
    assert.equal(stateOf(rig), "stale");
    assert.equal(isRouter(rig), false);
  },
);

clause(
  "4861 6.2.5",
  "who ceases to be a router says so: up to three times, with a lifetime of zero",
  ({ rig: make }) => {
    const rig = make({}, ADVERTISING);
    rig.run(40_000, 100);
    rig.clear();
    const common = { ...rig.common, interfaces: [iface6(ROUTER6)] };
    for (const nd of rig.nds) nd.configure(rig.config, common, rig.now);
    rig.run(20_000, 10);
    const said = typed(rig, RA);
    assert.equal(said.length, 3);
    assert.ok(said.every(({ hex }) => hex.slice((14 + 40 + 6) * 2, (14 + 40 + 8) * 2) === "0000"));
  },
);

clause(
  "4861 8.2",
  "a redirect goes to the packet's source, with target, destination, its link layer and the packet",
  ({ rig: make }) => {
    const rig = make();
    bring(rig, "reachable");
    const owner = rig.ownerOf(X);
    const recorder = rig.recorder(owner);
    const { start, end } = recorder.frame(
      `${"00".repeat(6)}020000000077 86dd 6000000000103a40 ${"00".repeat(48)}`,
    );
    const from = station(3);
    wire.writeWords(recorder.view, start + 22, from);
    wire.writeWords(recorder.view, start + 38, X);
    rig.clear();
    for (let n = 0; n < 50; n++) rig.nd(owner).redirect(0, start, end, start + 38, rig.now);
    const said = typed(rig, Type.Redirect);
    assert.equal(said.length, 10, "and no more than ten a second");
    assert.equal(said[0]?.from, formatIpv6(...OWN_LOCAL));
    assert.equal(said[0]?.to, formatIpv6(...from));
    assert.equal(said[0]?.toMac, 0x020000000077);
    assert.equal(said[0]?.target, formatIpv6(...X));
    assert.ok(said[0]?.hex.includes(`0201${MAC.toString(16).padStart(12, "0")}04`));
  },
);

clause("4861 8.3", "a router ignores redirects and advertised routes", ({ rig: make }) => {
  const rig = make();
  redirect(rig, 0, ROUTER, X, X);
  advertiseRouter(rig, 0);
  rig.settle();
  assert.deepEqual(rig.told, [`up ${formatIpv6(...OWN_LOCAL)}/64`, `up ${formatIpv6(...OWN)}/64`]);
  assert.equal(rig.drops(0)["nd-role"], 1);
});

// --- RFC 4861 6.3, RFC 4862 5.5: hosts --------------------------------------------------------------------------------------

interface Offer {
  readonly lifetime?: number;
  readonly valid?: number;
  readonly preferred?: number;
  readonly onLink?: boolean;
  readonly autonomous?: boolean;
  readonly reachable?: number;
  readonly retrans?: number;
  readonly hops?: number;
  readonly mtu?: number;
  readonly preference?: "low" | "medium" | "high";
  readonly link?: number;
}

function advertiseRouter(rig: NdRig, core: number, offer: Offer = {}): void {
  rig.receive(core, (view, start) =>
    wire.writeRouterAdvertisement(
      view,
      start,
      wire.groupMac(1),
      ROUTER_MAC,
      ROUTER,
      ALL_NODES,
      offer.link ?? ROUTER_MAC,
      {
        hopLimit: offer.hops ?? 0,
        managed: false,
        other: false,
        preference: offer.preference ?? "medium",
        lifetimeSeconds: offer.lifetime ?? 1800,
        reachableTime: offer.reachable ?? 0,
        retransTimer: offer.retrans ?? 0,
        mtu: offer.mtu ?? 0,
        prefixes: [
          {
            prefix: ip6("2001:db8:9::"),
            length: 64,
            onLink: offer.onLink ?? true,
            autonomous: offer.autonomous ?? true,
            validSeconds: offer.valid ?? 3600,
            preferredSeconds: offer.preferred ?? 1800,
          },
        ],
        dns: [],
        dnsSeconds: 0,
      },
    ),
  );
  rig.settle();
}

function redirect(rig: NdRig, core: number, from: Words, target: Words, destination: Words): void {
  const recorder = rig.recorder(core);
  const packet = recorder.scratch(256);
  recorder.view.setUint32(packet, 0x60000000);
  wire.writeWords(recorder.view, packet + 24, destination);
  rig.receive(core, (view, start) =>
    wire.writeRedirect(
      view,
      recorder.bytes,
      start,
      OWN_MAC,
      ROUTER_MAC,
      from,
      OWN,
      target,
      MAC,
      packet,
      packet + 48,
    ),
  );
  rig.settle();
}

const HOST = { router: false };
const AUTO = "2001:db8:9::ff:fe00:ff01";

clause(
  "4861 6.3.7",
  "a host solicits routers up to three times, four seconds apart, after a random second",
  ({ rig: make }) => {
    const rig = make(HOST, HOST6);
    rig.run(30_000, 10);
    const said = typed(rig, Type.RouterSolicitation);
    assert.equal(said.length, 3);
    assert.ok((said[0]?.at ?? 0) <= 1_010);
    assert.ok((said[1]?.at ?? 0) - (said[0]?.at ?? 0) >= 4000);
    assert.equal(said[0]?.to, "ff02::2");
  },
);

clause("4861 6.3.7", "one advertisement is enough", ({ rig: make, cores }) => {
  const rig = make(HOST, HOST6);
  advertiseRouter(rig, cores - 1);
  rig.run(30_000, 100);
  assert.deepEqual(typed(rig, Type.RouterSolicitation), []);
});

clause(
  "4861 6.3.4",
  "a default router is learned with its preference, refreshed, and lost with lifetime zero",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1, { preference: "high", autonomous: false, onLink: false });
    assert.deepEqual(rig.told.slice(2), ["router fe80::1:1 1"]);
    advertiseRouter(rig, cores - 1, { preference: "high", autonomous: false, onLink: false });
    assert.equal(rig.told.length, 3, "a refresh says nothing");
    advertiseRouter(rig, cores - 1, { lifetime: 0, autonomous: false, onLink: false });
    assert.deepEqual(rig.told.slice(3), ["no router fe80::1:1"]);
  },
);

clause(
  "4861 6.3.5",
  "a router and a prefix whose time ran out are forgotten",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1, { lifetime: 10, valid: 20, preferred: 5, autonomous: false });
    rig.run(9_900, 100);
    assert.ok(!rig.told.includes("no router fe80::1:1"));
    rig.run(300, 100);
    assert.ok(rig.told.includes("no router fe80::1:1"));
    assert.ok(!rig.told.includes("no prefix 2001:db8:9::/64"));
    rig.run(10_000, 100);
    assert.ok(rig.told.includes("no prefix 2001:db8:9::/64"));
  },
);

clause(
  "4861 6.3.4",
  "times, hop limit and MTU are taken where given, and kept where not",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1, { retrans: 300, hops: 33, mtu: 1400, autonomous: false });
    assert.ok(rig.told.includes("link 1400 33"));
    advertiseRouter(rig, cores - 1, { autonomous: false });
    rig.clear();
    rig.resolve(0, X);
    rig.run(1_000, 10);
    const times = rig.solicitations(X).map(({ at }) => at);
    assert.equal(times.length, 3);
    assert.ok((times[1] as number) - (times[0] as number) < 400);
    advertiseRouter(rig, cores - 1, { mtu: 9000, autonomous: false });
    advertiseRouter(rig, cores - 1, { mtu: 1000, autonomous: false });
    assert.equal(rig.told.filter((text) => text.startsWith("link")).length, 1, "out of bounds");
  },
);

clause(
  "4861 6.3.4",
  "the router's address makes an entry that is a router",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1);
    for (let core = 0; core < cores; core++) {
      assert.equal(rig.row(core, ROUTER)?.["router"], true);
      assert.equal(rig.row(core, ROUTER)?.["mac"], ROUTER_MAC);
      assert.equal(rig.state(core, ROUTER), "stale");
    }
  },
);

clause("4861 6.2.6", "a host ignores router solicitations", ({ rig: make }) => {
  const rig = make(HOST, HOST6);
  solicitRouter(rig, 0, X, MAC);
  assert.equal(rig.drops(0)["nd-role"], 1);
  assert.equal(stateOf(rig), undefined);
});

clause("4861 6.3.4", "a prefix is on link only where the flag says so", ({ rig: make, cores }) => {
  const rig = make(HOST, HOST6);
  advertiseRouter(rig, cores - 1, { onLink: false, autonomous: false });
  assert.ok(!rig.told.some((text) => text.startsWith("prefix")));
  advertiseRouter(rig, cores - 1, { autonomous: false });
  assert.ok(rig.told.includes("prefix 2001:db8:9::/64"));
  advertiseRouter(rig, cores - 1, { valid: 0, preferred: 0, autonomous: false });
  assert.ok(rig.told.includes("no prefix 2001:db8:9::/64"));
});

clause(
  "4862 5.5.3",
  "an autonomous prefix makes an address, after duplicate detection",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6, true);
    rig.run(3_000, 10);
    rig.clear();
    advertiseRouter(rig, cores - 1);
    assert.ok(!rig.told.includes(`up ${AUTO}/128`));
    rig.run(2_100, 10);
    assert.equal(
      typed(rig, NS).filter(({ target, from }) => target === AUTO && from === "::").length,
      1,
    );
    assert.ok(rig.told.includes(`up ${AUTO}/128`));
    rig.clear();
    for (let core = 0; core < cores; core++) rig.solicit(core, X, MAC, ip6(AUTO));
    assert.equal(typed(rig, NA).length, cores, "every core answers for it");
  },
);

clause(
  "4862 5.5.3",
  "no address without the flag, for a preferred above the valid time, or a valid time of zero",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1, { autonomous: false });
    advertiseRouter(rig, cores - 1, { valid: 10, preferred: 20 });
    advertiseRouter(rig, cores - 1, { valid: 0, preferred: 0 });
    rig.run(3_000, 10);
    assert.ok(!rig.told.some((text) => text.includes(AUTO)));
  },
);

clause(
  "4862 5.5.4",
  "an address is deprecated, then gone, as its times run out",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1, { valid: 20, preferred: 10 });
    assert.ok(rig.told.includes(`up ${AUTO}/128`));
    rig.run(10_100, 100);
    assert.ok(rig.told.includes(`up ${AUTO}/128 deprecated`));
    rig.run(10_100, 100);
    assert.ok(rig.told.includes(`down ${AUTO}`));
  },
);

clause(
  "4862 5.5.3 e",
  "nobody shortens an address' life to less than two hours",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    advertiseRouter(rig, cores - 1, { valid: 100_000, preferred: 50_000 });
    advertiseRouter(rig, cores - 1, { valid: 1, preferred: 1 });
    rig.run(7_100_000, 10_000);
    assert.ok(!rig.told.includes(`down ${AUTO}`));
    rig.run(200_000, 10_000);
    assert.ok(rig.told.includes(`down ${AUTO}`));
  },
);

clause(
  "4861 8.1 8.3",
  "a redirect of the first hop is followed on every core, and its target's address taken",
  ({ rig: make, cores }) => {
    const rig = make(HOST, HOST6);
    const far = ip6("2001:db8:77::1");
    const better = ip6("fe80::1:2");
    redirect(rig, cores - 1, ROUTER, better, far);
    assert.deepEqual(rig.told.slice(2), ["redirect 2001:db8:77::1 to fe80::1:2"]);
    assert.equal(rig.row(0, better)?.["mac"], MAC);
    assert.equal(rig.row(0, better)?.["router"], true);
  },
);

clause("4861 8.1", "a redirect of anybody else is discarded and counted", ({ rig: make }) => {
  const rig = make(HOST, HOST6);
  redirect(rig, 0, ip6("fe80::bad"), ip6("fe80::1:2"), ip6("2001:db8:77::1"));
  assert.equal(rig.drops(0)["nd-first-hop"], 1);
  assert.equal(rig.row(0, ip6("fe80::1:2")), undefined);
});

// --- MLD ----------------------------------------------------------------------------------------------------------------------

/** A general query of a version. */
function query(rig: NdRig, core: number, version: 1 | 2, group: Words = ANY): void {
  rig.receive(core, (view, start) => {
    const end = mld.writeReport1(view, start, ROUTER_MAC, ROUTER, group, false);
    const at = start + 14 + 48;
    wire.writeWords(view, start + 38, ALL_NODES);
    view.setUint8(at, Type.ListenerQuery);
    view.setUint16(at + 4, 1000);
    wire.writeWords(view, at + 8, group);
    if (version === 1) return wire.finish(view, start, at, end);
    view.setUint32(end, 0x02_7d_0000);
    return wire.finish(view, start, at, end + 4);
  });
  rig.settle();
}

clause(
  "3810 6.2",
  "a general query is answered with all groups within its time, wherever it lands",
  ({ rig: make, cores }) => {
    const rig = make();
    rig.run(3_000, 10);
    rig.clear();
    query(rig, cores - 1, 2);
    rig.run(1_010, 10);
    const reports = typed(rig, Type.ListenerReport2);
    assert.equal(reports.length, 1);
    for (const group of ["ff0200000000000000000001ff000001", "ff0200000000000000000001ff00ff01"]) {
      assert.ok(reports[0]?.hex.includes(group));
    }
    assert.equal(reports[0]?.from, formatIpv6(...OWN_LOCAL));
  },
);

clause("2710 4", "while an old querier is about, version 1 is spoken", ({ rig: make, cores }) => {
  const rig = make();
  rig.run(3_000, 10);
  rig.clear();
  query(rig, cores - 1, 1);
  rig.run(1_010, 10);
  assert.equal(typed(rig, Type.ListenerReport2).length, 0);
  assert.ok(typed(rig, Type.ListenerReport).length >= 2);
});

// --- RFC 6583 -------------------------------------------------------------------------------------------------------------------

clause(
  "6583 7.1",
  "a sweep of a /64 at 10,000 packets a second costs no working neighbour, and is counted",
  ({ rig: make, cores }) => {
    const rig = make({ maxEntries: 256, maxPending: 128 });
    for (let n = 1; n <= 200; n++) {
      rig.resolve(rig.ownerOf(station(n)), station(n));
      rig.advertise(station(n), stationMac(n));
      rig.settle();
    }
    rig.clear();
    let swept = 0;
    for (let ms = 0; ms < 2_000; ms++) {
      for (let n = 0; n < 10; n++) {
        swept++;
        rig.resolve(swept % cores, [0x20010db8, 0, 0xdead, swept]);
      }
      rig.run(1, 1);
      assert.ok(rig.nds.every((nd) => nd.pendingAddresses <= 128));
    }
    for (let n = 1; n <= 200; n++) assert.equal(rig.resolve(0, station(n)), stationMac(n));
    const drops = rig.nds.map((_, core) => rig.drops(core));
    const sum = (name: string): number => drops.reduce((all, drop) => all + (drop[name] ?? 0), 0);
    assert.ok(sum("nd-rate") > 0 && sum("nd-pending-full") > 0);
    assert.equal(
      rig.nds.reduce((all, nd) => all + nd.evictions, 0),
      0,
    );
    assert.ok(
      typed(rig, NS).length <= 3 * cores * 1000 * 2.2,
      "the rate of solicitations is bounded",
    );
    const known = station(7);
    rig.nd(0).clear({ address: known }, rig.now);
    rig.settle();
    rig.clear();
    rig.resolve(rig.ownerOf(known), known);
    assert.equal(
      rig.solicitations(known).length,
      1,
      "who was known before is solicited in the sweep",
    );
  },
);

clause(
  "6583 6",
  "spoofed sources of a link cannot push out neighbours that are in use",
  ({ rig: make }) => {
    const rig = make({ maxEntries: 64 });
    const used = Array.from({ length: 16 }, (_, n) => station(n + 1));
    for (const [n, address] of used.entries()) {
      rig.resolve(rig.ownerOf(address), address);
      rig.advertise(address, stationMac(n + 1));
    }
    rig.settle();
    for (let n = 0; n < 2_000; n++) {
      rig.now += 2;
      if (n % 20 === 0) for (const address of used) rig.resolve(rig.ownerOf(address), address);
      rig.solicit(0, [0x20010db8, 0, 0xbad, n], stationMac(1000 + n), OWN);
      rig.settle();
    }
    for (const [n, address] of used.entries()) {
      assert.equal(rig.resolve(rig.ownerOf(address), address), stationMac(n + 1));
    }
    for (const nd of rig.nds) assert.ok(nd.summary().entries <= 64 + 8);
    assert.ok(rig.isCoherent());
  },
);
