import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as text from "./text.ts";

const word = fc.integer({ min: 0, max: 0xffffffff });
const someZeros = fc.oneof(word, fc.constant(0), fc.constant(0xffff), fc.constant(0x10000));

test("a MAC is read with colons, dashes and Cisco dots and printed in lower case with colons", () => {
  for (const form of ["02:00:00:00:AB:0a", "02-00-00-00-ab-0A", "0200.0000.AB0a"]) {
    assert.equal(text.parseMac(form), 0x02000000ab0a, form);
  }
  assert.equal(text.formatMac(0x02000000ab0a), "02:00:00:00:ab:0a");
  assert.equal(text.formatMac(0), "00:00:00:00:00:00");
  assert.equal(text.formatMac(0xffffffffffff), "ff:ff:ff:ff:ff:ff");
});

test("what is no MAC is refused", () => {
  const wrong = [
    "",
    "02:00:00:00:00",
    "02:00-00:00:00:00",
    "2:0:0:0:0:a",
    "0200.0000.00",
    "02000000000a",
  ];
  for (const form of [...wrong, "02:00:00:00:00:0g", " 02:00:00:00:00:0a", "02:00:00:00:00:0a\n"]) {
    assert.equal(text.parseMac(form), undefined, JSON.stringify(form));
  }
});

test("every MAC that is printed is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (mac) => {
      assert.equal(text.parseMac(text.formatMac(mac)), mac);
    }),
  );
});

test("every IPv4 address that is printed is read back, alone and as a prefix", () => {
  fc.assert(
    fc.property(word, fc.integer({ min: 0, max: 32 }), (address, length) => {
      assert.equal(text.parseIpv4(text.formatIpv4(address)), address);
      const prefix = text.parseIpv4Prefix(text.formatIpv4Prefix(address, length));
      assert.deepEqual(prefix, { address, length });
    }),
  );
});

test("what is no IPv4 address is refused, leading zeros among it", () => {
  for (const form of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "1..2.3",
    "-1.2.3.4",
    "0x1.2.3.4",
  ]) {
    assert.equal(text.parseIpv4(form), undefined, form);
  }
  for (const form of [
    "1.2.3.4",
    "1.2.3.4/",
    "1.2.3.4/33",
    "1.2.3.4/08",
    "1.2.3/8",
    "/8",
    "1.2.3.4/8/8",
    "1.2.3.4/-1",
  ]) {
    assert.equal(text.parseIpv4Prefix(form), undefined, form);
  }
});

const RFC_5952: readonly (readonly [string, string])[] = [
  ["2001:0db8::0001", "2001:db8::1"],
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:DB8::A", "2001:db8::a"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["::ffff:c000:201", "::ffff:192.0.2.1"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
];

test("IPv6 addresses are printed as RFC 5952 wants them", () => {
  for (const [written, printed] of RFC_5952) {
    const words = text.parseIpv6(written);
    assert.ok(words, written);
    assert.equal(text.formatIpv6(...words), printed);
  }
});

test("every IPv6 address that is printed is read back, and printed the same", () => {
  fc.assert(
    fc.property(fc.tuple(someZeros, someZeros, someZeros, someZeros), (words) => {
      const printed = text.formatIpv6(...words);
      assert.deepEqual(text.parseIpv6(printed), words);
      assert.deepEqual(text.parseIpv6Prefix(`${printed}/64`), { address: words, length: 64 });
    }),
    { numRuns: 500 },
  );
});

test("what is no IPv6 address is refused", () => {
  const wrong = [
    "",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "::g",
    "fe80::1%eth0",
  ];
  for (const form of [
    ...wrong,
    "1.2.3.4",
    "1.2.3.4::",
    "::1.2.3",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:8::",
    ":1::2",
    "1::2:",
  ]) {
    assert.equal(text.parseIpv6(form), undefined, form);
  }
});

test("a frame in hex is read with blanks and colons, and refused with half a byte", () => {
  assert.deepEqual(text.parseHex("0x0aFF 00:01\n02"), new Uint8Array([10, 255, 0, 1, 2]));
  assert.equal(text.parseHex("0af"), undefined);
  assert.equal(text.parseHex("zz"), undefined);
  const bytes = new Uint8Array([1, 2, 254]);
  assert.equal(text.formatHex(new DataView(bytes.buffer), 1, 3), "02fe");
});
