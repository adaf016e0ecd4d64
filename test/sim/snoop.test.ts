// Multicast snooping on whole appliances of several cores in virtual time (BR-8): who gets what, what it costs, and
// that all cores agree. Standards: RFC 4541, RFC 2236, RFC 3376, RFC 2710, RFC 3810.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Table } from "../../src/engine/message.ts";
import { Role } from "../../src/engine/role.ts";
import { Record as Kind } from "../../src/wire/igmp.ts";
import { plain } from "./frames.ts";
import {
  data4,
  data6,
  groupMac,
  join4,
  join6,
  leave4,
  query4,
  query6,
  report4,
  report6,
} from "./multicast-frames.ts";
import { ROUTER, ROUTER_IP, ROUTER_IP6, SnoopRig } from "./snoop-rig.ts";

const SIZES = [1, 2, 4, 8];
const A = "02:00:00:00:00:0a";
const B = "02:00:00:00:00:0b";
const S = "02:00:00:00:00:05";
const A_IP = "192.0.2.10";
const B_IP = "192.0.2.11";
const S_IP = "192.0.2.5";
const GROUP = "239.1.2.3";
const GROUP6 = "ff15::1:2";

/** A querier on port 4; hosts have had their time. */
function withQuerier(options: ConstructorParameters<typeof SnoopRig>[0] = {}): SnoopRig {
  const rig = new SnoopRig(options);
  assert.deepEqual(rig.give(4, query4(ROUTER, ROUTER_IP)), [0, 1, 2, 3], "queries flood");
  rig.give(4, query6(ROUTER, ROUTER_IP6));
  rig.pass(10_100);
  return rig;
}

function cost(rig: SnoopRig, step: () => void): Record<string, number> {
  const before = rig.cluster.messages();
  step();
  rig.cluster.settle();
  const spent: Record<string, number> = {};
  for (const [name, count] of Object.entries(rig.cluster.messages())) {
    const more = count - (before[name] ?? 0);
    if (more > 0) spent[name] = more;
  }
  return spent;
}

const only = (name: string, count: number): Record<string, number> =>
  count > 0 ? { [name]: count } : {};

test("BR-8 without a querier multicast floods, joined or not", () => {
  const rig = new SnoopRig();

  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 2, 3, 4]);
  rig.give(1, join4(A, A_IP, GROUP));
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 2, 3, 4]);
  assert.deepEqual(rig.give(0, data6(S, "fe80::5", GROUP6)), [1, 2, 3, 4]);
});

test("BR-8 with a querier data goes to members and routers alone; hosts have their time to answer first", () => {
  const rig = new SnoopRig();
  rig.give(4, query4(ROUTER, ROUTER_IP));
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 2, 3, 4], "nobody had time to answer");
  assert.deepEqual(rig.give(1, join4(A, A_IP, GROUP)), [0, 2, 3, 4], "not yet limited");
  rig.pass(10_100);

  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4]);
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.9.9.9")), [4], "nobody joined: to routers");
  assert.deepEqual(rig.give(2, join4(B, B_IP, GROUP)), [4], "a report goes to routers alone");
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 2, 4]);
  assert.deepEqual(rig.give(1, data4(S, S_IP, GROUP)), [2, 4], "not back to where it came from");
  assert.deepEqual(rig.give(0, data6(S, "fe80::5", GROUP6)), [1, 2, 3, 4], "no MLD querier");
  assert.deepEqual(rig.give(0, plain(groupMac(GROUP), S)), [1, 2, 3, 4], "not IP: by no group");
});

test("BR-8 a group is told by its address, not by the MAC that 32 groups share (RFC 4541 2.1.2)", () => {
  const rig = withQuerier();
  rig.give(1, join4(A, A_IP, "239.1.2.3"));
  rig.give(2, join4(B, B_IP, "239.129.2.3"));
  assert.equal(groupMac("239.1.2.3"), groupMac("239.129.2.3"));

  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.1.2.3")), [1, 4]);
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.129.2.3")), [2, 4]);
});

test("BR-8 link-local groups always flood, IPv4 and IPv6, and are in no table", () => {
  const rig = withQuerier();
  rig.give(1, join4(A, A_IP, "224.0.0.251"));
  rig.give(1, report6(A, "fe80::a", Kind.ToExclude, "ff02::1:ff00:a"));

  for (const group of ["224.0.0.1", "224.0.0.5", "224.0.0.18", "224.0.0.251"]) {
    assert.deepEqual(rig.give(0, data4(S, S_IP, group)), [1, 2, 3, 4], group);
  }
  for (const group of ["ff02::1", "ff02::fb", "ff02::1:ff00:a", "ff01::1"]) {
    assert.deepEqual(rig.give(0, data6(S, "fe80::5", group)), [1, 2, 3, 4], group);
  }
  assert.deepEqual(rig.give(0, data6(S, "fe80::5", GROUP6)), [4]);
  assert.equal(rig.snoop(0).groups.groupCount(0), 0);
});

test("BR-8 MLD versions 1 and 2 join and leave as IGMP does", () => {
  const rig = withQuerier();
  assert.deepEqual(rig.give(1, report6(A, "fe80::a", Kind.ToExclude, GROUP6)), [4]);
  assert.deepEqual(rig.give(2, join6(B, "fe80::b", GROUP6)), [4]);
  assert.deepEqual(rig.give(0, data6(S, "fe80::5", GROUP6)), [1, 2, 4]);
  assert.deepEqual(rig.give(3, report6(S, "::", Kind.IsExclude, GROUP6)), [4], "RFC 3590: from ::");

  rig.give(1, report6(A, "fe80::a", Kind.ToInclude, GROUP6));
  assert.deepEqual(rig.give(4, query6(ROUTER, ROUTER_IP6, GROUP6, 2, 1000)), [0, 1, 2, 3]);
  rig.give(2, join6(B, "fe80::b", GROUP6));
  rig.give(3, report6(S, "fe80::5", Kind.IsExclude, GROUP6));
  rig.pass(2100);
  assert.deepEqual(rig.give(0, data6(S, "fe80::5", GROUP6)), [2, 3, 4], "A did not answer");
});

test("RFC 3376 4.2.12: what each record of version 3 means for a group", () => {
  const rows: [kind: number, sources: string[], joins: boolean][] = [
    [Kind.IsInclude, [], false],
    [Kind.IsInclude, ["192.0.2.77"], true],
    [Kind.IsExclude, [], true],
    [Kind.IsExclude, ["192.0.2.77"], true],
    [Kind.ToInclude, [], false],
    [Kind.ToInclude, ["192.0.2.77"], true],
    [Kind.ToExclude, [], true],
    [Kind.Allow, ["192.0.2.77"], true],
    [Kind.Allow, [], false],
    [Kind.Block, ["192.0.2.77"], false],
    [7, [], false],
  ];
  for (const [kind, sources, joins] of rows) {
    const rig = withQuerier();
    assert.deepEqual(rig.give(1, report4(A, A_IP, kind, GROUP, sources)), [4]);
    const to = rig.give(0, data4(S, S_IP, GROUP));
    assert.deepEqual(to, joins ? [1, 4] : [4], `record ${kind} of ${sources.length} sources`);
  }
});

test("BR-8 a member that goes silent is forgotten after the Group Membership Interval, 260 s", () => {
  const rig = withQuerier();
  rig.give(1, join4(A, A_IP, GROUP));
  const again = (): void => {
    rig.give(4, query4(ROUTER, ROUTER_IP));
  };
  for (const time of [120_000, 120_000]) {
    rig.pass(time);
    again();
  }
  rig.pass(19_000);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4]);
  rig.pass(1200);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [4]);
});

test("BR-8 a querier that falls silent is forgotten after 255 s, and multicast floods again", () => {
  const rig = withQuerier();
  rig.give(1, join4(A, A_IP, GROUP));
  rig.pass(244_000);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4]);
  rig.pass(1500);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 2, 3, 4]);
});

test("BR-8 a leave counts when the querier asked and nobody answered; with fast leave, at once", () => {
  const rig = withQuerier({ channels: { 2: { fastLeave: true } } });
  rig.give(1, join4(A, A_IP, GROUP));
  rig.give(2, join4(B, B_IP, GROUP));

  assert.deepEqual(rig.give(2, leave4(B, B_IP, GROUP)), [4], "leaves go to routers");
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4], "fast");
  rig.give(1, leave4(A, A_IP, GROUP));
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4]);
  rig.give(4, query4(ROUTER, ROUTER_IP, GROUP, 2, 1000));
  rig.pass(1900);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4], "two intervals of a second");
  rig.pass(200);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [4]);
});

test("RFC 2236 4: while a host of version 1 is in the group, leaves are ignored", () => {
  const rig = withQuerier({ channels: { 1: { fastLeave: true } } });
  rig.give(1, join4(A, A_IP, GROUP, 1));
  rig.give(1, leave4(B, B_IP, GROUP));
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4]);
});

test("BR-8 the own querier asks quickly at first, is beaten by a lower address, and comes back", () => {
  const rig = new SnoopRig({
    cores: 2,
    snoop: {
      querier: { igmpVersion: 2, mldVersion: 2, vlans: [10], address: 0xc0000280 },
    },
  });
  const asked = (time: number): string[] => {
    rig.sent.length = 0;
    rig.pass(time);
    return rig.sent.filter(({ port }) => port === 0).map(({ hex }) => hex.slice(24, 28));
  };
  rig.give(1, join4(A, A_IP, GROUP));
  rig.pass(10_000);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1], "no router: members alone");
  assert.deepEqual(asked(22_000), ["0800", "86dd"], "the second query, a quarter interval later");
  assert.deepEqual(asked(125_000).sort(), ["0800", "86dd"]);

  rig.give(4, query4(ROUTER, "192.0.2.129"));
  assert.ok(
    rig
      .snoop(0)
      .rows(0, 10, 0)
      .rows.some((row) => row["querierState"] === "own"),
  );
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4], "yet a router is there");
  rig.give(4, query4(ROUTER, "192.0.2.1"));
  rig.give(1, join4(A, A_IP, GROUP));
  assert.deepEqual(asked(254_000), ["86dd", "86dd"], "silent in IPv4");
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 4]);
  assert.deepEqual(asked(2000), ["0800"], "the other is gone");
  assert.ok(rig.isCoherent);
});

test("BR-8 the own querier asks twice before it believes a leave, and an answer keeps the member", () => {
  const rig = new SnoopRig({
    snoop: { mld: false, querier: { igmpVersion: 2, mldVersion: 2, vlans: [10], address: 1 } },
  });
  rig.pass(10_000);
  rig.give(1, join4(A, A_IP, GROUP));
  rig.give(2, join4(B, B_IP, GROUP));
  rig.give(1, leave4(A, A_IP, GROUP));
  rig.give(2, leave4(B, B_IP, GROUP));
  rig.pass(900);
  rig.give(2, join4(B, B_IP, GROUP));
  rig.sent.length = 0;
  rig.pass(1200);
  assert.deepEqual(
    rig.sent.map(({ port }) => port),
    [1],
    "the second query goes to who has not answered",
  );
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [2]);
});

test("BR-8 PIM, advertisements of routers and the configuration make router ports, 0.0.0.0 does not", () => {
  const rig = withQuerier({ channels: { 2: { routerPort: 1 }, 3: { routerPort: 2 } } });
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [2, 4], "by the configuration");
  rig.give(1, query4(A, "0.0.0.0"));
  rig.give(3, query4(B, "192.0.2.255"));
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [2, 4], "neither a proxy, nor where never");
  const pim = data4(A, A_IP, "224.0.0.13");
  pim[23] = 103;
  pim[34] = 0x20;
  const view = new DataView(pim.buffer);
  view.setUint16(24, view.getUint16(24) - (103 - 17));
  assert.deepEqual(rig.give(1, pim), [0, 2, 3, 4]);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [1, 2, 4]);
  rig.pass(106_000);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [2, 4], "3.5 hellos later");
});

test("BR-8 the table is bounded: past the bound unknown groups flood, known ones do not, and room heals it", () => {
  const rig = withQuerier({ cores: 2, snoop: { maxGroups: 4 }, channels: { 2: { maxGroups: 1 } } });
  for (let n = 1; n <= 4; n++) rig.give(1, join4(A, A_IP, `239.0.0.${n}`));
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.0.0.9")), [4]);
  rig.give(1, join4(A, A_IP, "239.0.0.5"));
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.0.0.5")), [1, 2, 3, 4], "no room: it floods");
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.0.0.1")), [1, 4]);
  rig.give(2, join4(B, B_IP, "239.0.0.1"));
  rig.give(2, join4(B, B_IP, "239.0.0.2"));
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.0.0.1")), [1, 2, 4]);
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.0.0.2")), [1, 4], "the channel's own bound");
  assert.ok((rig.cluster.drops()["snoop-full"] ?? 0) >= 2);
  rig.give(4, query4(ROUTER, ROUTER_IP, "239.0.0.3", 2, 500));
  rig.pass(1100);
  assert.deepEqual(rig.give(0, data4(S, S_IP, "239.0.0.9")), [4], "limited again");
  assert.ok(rig.isCoherent);
  const events = rig.cluster.takeEvents();
  assert.ok(events.length > 0);
});

test("BR-8 a wrong checksum is neither used nor forwarded, an unknown type floods (RFC 4541 2.1.1)", () => {
  const rig = withQuerier();
  const broken = join4(A, A_IP, GROUP);
  broken[40] = (broken[40] ?? 0) ^ 1;
  assert.deepEqual(rig.give(1, broken), []);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [4]);
  const strange = join4(A, A_IP, GROUP);
  strange[38] = 0x7f;
  const view = new DataView(strange.buffer);
  view.setUint16(40, view.getUint16(40) - ((0x7f - 0x16) << 8));
  assert.deepEqual(rig.give(1, strange), [0, 2, 3, 4]);
});

test("BR-8 a channel that loses its link loses its members and routers", () => {
  const rig = withQuerier({ cores: 2 });
  rig.give(1, join4(A, A_IP, GROUP));
  for (const core of rig.cluster.cores) core.dispatch.linkChanged(1, false, rig.cluster.now);
  rig.cluster.settle();
  for (const core of rig.cluster.cores) core.dispatch.linkChanged(1, true, rig.cluster.now);
  rig.cluster.settle();
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP)), [4]);
  assert.ok(rig.isCoherent);
});

for (const cores of SIZES) {
  const last = cores - 1;

  test(`BR-8 on ${cores} cores a join costs the frame and ${last} messages, a report that changes nothing the frame`, () => {
    const rig = withQuerier({ cores });
    rig.give(1, plain("02:00:00:00:00:99", A), 0);
    rig.give(0, plain("02:00:00:00:00:99", S), 0);
    rig.cluster.settle();

    // A NIC that steers as the appliance does brings a frame to the core of its flow, which hands it to the master.
    const join = cost(rig, () => rig.give(1, join4(A, A_IP, GROUP)));
    const frame = join["frame"] ?? 0;
    assert.ok(frame <= (cores > 1 ? 1 : 0));
    assert.deepEqual(join, { ...only("group-entry", last), ...only("frame", frame) });
    const again = cost(rig, () => rig.give(1, join4(A, A_IP, GROUP)));
    assert.deepEqual(again, only("frame", frame));
    for (let core = 0; core < cores; core++) {
      assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP), core), [1, 4], `core ${core}`);
    }
    assert.ok(rig.isCoherent);
  });

  test(`BR-8 on ${cores} cores data to a group costs no message that data to a station would not`, () => {
    const rig = withQuerier({ cores });
    rig.give(1, join4(A, A_IP, GROUP));
    for (let core = 0; core < cores; core++) rig.give(0, data4(S, S_IP, GROUP), core);
    const spent = cost(rig, () => {
      for (let n = 0; n < 64; n++) rig.give(0, data4(S, S_IP, GROUP));
    });
    const frames = spent["frame"] ?? 0;
    assert.deepEqual(spent, only("frame", frames));
    assert.ok(frames === 0, "a NIC that steers alike brings each frame to its core");
  });
}

test("BR-8 reports on any core and any master: the same table everywhere, after the role moved too", () => {
  for (const link of [0, 2]) {
    const rig = withQuerier({ cores: 4, roles: [-1, link] });
    for (let core = 0; core < 4; core++) {
      assert.deepEqual(
        rig.give(core, join4(A, A_IP, `239.0.1.${core}`), core).includes(4),
        core !== 4,
      );
    }
    assert.ok(rig.isCoherent);
    assert.equal(rig.snoop(1).summary().entries, 6, "four groups and two queriers");
  }
});

test("CORE-8 when the link master's role moves, groups, routers and the querier stay, and age on", () => {
  const rig = withQuerier({ cores: 3 });
  rig.give(1, join4(A, A_IP, GROUP));
  const before = rig.snoop(2).summary().digest;
  const spent = cost(rig, () => {
    rig.setMaster(Role.Link, 2);
    rig.pass(50);
  });
  assert.deepEqual(spent, {}, "no message");
  assert.equal(rig.snoop(2).summary().digest, before);
  assert.notEqual(rig.snoop(2).master, null);
  assert.equal(rig.snoop(0).master, null);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP), 0), [1, 4]);
  rig.give(2, join4(B, B_IP, GROUP), 1);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP), 0), [1, 2, 4]);
  rig.pass(240_000);
  rig.give(4, query4(ROUTER, ROUTER_IP));
  rig.pass(25_000);
  assert.deepEqual(rig.give(0, data4(S, S_IP, GROUP), 1), [4], "aged out by the new master");
  assert.ok(rig.isCoherent);
});

test("CORE-3 a core that lost its table is sent all of it, and forgets what is gone", () => {
  const rig = withQuerier({ cores: 2 });
  for (let n = 0; n < 300; n++) {
    rig.give(1, join4(A, A_IP, `239.7.${n >> 8}.${n & 255}`));
    if (n % 100 === 99) rig.pass(1000);
  }
  const second = rig.snoop(1);
  second.groups.release(0);
  second.groups.release(7);
  assert.ok(!rig.isCoherent);
  rig.cluster.cores[0]?.bus.markDirty(1, Table.Groups);
  rig.pass(200);
  assert.ok(rig.isCoherent);
  assert.equal(second.summary().entries, 302);
});
