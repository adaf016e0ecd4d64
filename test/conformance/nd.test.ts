// Neighbour discovery held to RFC 4861, RFC 4862 and their updates, clause by clause: one test per MUST and SHOULD that a host or
// a router shows on the wire, named by its section. What one machine would do, the appliance does with four cores: the tests
// run on both.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Interface6Config } from "../../src/engine/ipv6.ts";
import type { NdConfig } from "../../src/nd/config.ts";
import { linkLocalOf } from "../../src/nd/own.ts";
import {
  ALL_NODES,
  ANY,
  HOST6,
  iface6,
  ip6,
  NdRig,
  OWN,
  OWN_LOCAL,
  OWN_MAC,
  ROUTER6,
  type Said,
  station,
  stationMac,
  type Words,
} from "../../src/sim/nd-rig.ts";
import { Type } from "../../src/wire/icmpv6.ts";
import * as mld from "../../src/wire/mld.ts";
import * as wire from "../../src/wire/nd.ts";
import { formatIpv6 } from "../../src/wire/text.ts";

const X = station(1);
const MAC = stationMac(1);
const OTHER = stationMac(2);
const ROUTER = ip6("fe80::1:1");
const ROUTER_MAC = stationMac(0x99);
const { Solicited, Override, Router } = wire.Flag;

interface Setting {
  readonly cores: number;
  readonly rig: (
    config?: Partial<NdConfig>,
    ipv6?: Interface6Config,
    detect?: boolean,
  ) => NdRig & { told: string[] };
}

/** Runs a clause on one core and on four. */
function clause(section: string, what: string, body: (setting: Setting) => void): void {
  for (const cores of [1, 4]) {
    test(`RFC ${section} ${what} (${cores} ${cores === 1 ? "core" : "cores"})`, () => {
      body({
        cores,
        rig: (config = {}, ipv6 = ROUTER6, detect = false) => {
          const told: string[] = [];
          const say = (core: number, text: string): void => {
            if (core === 0) told.push(text);
          };
          const words = (a: number, b: number, c: number, d: number): string =>
            formatIpv6(a >>> 0, b >>> 0, c >>> 0, d >>> 0);
          const rig = new NdRig(cores, config, {
            interfaces: [iface6(ipv6)],
            detect,
            learned: (core) => ({
              addressUp: (_i, a, b, c, d, prefix, preferred) =>
                say(core, `up ${words(a, b, c, d)}/${prefix}${preferred ? "" : " deprecated"}`),
              addressDown: (_i, a, b, c, d) => say(core, `down ${words(a, b, c, d)}`),
              routerUp: (_i, a, b, c, d, preference) =>
                say(core, `router ${words(a, b, c, d)} ${preference}`),
              routerDown: (_i, a, b, c, d) => say(core, `no router ${words(a, b, c, d)}`),
              prefixUp: (_i, a, b, c, d, length) =>
                say(core, `prefix ${words(a, b, c, d)}/${length}`),
              prefixDown: (_i, a, b, c, d, length) =>
                say(core, `no prefix ${words(a, b, c, d)}/${length}`),
              linkChanged: (_i, mtu, hops) => say(core, `link ${mtu} ${hops}`),
              neighbourLost: (_i, a, b, c, d) => say(core, `lost ${words(a, b, c, d)}`),
              redirected: (_i, from, target, destination) => {
                const view = rig.recorder(core).view;
                const at = (offset: number): string =>
                  words(
                    view.getUint32(offset),
                    view.getUint32(offset + 4),
                    view.getUint32(offset + 8),
                    view.getUint32(offset + 12),
                  );
                const isFirstHop = at(from) === formatIpv6(...ROUTER);
                if (isFirstHop) say(core, `redirect ${at(destination)} to ${at(target)}`);
                return isFirstHop;
              },
            }),
          }) as NdRig & { told: string[] };
          rig.told = told;
          return rig;
        },
      });
    });
  }
}

const typed = (rig: NdRig, type: number): Said[] => rig.said.filter((said) => said.type === type);
const NS = Type.NeighborSolicitation;
const NA = Type.NeighborAdvertisement;

/** Brings X to a state on its owner. */
function bring(rig: NdRig, state: string): void {
  const owner = rig.ownerOf(X);
  rig.resolve(owner, X);
  if (state === "incomplete") return;
  rig.advertise(X, MAC);
  rig.settle();
  if (state === "reachable") return;
  rig.run(46_000);
  if (state === "stale") return;
  rig.resolve(owner, X);
  if (state === "delay") return;
  rig.run(5_010);
  assert.equal(rig.state(owner, X), "probe");
}
const stateOf = (rig: NdRig): unknown => rig.state(rig.ownerOf(X), X);
const macOf = (rig: NdRig): unknown => rig.row(rig.ownerOf(X), X)?.["mac"];
const isRouter = (rig: NdRig): unknown => rig.row(rig.ownerOf(X), X)?.["router"];
const KNOWN = ["reachable", "stale", "delay", "probe"];

// --- 7.2.2 to 7.2.8: address resolution ----------------------------------------------------------------------------------

clause(
  "4861 7.2.2",
  "a solicitation goes to the solicited-node group with the own link-layer address",
  ({ rig: make }) => {
    const rig = make();
    rig.resolve(0, X);
    rig.settle();
    const [said] = typed(rig, NS);
    assert.ok(said !== undefined);
    assert.equal(said.to, formatIpv6(0xff020000, 0, 1, 0xff000000 + (X[3] & 0xffffff)));
    assert.equal(said.toMac, wire.groupMac(0xff000000 + (X[3] & 0xffffff)));
    assert.ok(said.hex.endsWith(`0101${OWN_MAC.toString(16).padStart(12, "0")}`));
    assert.equal(said.hex.slice(42, 44), "ff", "hop limit 255");
    assert.equal(said.from, formatIpv6(...OWN));
  },
);

clause("4861 7.2.2", "the source is the prompting packet's where that is ours", ({ rig: make }) => {
  const rig = make();
  const owner = rig.ownerOf(X);
  const recorder = rig.recorder(owner);
  const { start, end } = recorder.frame("00".repeat(60));
  wire.writeWords(recorder.view, start + 14 + 8, OWN_LOCAL);
  wire.writeWords(recorder.view, start + 14 + 24, X);
  rig.nd(owner).resolve(0, start + 38, start, end, rig.now);
  assert.equal(typed(rig, NS)[0]?.from, formatIpv6(...OWN_LOCAL));
});

clause(
  "4861 7.2.2",
  "while waiting at least one packet is kept, and on overflow the newest stays",
  ({ rig: make }) => {
    const rig = make({ pendingFrames: 2 });
    const owner = rig.ownerOf(X);
    for (const mark of ["01", "02", "03"]) rig.resolve(owner, X, mark);
    rig.advertise(X, MAC);
    assert.deepEqual(
      rig.returned.map(({ hex }) => hex.slice(-2)),
      ["02", "03"],
    );
    assert.equal(rig.drops(owner)["nd-queue-full"], 1);
  },
);

clause(
  "4861 7.2.2",
  "solicitations are RetransTimer apart; after three the packets get address unreachable",
  ({ rig: make }) => {
    const rig = make();
    rig.resolve(0, X);
    rig.run(3_100);
    const times = typed(rig, NS).map(({ at }) => at);
    assert.equal(times.length, 3);
    assert.ok((times[1] as number) - (times[0] as number) >= 1000);
    assert.ok((times[2] as number) - (times[1] as number) >= 1000);
    assert.deepEqual(
      rig.returned.map(({ mac }) => mac),
      [-1],
    );
  },
);

clause(
  "4861 7.2.2",
  "however often it fails, no more than one solicitation a RetransTimer goes to an address",
  ({ rig: make, cores }) => {
    const rig = make();
    for (let n = 0; n < 100; n++) {
      for (let core = 0; core < cores; core++) rig.resolve(core, X);
      rig.run(100, 10);
    }
    const times = typed(rig, NS).map(({ at }) => at);
    for (let n = 1; n < times.length; n++) {
      assert.ok((times[n] as number) - (times[n - 1] as number) >= 999, `${times}`);
    }
  },
);

clause(
  "4861 7.2.3",
  "a solicitation for an address that is not ours is discarded silently",
  ({ rig: make }) => {
    const rig = make();
    rig.solicit(0, X, MAC, station(7));
    assert.deepEqual(rig.said, []);
    assert.equal(rig.drops(0)["nd-not-for-us"], 1);
    assert.equal(stateOf(rig), undefined, "nor does it touch the cache");
  },
);

clause(
  "4861 7.2.3",
  "the source's address makes a stale entry whose router flag is off",
  ({ rig: make }) => {
    const rig = make();
    rig.solicit(0, X, MAC, OWN);
    rig.settle();
    assert.equal(stateOf(rig), "stale");
    assert.equal(isRouter(rig), false);
  },
);

clause(
  "4861 7.2.3",
  "another address of a known source is taken and doubted; the router flag stays",
  ({ rig: make }) => {
    for (const state of KNOWN) {
      const rig = make();
      bring(rig, state);
      rig.advertise(X, MAC, { flags: Router | Override, to: ALL_NODES });
      rig.settle();
      rig.solicit(0, X, OTHER, OWN);
      rig.settle();
      assert.equal(stateOf(rig), "stale");
      assert.equal(macOf(rig), OTHER);
      assert.equal(isRouter(rig), true);
    }
  },
);

clause("4861 7.2.3", "the same address changes nothing", ({ rig: make }) => {
  for (const state of KNOWN) {
    const rig = make();
    bring(rig, state);
    rig.solicit(0, X, MAC, OWN);
    rig.settle();
    assert.equal(stateOf(rig), state);
  }
});

clause(
  "4861 7.2.3",
  "a solicitation without a source address neither makes nor changes an entry",
  ({ rig: make }) => {
    const rig = make();
    rig.solicit(0, ANY, MAC, OWN, { link: -1 });
    rig.settle();
    for (const nd of rig.nds) assert.equal(nd.summary().entries, 0);
  },
);

clause(
  "4861 7.2.4",
  "the answer to a source goes there: solicited, overriding, a router's, with the link-layer address",
  ({ rig: make }) => {
    const rig = make();
    rig.solicit(0, X, MAC, OWN);
    const [said] = typed(rig, NA);
    assert.equal(said?.to, formatIpv6(...X));
    assert.equal(said?.toMac, MAC);
    assert.equal(said?.flags, Router | Solicited | Override);
    assert.ok(said?.hex.endsWith(`0201${OWN_MAC.toString(16).padStart(12, "0")}`));
    assert.equal(said?.target, formatIpv6(...OWN));
  },
);

clause("4861 7.2.4", "a host's answer has no router flag", ({ rig: make }) => {
  const rig = make({ router: false }, HOST6);
  rig.solicit(0, X, MAC, OWN);
  assert.equal(typed(rig, NA)[0]?.flags, Solicited | Override);
});

clause("4861 7.2.4", "who asks from :: is answered by all-nodes, unsolicited", ({ rig: make }) => {
  const rig = make();
  rig.solicit(0, ANY, MAC, OWN, { link: -1 });
  const [said] = typed(rig, NA);
  assert.equal(said?.to, "ff02::1");
  assert.equal(said?.toMac, 0x333300000001);
  assert.equal(said?.flags, Router | Override);
});

clause(
  "4861 7.2.4",
  "a unicast solicitation is answered as well; where the asker's address is unknown it is resolved first",
  ({ rig: make }) => {
    const rig = make();
    rig.solicit(0, X, MAC, OWN, { to: OWN });
    assert.equal(typed(rig, NA).length, 1);
    const y = station(2);
    rig.solicit(0, y, OTHER, OWN, { to: OWN, link: -1 });
    rig.settle();
    assert.equal(typed(rig, NA).length, 1, "not yet");
    assert.equal(rig.solicitations(y).length, 1);
    rig.advertise(y, OTHER);
    rig.settle();
    assert.deepEqual(
      rig.returned.map(({ mac }) => mac),
      [OTHER],
    );
  },
);

clause(
  "4861 7.2.7",
  "the subnet-router anycast address is answered for without overriding, and never checked",
  ({ rig: make }) => {
    const rig = make({}, ROUTER6, true);
    rig.run(2_100, 10);
    const anycast = ip6("2001:db8::");
    assert.deepEqual(rig.solicitations(anycast), []);
    rig.clear();
    rig.solicit(0, X, MAC, anycast);
    assert.deepEqual(
      typed(rig, NA).map(({ target, flags }) => [target, flags]),
      [["2001:db8::", Router | Solicited]],
    );
  },
);

clause(
  "4861 7.2.5",
  "an advertisement of an unknown neighbour is discarded silently",
  ({ rig: make }) => {
    const rig = make();
    rig.advertise(X, MAC);
    rig.settle();
    assert.equal(stateOf(rig), undefined);
  },
);

clause(
  "4861 7.2.5",
  "INCOMPLETE takes the address: REACHABLE if solicited, else STALE; the flag R is kept",
  ({ rig: make }) => {
    for (const flags of [Solicited, Solicited | Override, 0, Override, Router | Solicited]) {
      const rig = make();
      bring(rig, "incomplete");
      rig.advertise(X, MAC, { flags });
      rig.settle();
      // Frames waited: to a stale neighbour they are the use that starts the check.
      assert.equal(stateOf(rig), (flags & Solicited) !== 0 ? "reachable" : "delay");
      assert.equal(isRouter(rig), (flags & Router) !== 0);
      assert.equal(rig.returned[0]?.mac, MAC);
    }
  },
);

clause(
  "4861 7.2.5",
  "INCOMPLETE ignores an advertisement without a link-layer address",
  ({ rig: make }) => {
    const rig = make();
    bring(rig, "incomplete");
    rig.advertise(X, MAC, { link: -1 });
    rig.settle();
    assert.equal(stateOf(rig), "incomplete");
  },
);

clause(
  "4861 7.2.5",
  "without the override flag another address only makes REACHABLE stale",
  ({ rig: make }) => {
    for (const state of KNOWN) {
      for (const flags of [0, Solicited, Router]) {
        const rig = make();
        bring(rig, state);
        rig.advertise(X, OTHER, { flags });
        rig.settle();
        assert.equal(stateOf(rig), state === "reachable" ? "stale" : state);
        assert.equal(macOf(rig), MAC);
        assert.equal(isRouter(rig), false);
      }
    }
  },
);

clause(
  "4861 7.2.5",
  "with the override flag the address is taken: REACHABLE if solicited, else STALE",
  ({ rig: make }) => {
    for (const state of KNOWN) {
      for (const flags of [Override, Override | Solicited]) {
        const rig = make();
        bring(rig, state);
        rig.advertise(X, OTHER, { flags });
        rig.settle();
        assert.equal(stateOf(rig), (flags & Solicited) !== 0 ? "reachable" : "stale");
        assert.equal(macOf(rig), OTHER);
      }
    }
  },
);

clause(
  "4861 7.2.5",
  "the same or no address: a solicited one confirms, an unsolicited one changes no state",
  ({ rig: make }) => {
    for (const state of KNOWN) {
      for (const link of [MAC, -1]) {
        const rig = make();
        bring(rig, state);
        rig.advertise(X, MAC, { flags: 0, link });
        rig.settle();
        assert.equal(stateOf(rig), state);
        rig.advertise(X, MAC, { flags: Solicited, link });
        rig.settle();
        assert.equal(stateOf(rig), "reachable");
      }
    }
  },
);

clause(
  "4861 7.2.5",
  "a router that says it is none is taken from the default routers",
  ({ rig: make }) => {
    const rig = make();
    bring(rig, "reachable");
    rig.advertise(X, MAC, { flags: Router | Solicited });
    rig.settle();
    assert.equal(isRouter(rig), true);
    rig.advertise(X, MAC, { flags: Solicited });
    rig.settle();
    assert.equal(isRouter(rig), false);
    assert.deepEqual(rig.told.slice(-1), [`lost ${formatIpv6(...X)}`]);
  },
);

clause(
  "4861 7.2.6",
  "another link-layer address is told to all nodes, three times, RetransTimer apart",
  ({ rig: make }) => {
    const rig = make();
    const changed = [{ ...iface6(ROUTER6), mac: OWN_MAC + 1 }];
    for (const nd of rig.nds)
      nd.configure(rig.config, { ...rig.common, interfaces: changed }, rig.now);
    rig.settle();
    rig.clear();
    rig.run(5_000);
    const said = typed(rig, NA).filter(
      ({ target, to }) => target === formatIpv6(...OWN) && to === "ff02::1",
    );
    assert.equal(said.length, 3);
    assert.ok(said.every(({ flags }) => flags === (Router | Override)));
    assert.ok((said[1]?.at ?? 0) - (said[0]?.at ?? 0) >= 1000);
  },
);

clause(
  "4861 7.3.3",
  "REACHABLE lasts a random time of half to one and a half ReachableTime",
  ({ rig: make }) => {
    const rig = make();
    bring(rig, "reachable");
    rig.run(14_900, 100);
    assert.equal(stateOf(rig), "reachable");
    rig.run(30_200, 100);
    assert.equal(stateOf(rig), "stale");
  },
);

clause(
  "4861 7.3.3",
  "STALE is checked only when used: DELAY for five seconds, then unicast probes",
  ({ rig: make }) => {
    const rig = make();
    bring(rig, "stale");
    rig.clear();
    rig.run(100_000, 100);
    assert.equal(stateOf(rig), "stale");
    assert.deepEqual(rig.said, []);
    assert.equal(rig.resolve(rig.ownerOf(X), X), MAC, "the packet leaves at once");
    assert.equal(stateOf(rig), "delay");
    rig.run(4_900, 10);
    assert.deepEqual(rig.said, []);
    rig.run(200, 10);
    const [said] = typed(rig, NS);
    assert.equal(said?.toMac, MAC);
    assert.equal(said?.to, formatIpv6(...X));
    assert.equal(rig.resolve(rig.ownerOf(X), X), MAC, "packets leave while it is probed");
  },
);

clause(
  "4861 7.3.3",
  "after three probes without an answer the entry is deleted",
  ({ rig: make }) => {
    const rig = make();
    bring(rig, "probe");
    rig.run(3_100);
    assert.equal(stateOf(rig), undefined);
    assert.equal(rig.solicitations(X).filter(({ toMac }) => toMac === MAC).length, 3);
  },
);

clause("4861 7.3.1", "an upper layer confirms every state but INCOMPLETE", ({ rig: make }) => {
  for (const state of KNOWN) {
    const rig = make();
    bring(rig, state);
    rig.confirm(rig.ownerOf(X), X);
    assert.equal(stateOf(rig), "reachable");
  }
  const rig = make();
  bring(rig, "incomplete");
  rig.confirm(rig.ownerOf(X), X);
  assert.equal(stateOf(rig), "incomplete");
});

clause(
  "4861 7.3.3",
  "static neighbours are never asked, and nothing contradicts them",
  ({ rig: make }) => {
    const rig = make({ statics: [{ iface: 0, address: X, mac: MAC }] });
    assert.equal(rig.resolve(0, X), MAC);
    rig.advertise(X, OTHER, { flags: Override | Solicited });
    rig.solicit(0, X, OTHER, OWN);
    rig.settle();
    rig.run(200_000, 1000);
    for (const nd of rig.nds) assert.equal(nd.summary().entries, 1);
    assert.equal(rig.resolve(0, X), MAC);
    assert.deepEqual(rig.solicitations(X), []);
    assert.ok((rig.drops(rig.ownerOf(X))["nd-spoof"] ?? 0) >= 1);
  },
);

// --- 6.1, 7.1, 8.1: validation, through the whole engine -------------------------------------------------------------------

const SPOILT: readonly [string, string, (view: DataView, start: number) => void][] = [
  ["6.1.1 7.1.1", "nd-hop-limit", (view, start) => view.setUint8(start + 21, 254)],
  ["6.1.1 7.1.1", "nd-checksum", (view, start) => view.setUint8(start + 56, 0xa5)],
  ["6.1.1 7.1.1", "nd-code", (view, start) => view.setUint8(start + 55, 1)],
  ["6.1.1 7.1.1", "nd-option", (view, start) => view.setUint8(start + 54 + 25, 0)],
];
for (const [section, reason, spoil] of SPOILT) {
  clause(
    `4861 ${section}`,
    `a solicitation is discarded silently and counted as ${reason}`,
    ({ rig: make }) => {
      const rig = make();
      rig.receive(0, (view, start) => {
        const group: Words = [0xff020000, 0, 1, 0xff000001];
        const end = wire.writeSolicitation(view, start, OWN_MAC, MAC, X, group, OWN, MAC, -1);
        spoil(view, start);
        if (reason !== "nd-checksum") wire.finish(view, start, start + 54, end);
        return end;
      });
      rig.settle();
      assert.deepEqual(rig.drops(0), { [reason]: 1 });
      assert.deepEqual(rig.said, []);
      assert.equal(stateOf(rig), undefined);
    },
  );
}

clause("6980 5", "neighbour discovery in fragments is discarded and counted", ({ rig: make }) => {
  const rig = make();
  const taken = rig.receive(0, (view, start) => {
    const group: Words = [0xff020000, 0, 1, 0xff000001];
    const end = wire.writeSolicitation(view, start, OWN_MAC, MAC, X, group, OWN, MAC, -1);
    for (let at = end - 1; at >= start + 54; at--) view.setUint8(at + 8, view.getUint8(at));
    view.setUint8(start + 20, 44);
    view.setUint16(start + 18, view.getUint16(start + 18) + 8);
    view.setUint32(start + 54, 0x3a000001);
    view.setUint32(start + 58, 7);
    return end + 8;
  });
  assert.ok(taken);
  assert.deepEqual(rig.drops(0), { "nd-fragment": 1 });
});

// --- RFC 4862: own addresses ------------------------------------------------------------------------------------------------

clause(
  "4862 5.3",
  "the link-local address is made of the prefix and the MAC's modified EUI-64",
  () => {
    assert.equal(
      formatIpv6(...([...linkLocalOf(0x02_00_00_00_00_0a)] as unknown as Words)),
      "fe80::ff:fe00:a",
    );
  },
);

clause(
  "4862 5.4",
  "every address is checked before use: one probe from :: with a nonce, then a RetransTimer",
  ({ rig: make }) => {
    const rig = make({}, ROUTER6, true);
    assert.deepEqual(rig.told, []);
    rig.run(2_100, 10);
    const probes = typed(rig, NS);
    assert.deepEqual(probes.map(({ target }) => target).sort(), [
      formatIpv6(...OWN),
      formatIpv6(...OWN_LOCAL),
    ]);
    for (const probe of probes) {
      assert.equal(probe.from, "::");
      assert.match(probe.to, /^ff02::1:ff/);
      assert.equal(
        probe.hex.slice((14 + 40 + 24) * 2, (14 + 40 + 26) * 2),
        "0e01",
        "a nonce, no link layer",
      );
      assert.ok(probe.at <= 1_010, "the first within a random second");
    }
    assert.deepEqual(
      rig.told.sort(),
      [`up ${formatIpv6(...OWN)}/64`, `up ${formatIpv6(...OWN_LOCAL)}/64`].sort(),
    );
  },
);

clause("4862 5.4.2", "the solicited-node group is joined before the probe", ({ rig: make }) => {
  const rig = make({}, ROUTER6, true);
  rig.run(2_100, 10);
  const report = typed(rig, Type.ListenerReport2)[0];
  assert.ok(report !== undefined && report.at <= (typed(rig, NS)[0]?.at ?? 0));
  assert.equal(report.to, "ff02::16");
  assert.equal(report.from, "::");
  assert.ok(report.hex.includes("ff0200000000000000000001ff000001"));
});

clause(
  "4862 5.4.3",
  "while tentative a solicitation from a unicast source is ignored",
  ({ rig: make, cores }) => {
    const rig = make({}, ROUTER6, true);
    rig.solicit(cores - 1, X, MAC, OWN);
    rig.settle();
    assert.deepEqual(typed(rig, NA), []);
    rig.run(2_100, 10);
    assert.ok(rig.told.includes(`up ${formatIpv6(...OWN)}/64`));
  },
);

clause(
  "4862 5.4.3",
  "a probe of another node for a tentative address is a duplicate, wherever it lands",
  ({ rig: make, cores }) => {
    const rig = make({}, ROUTER6, true);
    rig.run(20, 10);
    rig.solicit(cores - 1, ANY, MAC, OWN, { link: -1, nonce: 0x123456789abc });
    rig.run(3_000, 10);
    assert.deepEqual(rig.told, [`up ${formatIpv6(...OWN_LOCAL)}/64`]);
    rig.clear();
    for (let core = 0; core < cores; core++) rig.solicit(core, X, MAC, OWN);
    assert.deepEqual(typed(rig, NA), [], "it is never answered for");
  },
);

clause(
  "4862 5.4.4",
  "an advertisement for a tentative address is a duplicate",
  ({ rig: make, cores }) => {
    const rig = make({}, ROUTER6, true);
    rig.run(20, 10);
    rig.advertise(OWN, MAC, { core: cores - 1, flags: Override, to: ALL_NODES });
    rig.run(3_000, 10);
    assert.deepEqual(rig.told, [`up ${formatIpv6(...OWN_LOCAL)}/64`]);
  },
);

clause(
  "7527 4.1",
  "our own probe that comes back is no duplicate: three more probes, with other nonces",
  ({ rig: make, cores }) => {
    const rig = make({}, ROUTER6, true);
    let looped = 0;
    for (let n = 0; n < 800; n++) {
      const before = rig.said.length;
      rig.run(10, 10);
      for (const said of rig.said.slice(before)) {
        if (said.type !== NS || looped > 0 || said.target !== formatIpv6(...OWN)) continue;
        looped++;
        rig.receive(cores - 1, (view, start) => {
          const bytes = Buffer.from(said.hex, "hex");
          for (const [index, byte] of bytes.entries()) view.setUint8(start + index, byte);
          return start + bytes.length;
        });
        rig.settle();
      }
    }
    assert.equal(looped, 1);
    assert.equal(rig.solicitations(OWN).length, 4);
    assert.equal(new Set(rig.solicitations(OWN).map(({ hex }) => hex)).size, 4, "nonces differ");
    assert.ok(rig.told.includes(`up ${formatIpv6(...OWN)}/64`));
  },
);

clause(
  "4862 5.4.5",
  "a duplicate link-local address made of the MAC ends IPv6 on the interface",
  ({ rig: make, cores }) => {
    const rig = make({}, ROUTER6, true);
    rig.run(20, 10);
    rig.advertise(OWN_LOCAL, MAC, { core: cores - 1, flags: Override, to: ALL_NODES });
    rig.run(3_000, 10);
    rig.clear();
    for (let core = 0; core < cores; core++) rig.resolve(core, X);
    rig.run(1_000, 10);
    assert.deepEqual(typed(rig, NS), []);
    assert.equal(rig.drops(0)["ip-destination"], 1);
  },
);

clause(
  "4862 5.4.4",
  "an advertisement that claims an assigned address changes nothing and is counted",
  ({ rig: make }) => {
    const rig = make();
    rig.advertise(OWN, MAC, { core: 0, flags: Override, to: ALL_NODES });
    assert.equal(rig.drops(0)["nd-spoof"], 1);
    rig.solicit(0, X, MAC, OWN);
    assert.equal(typed(rig, NA).length, 1);
  },
);

clause("9131 6.1.1", "a new address is told to the routers", ({ rig: make }) => {
  const rig = make({}, ROUTER6, true);
  rig.run(2_100, 10);
  const said = typed(rig, NA).filter(({ target }) => target === formatIpv6(...OWN));
  assert.deepEqual(
    said.map(({ to, flags }) => [to, flags]),
    [["ff02::2", Router]],
  );
});

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
