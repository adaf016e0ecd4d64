// RFC 4541 section 2 and 3, sentence by sentence, on a whole appliance of two cores in virtual time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Record as Kind } from "../../src/wire/igmp.ts";
import {
  data4,
  data6,
  join4,
  join6,
  leave4,
  query4,
  query6,
  report4,
  report6,
} from "../sim/multicast-frames.ts";
import { ROUTER, ROUTER_IP, ROUTER_IP6, SnoopRig } from "../sim/snoop-rig.ts";

const A = "02:00:00:00:00:0a";
const B = "02:00:00:00:00:0b";
const S = "02:00:00:00:00:05";
const GROUP = "239.1.2.3";
const GROUP6 = "ff15::1:2";
const to = (rig: SnoopRig, group = GROUP): number[] => rig.give(0, data4(S, "192.0.2.5", group));
const to6 = (rig: SnoopRig, group = GROUP6): number[] => rig.give(0, data6(S, "fe80::5", group));

/** A router on port 4 that has asked, and hosts that had their time. */
function rig(options: ConstructorParameters<typeof SnoopRig>[0] = {}): SnoopRig {
  const made = new SnoopRig({ cores: 2, ...options });
  made.give(4, query4(ROUTER, ROUTER_IP));
  made.give(4, query6(ROUTER, ROUTER_IP6));
  made.pass(10_100);
  return made;
}

test("RFC 4541 2.1.1 (1): BR-8 membership reports are forwarded only to ports with multicast routers", () => {
  const one = rig();
  for (const frame of [
    join4(A, "192.0.2.10", GROUP, 1),
    join4(A, "192.0.2.10", GROUP),
    report4(A, "192.0.2.10", Kind.ToExclude, GROUP),
    leave4(A, "192.0.2.10", GROUP),
  ]) {
    assert.deepEqual(one.give(1, frame), [4]);
  }
});

test("RFC 4541 2.1.1 (1): BR-8 reports with the source 0.0.0.0 count", () => {
  const one = rig();
  assert.deepEqual(one.give(1, join4(A, "0.0.0.0", GROUP)), [4]);
  assert.deepEqual(to(one), [1, 4]);
});

test("RFC 4541 2.1.1 (1): BR-8 routers are found by queries that are not from 0.0.0.0, and by configuration", () => {
  const one = rig({ channels: { 3: { routerPort: 1 } } });
  one.give(1, query4(A, "0.0.0.0"));
  assert.deepEqual(to(one), [3, 4]);
  one.give(2, query4(B, "192.0.2.253"));
  assert.deepEqual(to(one), [2, 3, 4], "any router's query, the querier or not");
});

test("RFC 4541 2.1.1 (2): BR-8 a switch that asks with 0.0.0.0 takes no part in elections", () => {
  const own = { igmpVersion: 2, mldVersion: 1, vlans: [10], address: 0 };
  const one = new SnoopRig({ snoop: { mld: false, querier: own } });
  one.pass(100);
  one.give(4, query4(ROUTER, "223.255.255.254"));
  one.sent.length = 0;
  one.pass(254_000);
  assert.equal(one.sent.length, 0, "it is silent while another asks");
  one.pass(2000);
  const [asked] = one.sent;
  assert.equal(asked?.hex.slice(52, 60), "00000000");
});

test("RFC 4541 2.1.1 (3): BR-8 messages with bad checksums are not used, and not forwarded", () => {
  const one = rig();
  const broken = join4(A, "192.0.2.10", GROUP);
  broken[41] = (broken[41] ?? 0) ^ 0xff;
  assert.deepEqual(one.give(1, broken), []);
  assert.deepEqual(to(one), [4]);
});

test("RFC 4541 2.1.1 (4): BR-8 when a port goes down, its members go with it", () => {
  const one = rig();
  one.give(1, join4(A, "192.0.2.10", GROUP));
  for (const up of [false, true]) {
    for (const core of one.cluster.cores) core.dispatch.linkChanged(1, up, one.cluster.now);
    one.cluster.settle();
  }
  assert.deepEqual(to(one), [4]);
});

test("RFC 4541 2.1.2 (1): BR-8 IP multicast outside 224.0.0.X is sent by the group table and to router ports", () => {
  const one = rig();
  one.give(1, join4(A, "192.0.2.10", GROUP));
  assert.deepEqual(to(one), [1, 4]);
});

test("RFC 4541 2.1.2 (2): BR-8 packets to 224.0.0.X which are not IGMP go to all ports", () => {
  const one = rig();
  for (let last = 1; last < 256; last += 23) {
    assert.deepEqual(to(one, `224.0.0.${last}`), [1, 2, 3, 4]);
  }
  assert.deepEqual(to(one, "224.0.1.1"), [4]);
});

test("RFC 4541 2.1.2 (3): BR-8 unregistered groups go to router ports, or where told so, to all", () => {
  assert.deepEqual(to(rig()), [4]);
  assert.deepEqual(to(rig({ snoop: { unregistered: "flood" } })), [1, 2, 3, 4]);
});

test("RFC 4541 2.1.2 (4): BR-8 what is not IPv4 multicast is not touched by IGMP snooping", () => {
  const one = rig({ snoop: { mld: false } });
  assert.deepEqual(to6(one), [1, 2, 3, 4]);
});

test("RFC 4541 2.2: BR-8 reports of version 3 are understood, and hosts of both versions share a group", () => {
  const one = rig();
  one.give(1, join4(A, "192.0.2.10", GROUP));
  one.give(2, report4(B, "192.0.2.11", Kind.IsExclude, GROUP));
  assert.deepEqual(to(one), [1, 2, 4]);
});

test("RFC 4541 3: BR-8 MLD is snooped as IGMP is; ff02::1 and link-local groups go to all ports", () => {
  const one = rig();
  one.give(1, report6(A, "fe80::a", Kind.ToExclude, GROUP6));
  assert.deepEqual(to6(one), [1, 4]);
  assert.deepEqual(to6(one, "ff02::1"), [1, 2, 3, 4]);
  assert.deepEqual(to6(one, "ff02::1:ff00:1"), [1, 2, 3, 4]);
  assert.deepEqual(to6(one, "ff05::2"), [4]);
});

test("RFC 2710 3, RFC 3810 5: BR-8 MLD with another hop limit than 1 or from no link-local address is not believed", () => {
  const one = rig();
  const far = join6(A, "fe80::a", GROUP6);
  far[21] = 2;
  assert.deepEqual(one.give(1, far), []);
  assert.deepEqual(one.give(1, join6(A, "2001:db8::a", GROUP6)), []);
  assert.deepEqual(one.give(1, query6(A, "2001:db8::a")), []);
  assert.deepEqual(to6(one), [4]);
});
