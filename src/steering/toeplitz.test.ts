import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { naiveToeplitz } from "../../test/fixtures/steering-frames.ts";
import { parseIpv4, parseIpv6 } from "../wire/text.ts";
import { keyOf, MICROSOFT_KEY, SYMMETRIC_KEY } from "./config.ts";
import { hashHalf, hashWord, hashWords, toeplitzTable } from "./toeplitz.ts";

const table = toeplitzTable(MICROSOFT_KEY);
const symmetric = toeplitzTable(SYMMETRIC_KEY);

function hashBytes(from: Int32Array, bytes: readonly number[]): number {
  const padded = [...bytes, ...new Array<number>((4 - (bytes.length % 4)) % 4).fill(0)];
  return hashWords(from, 0, new DataView(Uint8Array.from(padded).buffer), 0, padded.length) >>> 0;
}

function addressBytes(text: string): number[] {
  const words = text.includes(":") ? parseIpv6(text) : [parseIpv4(text) as number];
  return (words as readonly number[]).flatMap((w) => [
    w >>> 24,
    (w >>> 16) & 255,
    (w >>> 8) & 255,
    w & 255,
  ]);
}

const portBytes = (port: number): number[] => [port >> 8, port & 255];

/** Source, port, destination, port, two-tuple, four-tuple, both reversed, both by the symmetric key. */
const VECTORS = `
66.9.149.187 2794 161.142.100.80 1766 323e8fc2 51ccc178 ba45587e fde799b2 0a590a59 9fcc9fcc
199.92.111.2 14230 65.69.140.83 4739 d718262a c626b0ea 6fbcad07 e53c74e8 7ba97ba9 60d760d7
24.19.198.95 12898 12.22.207.184 38024 d2d0a5de 5c2b394a f6e02bf3 a802b849 a55aa55a 3a3e3a3e
38.27.205.30 48228 209.142.163.6 2217 82989176 afc7327f a7728522 e1dfcdff f8a7f8a7 d26ed26e
153.39.163.191 44251 202.188.127.2 1303 5d1809c5 10e828a2 c197330c 15d05e13 57545754 f23ef23e
3ffe:2501:200:1fff::7 2794 3ffe:2501:200:3::1 1766 2cc18cd5 40207d3d bf3b2ab5 1ac0fcce 867e867e 13eb13eb
3ffe:501:8::260:97ff:fe40:efab 14230 ff02::1 4739 0f0c461c dde51bbf 39eafaa7 e0f7edc9 2def2def 36913691
3ffe:1900:4545:3:200:f8ff:fe21:67cf 44251 fe80::200:f8ff:fe21:67cf 38024 4b61e985 02d1feef 2d4381a5 d1bec7ad c85ec85e 08090809
`
  .trim()
  .split("\n")
  .map((line) => line.split(" ") as [string, string, string, string, ...string[]]);

for (const [source, sport, destination, dport, ...hex] of VECTORS) {
  test(`CORE-4 the published vectors of ${source} to ${destination} hold`, () => {
    const addresses = [...addressBytes(source), ...addressBytes(destination)];
    const reversed = [...addressBytes(destination), ...addressBytes(source)];
    const ports = [...portBytes(Number(sport)), ...portBytes(Number(dport))];
    const portsReversed = [...portBytes(Number(dport)), ...portBytes(Number(sport))];

    const found = [
      hashBytes(table, addresses),
      hashBytes(table, [...addresses, ...ports]),
      hashBytes(table, reversed),
      hashBytes(table, [...reversed, ...portsReversed]),
      hashBytes(symmetric, addresses),
      hashBytes(symmetric, [...addresses, ...ports]),
    ];

    assert.deepEqual(
      found.map((hash) => hash.toString(16).padStart(8, "0")),
      hex,
    );
  });
}

test("CORE-4 raw inputs of zeros, ones and single bits hash as computed by hand", () => {
  const zeros = (count: number): number[] => new Array<number>(count).fill(0);

  assert.equal(hashBytes(table, zeros(12)), 0);
  assert.equal(hashBytes(table, [0x80, ...zeros(11)]), 0x6d5a56da);
  assert.equal(hashBytes(table, [...zeros(11), 1]), 0xa1d1c7d8);
  assert.equal(hashBytes(table, new Array<number>(12).fill(255)), 0xe5a8b726);
  assert.equal(hashBytes(table, [1, ...zeros(35)]), 0xad2b6d12);
});

test("CORE-4 further tuples hash as the reference computed them", () => {
  const pair = (a: string, b: string): number[] => [...addressBytes(a), ...addressBytes(b)];

  assert.equal(hashBytes(table, pair("192.0.2.1", "192.0.2.2")), 0x5ceea90c);
  assert.equal(hashBytes(table, pair("192.0.2.2", "192.0.2.1")), 0x77ffb60c);
  assert.equal(hashBytes(table, [...pair("192.0.2.1", "192.0.2.2"), 4, 210, 0, 80]), 0xb999a8f7);
  assert.equal(hashBytes(table, pair("fe80::1", "ff02::1:ff00:a")), 0x82dc38a3);
  assert.equal(
    hashBytes(table, [...pair("2001:db8::1", "2001:db8::2"), 4, 210, 0, 80]),
    0x1fecccd3,
  );
});

const keys = fc.array(fc.nat(255), { minLength: 16, maxLength: 52 });
const inputs = fc.array(fc.nat(255), { minLength: 0, maxLength: 36 });

test("CORE-4 tables agree with the definition for every key of 16 to 52 bytes and every input", () => {
  fc.assert(
    fc.property(keys, inputs, (key, input) => {
      assert.equal(hashBytes(toeplitzTable(key), input), naiveToeplitz(key, input));
    }),
    { numRuns: 60 },
  );
});

test("CORE-4 the hash is linear: H(a xor b) = H(a) xor H(b)", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 36, maxLength: 36 }),
      fc.uint8Array({ minLength: 36, maxLength: 36 }),
      (a, b) => {
        const sum = [...a].map((byte, index) => byte ^ (b[index] as number));
        assert.equal(
          hashBytes(table, sum),
          (hashBytes(table, [...a]) ^ hashBytes(table, [...b])) >>> 0,
        );
      },
    ),
  );
});

test("CORE-4 a word and a half at a position add what their bytes add there", () => {
  fc.assert(
    fc.property(fc.nat(8), fc.integer(), (position, word) => {
      const bytes = [
        ...new Array<number>(position * 4).fill(0),
        word >>> 24,
        (word >>> 16) & 255,
        (word >>> 8) & 255,
        word & 255,
      ];
      assert.equal(hashWord(table, position * 4, word) >>> 0, hashBytes(table, bytes));
      assert.equal(
        hashHalf(table, position * 4, word >>> 16) >>> 0,
        hashBytes(table, bytes.slice(0, -2)),
      );
    }),
  );
});

test("CORE-4 a key outside 16 to 52 bytes is refused", () => {
  assert.throws(() => toeplitzTable(new Array<number>(15).fill(1)), /16 to 52/);
  assert.throws(() => toeplitzTable(new Array<number>(53).fill(1)), /16 to 52/);
});

test("CORE-4 a key is named, or written in hex of 16 to 52 bytes", () => {
  assert.equal(keyOf("microsoft"), MICROSOFT_KEY);
  assert.equal(keyOf("symmetric"), SYMMETRIC_KEY);
  assert.deepEqual(keyOf("6d5a".repeat(20)), SYMMETRIC_KEY);
  assert.deepEqual(keyOf("00".repeat(16)), new Array<number>(16).fill(0));
  assert.equal(keyOf("00".repeat(15)), undefined);
  assert.equal(keyOf("00".repeat(53)), undefined);
  assert.equal(keyOf("zz".repeat(16)), undefined);
});
