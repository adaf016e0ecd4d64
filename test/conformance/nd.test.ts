// Neighbour discovery held to RFC 4861, RFC 4862 and their updates, clause by clause: one test per MUST and SHOULD that
// is seen on the wire, named by its section. Here: neighbours, own addresses.

import assert from "node:assert/strict";
import { linkLocalOf } from "../../src/nd/own-address.ts";
import {
  ALL_NODES,
  ANY,
  HOST6,
  iface6,
  ip6,
  OWN,
  OWN_LOCAL,
  OWN_MAC,
  ROUTER6,
  station,
  type Words,
} from "../../src/sim/nd-rig.ts";
import { Type } from "../../src/wire/icmpv6.ts";
import * as wire from "../../src/wire/nd.ts";
import { formatIpv6 } from "../../src/wire/text.ts";
import {
  bring,
  clause,
  isRouter,
  KNOWN,
  MAC,
  macOf,
  NA,
  NS,
  OTHER,
  Override,
  Router,
  Solicited,
  stateOf,
  typed,
  X,
} from "./nd-setting.ts";

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
