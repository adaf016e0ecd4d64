import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { openCapture } from "./capture.ts";
import * as carp from "./carp.ts";
import * as ethernet from "./ethernet.ts";
import * as hsrp from "./hsrp.ts";
import * as ipv4 from "./ipv4.ts";
import { formatHex, parseHex } from "./text.ts";
import * as vrrp from "./vrrp.ts";
import { Fault } from "./vrrp-fault.ts";

const view = new DataView(new ArrayBuffer(2048));
const OWN = 0x02000000000a;
const LINK_LOCAL = [0xfe800000, 0, 0x000000ff, 0xfe00000a] as const;
const ASCII = (text: string): Uint8Array => new TextEncoder().encode(text);

const load = (at: number, hex: string): number => {
  const bytes = parseHex(hex.replaceAll(" ", "")) ?? assert.fail(hex);
  for (const [index, byte] of bytes.entries()) view.setUint8(at + index, byte);
  return at + bytes.length;
};
const hexAt = (at: number, end: number): string => formatHex(view, at, end);
const plain = (hex: string): string => hex.replaceAll(" ", "");

/** A payload behind an IPv4 header from 192.0.2.1 to the group; returns the payload's end, which starts at 34. */
function behind4(hex: string, hops = 255, protocol = vrrp.PROTOCOL, to = vrrp.GROUP4): number {
  const end = load(34, hex);
  ipv4.write(view, 14, 0xc0000201, to, protocol, end - 34, hops, 1);
  return end;
}
function behind6(hex: string, hops = 255): number {
  const end = load(54, hex);
  vrrp.writeEnvelope6(view, 0, OWN, vrrp.GROUP6_MAC, LINK_LOCAL, vrrp.GROUP6, end - 54);
  view.setUint8(21, hops);
  return end;
}

const V2 = "21079601 0101 1813 c0000264 7365637265743132";
const V2_RELEASE = "21070001 0101 ae13 c0000264 7365637265743132";
const V3_PSEUDO = "31079601 0032 d3cf c0000264";
const V3_PLAIN = "31079601 0032 7660 c0000264";
const V3_RELEASE = "31070001 0032 69d0 c0000264";
const V3_IPV6 =
  "31089602 0064 0f0e fe800000000000000000000000010008 20010db8000000000000000000000008";

const FOUR: vrrp.Advertisement = {
  version: 3,
  vrid: 7,
  priority: 150,
  interval: 500,
  addresses4: [0xc0000264],
  addresses6: [],
  password: null,
  pseudo: true,
};

test("VR-3 the reference's advertisements are written byte for byte", () => {
  const two = { ...FOUR, version: 2, interval: 1000, password: ASCII("secret12") } as const;
  const cases: [vrrp.Advertisement, string][] = [
    [two, V2],
    [{ ...two, priority: 0 }, V2_RELEASE],
    [FOUR, V3_PSEUDO],
    [{ ...FOUR, pseudo: false }, V3_PLAIN],
    [{ ...FOUR, priority: 0 }, V3_RELEASE],
  ];
  for (const [what, golden] of cases) {
    const bytes = vrrp.lengthOf(what);
    const from = 0xc0000201;
    const at = vrrp.writeEnvelope4(view, 0, OWN, vrrp.GROUP4_MAC, from, vrrp.GROUP4, bytes, 1);
    const end = vrrp.write(view, 14, at, what);
    assert.equal(hexAt(at, end), plain(golden));
    assert.equal(end - at, bytes);
    assert.equal(vrrp.fault(view, 14, at, end), Fault.None);
    assert.ok(hexAt(0, 16).startsWith("01005e00001202000000000a080045c0"));
  }
});

test("VR-3 the reference's advertisement for IPv6 is written byte for byte", () => {
  const what: vrrp.Advertisement = {
    ...FOUR,
    vrid: 8,
    interval: 1000,
    addresses4: [],
    addresses6: [
      [0xfe800000, 0, 0, 0x00010008],
      [0x20010db8, 0, 0, 8],
    ],
  };
  const bytes = vrrp.lengthOf(what);
  const to = vrrp.GROUP6;
  const at = vrrp.writeEnvelope6(view, 0, OWN, vrrp.GROUP6_MAC, LINK_LOCAL, to, bytes);
  const end = vrrp.write(view, 14, at, what);

  assert.equal(hexAt(at, end), plain(V3_IPV6));
  assert.equal(vrrp.fault(view, 14, at, end), Fault.None);
  assert.equal(vrrp.checksumForm(view, 14, at), vrrp.ChecksumForm.Pseudo);
  assert.ok(hexAt(0, 18).startsWith("33330000001202000000000a86dd6c000000"));
});

test("VR-3 both readings of the checksum of version 3 are accepted and told apart", () => {
  for (const [hex, form] of [
    [V3_PSEUDO, vrrp.ChecksumForm.Pseudo],
    [V3_PLAIN, vrrp.ChecksumForm.Plain],
    [V2, vrrp.ChecksumForm.Plain],
    [V3_PLAIN.replace("7660", "7661"), vrrp.ChecksumForm.Wrong],
  ] as const) {
    behind4(hex);
    assert.equal(vrrp.checksumForm(view, 14, 34), form, hex);
  }
});

test("VR-3 the fields of both versions are read", () => {
  let end = behind4(V2);
  assert.equal(vrrp.fault(view, 14, 34, end), Fault.None);
  assert.equal(vrrp.version(view, 34), 2);
  assert.equal(vrrp.vrid(view, 34), 7);
  assert.equal(vrrp.priority(view, 34), 150);
  assert.equal(vrrp.interval(view, 34), 1000);
  assert.equal(vrrp.authType(view, 34), vrrp.Auth.Simple);
  assert.ok(vrrp.isPassword(view, 34, ASCII("secret12")));
  assert.ok(!vrrp.isPassword(view, 34, ASCII("secret1")));
  assert.equal(vrrp.address4(view, 34, 0), 0xc0000264);

  end = behind4(V3_PSEUDO);
  assert.equal(vrrp.fault(view, 14, 34, end), Fault.None);
  assert.equal(vrrp.interval(view, 34), 500);

  end = behind6(V3_IPV6);
  assert.equal(vrrp.fault(view, 14, 54, end), Fault.None);
  assert.equal(vrrp.interval(view, 54), 1000);
  assert.equal(view.getUint32(vrrp.address6At(54, 1)), 0x20010db8);
});

test("VR-3 each fault of an advertisement has its own name", () => {
  const cases: [string, string, number, number][] = [
    ["TTL 254", V3_PSEUDO, 254, Fault.Hops],
    ["version 4", `41${V3_PSEUDO.slice(2)}`, 255, Fault.Version],
    ["version 1", `11${V3_PSEUDO.slice(2)}`, 255, Fault.Version],
    ["type 2", `32${V3_PSEUDO.slice(2)}`, 255, Fault.Type],
    ["more addresses than bytes", V3_PSEUDO.replace("9601", "9602"), 255, Fault.Short],
    ["a wrong checksum", V3_PSEUDO.replace("d3cf", "d3ce"), 255, Fault.Checksum],
    ["VRID 0", "31009601 0032 7667 c0000264", 255, Fault.Vrid],
    ["no address", "31079600 0032 38c6", 255, Fault.Addresses],
    ["interval 0", "31079601 0000 7692 c0000264", 255, Fault.Interval],
    ["auth type 3", "21079601 0301 45ff c0000264 0000000000000000", 255, Fault.Auth],
  ];
  for (const [name, hex, hops, expected] of cases) {
    let end = behind4(hex, hops);
    if (expected !== Fault.Checksum) {
      // The checksum comes before what is tested here.
      view.setUint16(40, 0);
      let sum = 0;
      for (let at = 34; at < end; at += 2) sum += view.getUint16(at);
      view.setUint16(40, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
    }
    assert.equal(vrrp.fault(view, 14, 34, end), expected, name);
    end = behind4(V3_PSEUDO);
    assert.equal(vrrp.fault(view, 14, 34, end), Fault.None);
  }
  const version2 = behind6(`21${V3_IPV6.slice(2)}`);
  assert.equal(vrrp.fault(view, 14, 54, version2), Fault.Version);
  assert.equal(vrrp.fault(view, 14, 54, behind6(V3_IPV6, 64)), Fault.Hops);
});

test("VR-3 an advertisement that is cut short anywhere is refused", () => {
  for (const [hex, isIpv6] of [
    [V2, false],
    [V3_PSEUDO, false],
    [V3_IPV6, true],
  ] as const) {
    const end = isIpv6 ? behind6(hex) : behind4(hex);
    const at = isIpv6 ? 54 : 34;
    for (let cut = at; cut < end; cut++) {
      assert.equal(vrrp.fault(view, 14, at, cut), Fault.Short, `${hex} to ${cut - at}`);
    }
    assert.equal(vrrp.fault(view, 14, at, end), Fault.None);
  }
});

test("VR-3 a flipped bit in a version 3 advertisement never goes unnoticed", () => {
  const end = behind4(V3_PSEUDO);
  for (let at = 34; at < end; at++) {
    for (let bit = 0; bit < 8; bit++) {
      view.setUint8(at, view.getUint8(at) ^ (1 << bit));
      assert.notEqual(vrrp.fault(view, 14, 34, end), Fault.None);
      view.setUint8(at, view.getUint8(at) ^ (1 << bit));
    }
  }
});

test("VR-5 the digest and the bytes of CARP are those of ucarp and of the reference", () => {
  const signer = new carp.Signer(ASCII("secret"), 7, [0xc0000264], []);
  const own = { vhid: 7, advskew: 10, advbase: 1, demote: 0 };
  const end = signer.write(view, 34, own, 0, 1);
  const golden = "21070a07000139c1 0000000000000001 a99cda75876680408da518c45f88af0b769ee3d8";
  assert.equal(hexAt(34, end), plain(golden));

  const real = "21070a070001de67 bdab8fea49fe81fe 13535de6b9b667fc711558406ded34f44ee08ef1";
  const to = behind4(real);
  assert.equal(carp.fault(view, 14, 34, to), Fault.None);
  assert.ok(signer.verify(view, 34));
  assert.equal(carp.counterHigh(view, 34), 0xbdab8fea);
  assert.equal(carp.counterLow(view, 34), 0x49fe81fe);
  assert.equal(carp.interval(view, 34), 1000 + 10000 / 256);
});

test("VR-5 CARP is verified against password, vhid, addresses and counter", () => {
  const own = { vhid: 7, advskew: 10, advbase: 1, demote: 0 };
  const end = new carp.Signer(ASCII("secret"), 7, [2, 1], []).write(view, 34, own, 5, 6);
  const verifies = (signer: carp.Signer): boolean => signer.verify(view, 34);

  assert.ok(verifies(new carp.Signer(ASCII("secret"), 7, [1, 2], [])), "addresses are sorted");
  assert.ok(!verifies(new carp.Signer(ASCII("Secret"), 7, [1, 2], [])));
  assert.ok(!verifies(new carp.Signer(ASCII("secret"), 8, [1, 2], [])));
  assert.ok(!verifies(new carp.Signer(ASCII("secret"), 7, [1], [])));
  assert.ok(!verifies(new carp.Signer(ASCII("secret"), 7, [1, 2], [LINK_LOCAL])));
  assert.ok(!verifies(new carp.Signer(ASCII("secret"), 7, [1, 2], [], OWN)));
  assert.equal(carp.fault(view, 14, 34, end), Fault.None);
  view.setUint8(34 + 15, 7);
  assert.ok(!verifies(new carp.Signer(ASCII("secret"), 7, [1, 2], [])), "another counter");
});

test("VR-5 CARP and VRRP version 2 are told apart, and each fault of CARP has its own name", () => {
  const real = "21070a070001de67 bdab8fea49fe81fe 13535de6b9b667fc711558406ded34f44ee08ef1";
  let end = behind4(real);
  assert.ok(carp.isCarp(view, 34, end));
  for (let cut = 34; cut < end; cut++) {
    assert.ok(!carp.isCarp(view, 34, cut));
    assert.equal(carp.fault(view, 14, 34, cut), Fault.Short);
  }
  end = behind4(real, 64);
  assert.equal(carp.fault(view, 14, 34, end), Fault.Hops);
  for (const [at, value, expected] of [
    [34, 0x31, Fault.Version],
    [34, 0x22, Fault.Type],
    [37, 6, Fault.Auth],
    [40, 0, Fault.Checksum],
  ] as const) {
    end = behind4(real);
    view.setUint8(at, value);
    assert.equal(carp.fault(view, 14, 34, end), expected);
  }
  const six = `21079606 0101 0000 ${"c0000264".repeat(6)} 0000000000000000`;
  assert.ok(!carp.isCarp(view, 34, behind4(six)), "six addresses");
  const seven = `21079607 0101 0000 ${"c0000264".repeat(7)} 0000000000000000`;
  assert.ok(!carp.isCarp(view, 34, behind4(seven)), "seven addresses are longer");
});

const HSRP: hsrp.Message = {
  version: 1,
  op: hsrp.Op.Hello,
  state: hsrp.State.Active,
  group: 5,
  priority: 110,
  hello: 3000,
  hold: 10000,
  identifier: OWN,
  address4: 0xc0000232,
  address6: null,
  password: ASCII("cisco"),
};
const HSRP_V1 = "00001003 0a6e0500 636973636f000000 c0000232";
const HSRP_V2 = `0128 02000604 012c 02000000000a 0000006e 00000bb8 00002710 c0000232 ${"00".repeat(12)} 0308 636973636f000000`;

test("VR-5 HSRP hellos of both versions are written byte for byte, and read", () => {
  for (const [what, golden] of [
    [HSRP, HSRP_V1],
    [{ ...HSRP, version: 2, group: 300 }, HSRP_V2],
  ] as [hsrp.Message, string][]) {
    const end = hsrp.writeFrame4(view, 0, OWN, 0xc0000201, 1, what);
    assert.equal(hexAt(42, end), plain(golden));
    assert.equal(hsrp.fault(view, 14, 34, end), Fault.None);
    const v = hsrp.version(view, 42);
    assert.equal(v, what.version);
    const at = hsrp.group(view, 42, end);
    assert.equal(hsrp.op(view, at), hsrp.Op.Hello);
    assert.equal(hsrp.state(view, at, v), hsrp.State.Active);
    assert.equal(hsrp.groupNumber(view, at, v), what.group);
    assert.equal(hsrp.priority(view, at, v), 110);
    assert.equal(hsrp.hello(view, at, v), 3000);
    assert.equal(hsrp.hold(view, at, v), 10000);
    assert.equal(view.getUint32(hsrp.addressAt(at, v)), 0xc0000232);
    const password = hsrp.passwordAt(view, 42, end);
    assert.equal(hexAt(password, password + 8), "636973636f000000");
    assert.ok(!hsrp.hasDigest(view, 42, end));
  }
});

test("VR-5 HSRP version 2 speaks IPv6 with a port, a group and a MAC of its own", () => {
  const what = { ...HSRP, version: 2, group: 4095, address6: LINK_LOCAL } as const;
  const end = hsrp.writeFrame6(view, 0, OWN, LINK_LOCAL, what);
  assert.equal(hsrp.fault(view, 14, 54, end), Fault.None);
  assert.equal(ethernet.destination(view, 0), 0x333300000066);
  assert.equal(hsrp.groupNumber(view, hsrp.group(view, 62, end), 2), 4095);
  view.setUint8(end - 1, 1);
  assert.equal(hsrp.fault(view, 14, 54, end), Fault.Checksum);
  assert.equal(hsrp.virtualMac6(4095), 0x000573a00fff);
  assert.equal(hsrp.virtualMacV2(300), 0x00000c9ff12c);
  assert.equal(hsrp.virtualMacV1(255), 0x00000c07acff);
});

test("VR-5 each fault of HSRP has its own name", () => {
  const one = (change: (end: number) => void, what: hsrp.Message = HSRP): Fault => {
    const end = hsrp.writeFrame4(view, 0, OWN, 0xc0000201, 1, what);
    view.setUint16(40, 0);
    change(end);
    return hsrp.fault(view, 14, 34, end);
  };
  const two = { ...HSRP, version: 2, group: 300 } as const;
  assert.equal(
    one(() => undefined),
    Fault.None,
  );
  assert.equal(
    one(() => view.setUint8(22, 64)),
    Fault.Hops,
  );
  assert.equal(
    one(() => view.setUint16(38, 27)),
    Fault.Short,
  );
  assert.equal(
    one(() => view.setUint16(40, 1)),
    Fault.Checksum,
  );
  assert.equal(
    one(() => view.setUint8(43, 3)),
    Fault.Type,
  );
  assert.equal(
    one(() => view.setUint8(44, 3)),
    Fault.State,
  );
  assert.equal(
    one(() => view.setUint8(45, 0)),
    Fault.Interval,
  );
  assert.equal(
    one(() => view.setUint8(46, 3)),
    Fault.Interval,
  );
  assert.equal(
    one(() => view.setUint8(43, 39), two),
    Fault.Element,
  );
  assert.equal(
    one(() => view.setUint8(43, 255), two),
    Fault.Element,
  );
  assert.equal(
    one(() => view.setUint8(42, 9), two),
    Fault.Type,
  );
  assert.equal(
    one(() => view.setUint8(44, 3), two),
    Fault.Version,
  );
  assert.equal(
    one(() => view.setUint8(46, 7), two),
    Fault.State,
  );
  assert.equal(
    one(() => view.setUint8(47, 6), two),
    Fault.Addresses,
  );
  assert.equal(
    one(() => view.setUint16(48, 4096), two),
    Fault.Vrid,
  );
  assert.equal(
    one(() => view.setUint32(60, 0), two),
    Fault.Interval,
  );
});

test("VR-6 random bytes never throw in any reader", () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 120 });
  fc.assert(
    fc.property(bytes, fc.boolean(), fc.constantFrom(1, 255), (random, isIpv6, hops) => {
      for (const [index, byte] of random.entries()) view.setUint8(34 + index, byte);
      const end = 34 + random.length;
      ipv4.write(view, 14, 1, 2, vrrp.PROTOCOL, random.length, hops, 1);
      if (isIpv6) {
        view.setUint8(14, 0x60);
        view.setUint8(21, hops);
      }
      vrrp.fault(view, 14, 34, end);
      carp.fault(view, 14, 34, end);
      carp.isCarp(view, 34, end);
      if (hsrp.fault(view, 14, 34, end) !== Fault.None) return;
      hsrp.passwordAt(view, 42, end);
      hsrp.group(view, 42, end);
    }),
  );
});

/** Every packet of a capture of real peers, by its IP protocol. */
function packets(name: string, take: (ip: number, at: number, end: number) => void): void {
  const bytes = readFileSync(new URL(`../../test/fixtures/captures/${name}`, import.meta.url));
  const reader = openCapture(bytes);
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    const whole = bytes.subarray(record.start, record.end);
    for (const [index, byte] of whole.entries()) view.setUint8(index, byte);
    const kind = ethernet.type(view, 0);
    if (kind === ethernet.EtherType.Ipv4 && ipv4.protocol(view, 14) === vrrp.PROTOCOL) {
      take(14, ipv4.payload(view, 14), ipv4.packetEnd(view, 14));
    } else if (kind === ethernet.EtherType.Ipv6 && view.getUint8(20) === vrrp.PROTOCOL) {
      take(14, 54, whole.length);
    }
  }
}

test("VR-3 every advertisement that keepalived, FRR and ucarp sent on the wire is read without fault", () => {
  const seen = { two: 0, six: 0, carp: 0 };
  packets("own_vrrp2_v4_keepalived_link.pcap", (ip, at, end) => {
    assert.equal(vrrp.fault(view, ip, at, end), Fault.None);
    seen.two++;
  });
  packets("own_vrrp3_v6_keepalived_frr.pcap", (ip, at, end) => {
    assert.equal(vrrp.fault(view, ip, at, end), Fault.None);
    seen.six++;
  });
  packets("own_carp_ucarp_kill.pcap", (ip, at, end) => {
    assert.ok(carp.isCarp(view, at, end));
    assert.equal(carp.fault(view, ip, at, end), Fault.None);
    seen.carp++;
  });
  for (const [name, count] of Object.entries(seen)) assert.ok(count > 0, name);
});
