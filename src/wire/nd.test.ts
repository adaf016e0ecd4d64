import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mac } from "./bytes.ts";
import { Type } from "./icmpv6.ts";
import * as mld from "./mld.ts";
import * as nd from "./nd.ts";
import { parseIpv6 } from "./text.ts";

const A = 0x02000000000a;
const B = 0x02000000000b;
const words = (text: string): nd.Words => parseIpv6(text) as nd.Words;
const LOCAL_A = words("fe80::ff:fe00:a");
const LOCAL_B = words("fe80::ff:fe00:b");
const ANY = words("::");
const START = 32;

const bytes = new Uint8Array(4096);
const view = new DataView(bytes.buffer);
const hex = (end: number): string => Buffer.from(bytes.slice(START, end)).toString("hex");
const squeeze = (text: string): string => text.replaceAll(/[^0-9a-f]/g, "");
const IP = START + 14;
const ICMP = IP + 40;

test("the golden duplicate detection of RFC 4862 is written and valid", () => {
  const group = words("ff02::1:ff00:a");
  const end = nd.writeSolicitation(
    view,
    START,
    nd.groupMac(group[3] as number),
    A,
    ANY,
    group,
    LOCAL_A,
    -1,
    -1,
  );
  assert.equal(
    hex(end),
    squeeze(
      `3333ff00000a 02000000000a 86dd 60000000 0018 3a ff ${"00".repeat(16)}
       ff0200000000000000000001ff00000a 87007d1300000000 fe80000000000000000000fffe00000a`,
    ),
  );
  assert.equal(nd.fault(view, IP, ICMP, end), nd.Fault.None);
});

test("the golden solicitation and its answer are written and valid", () => {
  const group = words("ff02::1:ff00:b");
  const ns = nd.writeSolicitation(
    view,
    START,
    nd.groupMac(0xff00000b),
    A,
    LOCAL_A,
    group,
    LOCAL_B,
    A,
    -1,
  );
  assert.equal(
    hex(ns).slice(28),
    squeeze(
      `6000000000203aff fe80000000000000000000fffe00000a ff0200000000000000000001ff00000b
       87007c7300000000 fe80000000000000000000fffe00000b 010102000000000a`,
    ),
  );
  assert.equal(nd.linkLayer(view, nd.options(view, ICMP), ns, nd.Option.SourceLink), A);
  const na = nd.writeAdvertisement(view, START, A, B, LOCAL_B, LOCAL_A, LOCAL_B, B, 0x60);
  assert.equal(
    hex(na).slice(108),
    squeeze("88001af660000000 fe80000000000000000000fffe00000b 020102000000000b"),
  );
  assert.equal(nd.fault(view, IP, ICMP, na), nd.Fault.None);
});

test("the golden unsolicited advertisement of a virtual router is written", () => {
  const own = words("fe80::1:8");
  const vmac = 0x00005e000208;
  const all = words("ff02::1");
  const end = nd.writeAdvertisement(view, START, nd.groupMac(1), vmac, own, all, own, vmac, 0xa0);
  assert.equal(
    hex(end),
    squeeze(
      `333300000001 00005e000208 86dd 60000000 0020 3a ff fe800000000000000000000000010008
       ff020000000000000000000000000001 88007983a0000000 fe800000000000000000000000010008 020100005e000208`,
    ),
  );
});

test("the golden MLDv2 report is written", () => {
  const group = words("ff02::1:ff00:a");
  const end = mld.writeReport2(view, START, A, ANY, mld.Record.ToExclude, [group], 0, 1);
  assert.equal(
    hex(end).slice(28),
    squeeze(
      `60000000 0024 00 01 ${"00".repeat(16)} ff020000000000000000000000000016
       3a00050200000100 8f006f8000000001 04000000 ff0200000000000000000001ff00000a`,
    ),
  );
});

test("an MLDv1 report and a done are as RFC 2710 says", () => {
  const group = words("ff02::1:ff00:a");
  let end = mld.writeReport1(view, START, A, LOCAL_A, group, false);
  assert.equal(hex(end).slice(0, 12), "3333ff00000a");
  assert.equal(view.getUint8(ICMP + 8), Type.ListenerReport);
  end = mld.writeReport1(view, START, A, LOCAL_A, group, true);
  assert.equal(hex(end).slice(0, 12), "333300000002");
  assert.equal(view.getUint8(ICMP + 8), Type.ListenerDone);
});

test("a response delay above 32767 is a floating-point code (RFC 3810 5.1.3)", () => {
  view.setUint16(ICMP + 4, 0x8000);
  assert.equal(mld.responseDelay(view, ICMP, 2), 0x1000 << 3);
  assert.equal(mld.responseDelay(view, ICMP, 1), 0x8000);
  view.setUint16(ICMP + 4, 1000);
  assert.equal(mld.responseDelay(view, ICMP, 2), 1000);
});

const RA: nd.RouterAdvertisement = {
  hopLimit: 64,
  managed: false,
  other: false,
  preference: "high",
  lifetimeSeconds: 1800,
  reachableTime: 10_000,
  retransTimer: 1000,
  mtu: 1500,
  prefixes: [
    {
      prefix: words("2001:db8:1::"),
      length: 64,
      onLink: true,
      autonomous: true,
      validSeconds: 600,
      preferredSeconds: 300,
    },
  ],
  dns: [words("2001:db8::53")],
  dnsSeconds: 60,
};

test("a router advertisement is read as it was written", () => {
  const end = nd.writeRouterAdvertisement(
    view,
    START,
    nd.groupMac(1),
    A,
    LOCAL_A,
    words("ff02::1"),
    A,
    RA,
  );
  assert.equal(nd.fault(view, IP, ICMP, end), nd.Fault.None);
  assert.ok(end - START <= nd.routerAdvertisementRoom(RA));
  assert.equal(nd.raHopLimit(view, ICMP), 64);
  assert.equal(nd.raPreference(view, ICMP), 1);
  assert.equal(nd.raLifetime(view, ICMP), 1800);
  assert.equal(nd.raReachable(view, ICMP), 10_000);
  assert.equal(nd.raRetrans(view, ICMP), 1000);
  const from = nd.options(view, ICMP);
  assert.equal(nd.mtuOption(view, from, end), 1500);
  assert.equal(nd.linkLayer(view, from, end, nd.Option.SourceLink), A);
  const prefix = nd.option(view, from, end, nd.Option.Prefix);
  assert.ok(nd.isPrefix(view, prefix));
  assert.equal(nd.prefixLength(view, prefix), 64);
  assert.equal(nd.prefixFlags(view, prefix), 0xc0);
  assert.equal(nd.prefixValid(view, prefix), 600);
  assert.equal(nd.prefixPreferred(view, prefix), 300);
  assert.equal(view.getUint32(nd.prefixAt(prefix)), 0x20010db8);
  assert.equal(nd.nextOption(view, prefix, end), -1);
});

test("a redirect quotes the packet and keeps to 1280 bytes (RFC 4861 4.5)", () => {
  const packet = 2048;
  for (const length of [40, 47, 48, 1500]) {
    bytes.fill(7, packet, packet + length);
    const end = nd.writeRedirect(
      view,
      bytes,
      START,
      B,
      A,
      LOCAL_A,
      LOCAL_B,
      LOCAL_B,
      B,
      packet,
      packet + length,
    );
    assert.ok(end - IP <= 1280);
    assert.equal(nd.fault(view, IP, ICMP, end), length > 0 ? nd.Fault.None : 0);
    const quoted = nd.option(view, nd.options(view, ICMP), end, nd.Option.Redirected);
    assert.equal(view.getUint8(quoted + 1) * 8 - 8, Math.min(length, 1280 - 40 - 40 - 16) & ~7);
  }
});

/** Writes a valid message of a type, lets `spoil` change it, and returns the fault. */
function faultOf(type: number, spoil: () => number | undefined, mend = true): number {
  bytes.fill(0);
  let end: number;
  const group = words("ff02::1:ff00:b");
  if (type === Type.RouterSolicitation) {
    end = nd.writeRouterSolicitation(view, START, nd.groupMac(2), A, LOCAL_A, words("ff02::2"), A);
  } else if (type === Type.RouterAdvertisement) {
    end = nd.writeRouterAdvertisement(
      view,
      START,
      nd.groupMac(1),
      A,
      LOCAL_A,
      words("ff02::1"),
      A,
      RA,
    );
  } else if (type === Type.NeighborSolicitation) {
    end = nd.writeSolicitation(view, START, nd.groupMac(1), A, LOCAL_A, group, LOCAL_B, A, -1);
  } else if (type === Type.NeighborAdvertisement) {
    end = nd.writeAdvertisement(view, START, A, B, LOCAL_B, LOCAL_A, LOCAL_B, B, 0x60);
  } else {
    end = nd.writeRedirect(view, bytes, START, B, A, LOCAL_A, LOCAL_B, LOCAL_B, B, 2048, 2048 + 64);
  }
  end = spoil() ?? end;
  if (mend) nd.finish(view, START, ICMP, end);
  return nd.fault(view, IP, ICMP, end);
}

const TYPES = [133, 134, 135, 136, 137];
for (const type of TYPES) {
  test(`RFC 4861 6.1, 7.1, 8.1: a message of type ${type} is checked in every way that all are`, () => {
    const { Fault } = nd;
    assert.equal(
      faultOf(type, () => undefined),
      Fault.None,
    );
    const set = (at: number, value: number) => () => {
      view.setUint8(at, value);
      return undefined;
    };
    assert.equal(faultOf(type, set(IP + 7, 254)), Fault.HopLimit);
    assert.equal(faultOf(type, set(ICMP + 1, 1)), Fault.Code);
    assert.equal(faultOf(type, set(ICMP + 6, 1), false), Fault.Checksum);
    const shortest = [8, 16, 24, 24, 40][type - 133] as number;
    assert.equal(
      faultOf(type, () => ICMP + shortest - 1),
      Fault.Length,
    );
    assert.equal(faultOf(type, set(ICMP + shortest + 1, 0)), Fault.Option);
    assert.equal(faultOf(type, set(ICMP + shortest + 1, 200)), Fault.Option);
  });
}

test("RFC 4861 7.1.1: from :: only to a solicited-node group and without a link-layer address", () => {
  const anonymous = (at = IP + 8) => bytes.fill(0, at, at + 16);
  const bare = ICMP + 24;
  const { Fault } = nd;
  assert.equal(
    faultOf(135, () => {
      anonymous();
      return bare;
    }),
    Fault.None,
  );
  assert.equal(
    faultOf(135, () => {
      anonymous();
      return undefined;
    }),
    Fault.UnspecifiedLink,
  );
  assert.equal(
    faultOf(135, () => {
      anonymous();
      nd.writeWords(view, IP + 24, LOCAL_B);
      return bare;
    }),
    Fault.Unspecified,
  );
  assert.equal(
    faultOf(133, () => {
      anonymous();
      return undefined;
    }),
    Fault.UnspecifiedLink,
  );
});

test("RFC 4861 7.1: a target is no group, and an answer to a group is not solicited", () => {
  const { Fault } = nd;
  const all = words("ff02::1");
  for (const type of [135, 136]) {
    assert.equal(
      faultOf(type, () => {
        nd.writeWords(view, ICMP + 8, all);
        return undefined;
      }),
      Fault.Target,
    );
  }
  assert.equal(
    faultOf(136, () => {
      nd.writeWords(view, IP + 24, all);
      return undefined;
    }),
    Fault.Solicited,
  );
});

test("RFC 4861 6.1.2, 8.1: routers speak from link-local addresses; redirects name a first hop", () => {
  const { Fault } = nd;
  const global = words("2001:db8::1");
  for (const type of [134, 137]) {
    assert.equal(
      faultOf(type, () => {
        nd.writeWords(view, IP + 8, global);
        return undefined;
      }),
      Fault.Source,
    );
  }
  assert.equal(
    faultOf(137, () => {
      nd.writeWords(view, ICMP + 8, global);
      return undefined;
    }),
    Fault.Target,
  );
  assert.equal(
    faultOf(137, () => {
      nd.writeWords(view, ICMP + 8, global);
      nd.writeWords(view, ICMP + 24, global);
      return undefined;
    }),
    Fault.None,
  );
  assert.equal(
    faultOf(137, () => {
      nd.writeWords(view, ICMP + 24, words("ff02::1"));
      return undefined;
    }),
    Fault.Destination,
  );
});

test("hostile bytes of every length are read without an error", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 200 }),
      fc.constantFrom(...TYPES),
      (data, type) => {
        const tight = new DataView(new ArrayBuffer(40 + data.length));
        for (const [index, byte] of data.entries()) tight.setUint8(40 + index, byte);
        tight.setUint8(0, 0x60);
        tight.setUint8(7, 255);
        tight.setUint8(40, type);
        const end = 40 + data.length;
        nd.fault(tight, 0, 40, end);
        if (end < nd.options(tight, 40)) return;
        const from = nd.options(tight, 40);
        if (!nd.areOptionsValid(tight, from, end)) return;
        for (const kind of Object.values(nd.Option)) nd.option(tight, from, end, kind);
        nd.linkLayer(tight, from, end, 1);
        nd.mtuOption(tight, from, end);
      },
    ),
  );
});

test("a group's MAC is 33:33 and the last four bytes (RFC 2464 7)", () => {
  nd.writeHeaders(view, START, nd.groupMac(0xff00000b), A, ANY, ANY, 58, 1);
  assert.equal(mac(view, START), 0x3333ff00000b);
});
