import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { openCapture } from "./capture.ts";
import * as lacp from "./lacp.ts";
import * as slow from "./slow.ts";
import { formatHex, parseHex } from "./text.ts";

const OWN = 0x02000000000a;
const AT = 14;
const view = new DataView(new ArrayBuffer(512));

const NOBODY: lacp.Parameters = {
  systemPriority: 0,
  system: 0,
  key: 0,
  portPriority: 0,
  port: 0,
  state: 0,
};
const ZEROS = (count: number): string => "00".repeat(count);
const load = (hex: string): number => {
  const bytes = parseHex(hex.replaceAll(" ", "")) ?? assert.fail(hex);
  for (const [index, byte] of bytes.entries()) view.setUint8(index, byte);
  return bytes.length;
};

function read(side: number): lacp.Parameters {
  return {
    systemPriority: lacp.systemPriority(view, AT, side),
    system: lacp.system(view, AT, side),
    key: lacp.key(view, AT, side),
    portPriority: lacp.portPriority(view, AT, side),
    port: lacp.port(view, AT, side),
    state: lacp.state(view, AT, side),
  };
}

/** The golden frames of the protocol reference: one of our own, two of a real Open vSwitch. */
const DEFAULTED = `0180c2000002 02000000000a 8809 0101 0114 8000 02000000000a 0001 8000 0001 45 000000 0214 ${ZEROS(18)} 0310 0000 ${ZEROS(64)}`;
const NEGOTIATED = `0180c2000002 02aa00000001 8809 0101 0114 8000 02aa00000099 0001 ffff 0001 3f 000000 0214 fffe 02bb00000099 0001 ffff 0002 3f 000000 0310 0000 ${ZEROS(64)}`;

test("LAG-2 a LACPDU of a port without partner is written byte for byte", () => {
  const actor = {
    ...NOBODY,
    systemPriority: 0x8000,
    system: OWN,
    key: 1,
    portPriority: 0x8000,
    port: 1,
  };

  const end = lacp.write(view, 0, OWN, { ...actor, state: 0x45 }, NOBODY);

  assert.equal(formatHex(view, 0, end), DEFAULTED.replaceAll(" ", ""));
  assert.equal(end, lacp.FRAME);
});

test("LAG-2 a LACPDU of Open vSwitch is read, and written again as it was", () => {
  const end = load(NEGOTIATED);
  assert.ok(lacp.isValid(view, AT, end));

  const actor = read(lacp.ACTOR);
  const partner = read(lacp.PARTNER);
  assert.deepEqual(actor, {
    systemPriority: 0x8000,
    system: 0x02aa00000099,
    key: 1,
    portPriority: 0xffff,
    port: 1,
    state: 0x3f,
  });
  assert.equal(partner.system, 0x02bb00000099);
  assert.equal(lacp.collectorMaxDelay(view, AT), 0);

  const again = lacp.write(view, 0, 0x02aa00000001, actor, partner);
  assert.equal(formatHex(view, 0, again), NEGOTIATED.replaceAll(" ", ""));
});

test("LAG-2 writing and reading are inverse for any parameters", () => {
  const fields = {
    systemPriority: fc.nat(0xffff),
    system: fc.nat({ max: 2 ** 48 - 1 }),
    key: fc.nat(0xffff),
    portPriority: fc.nat(0xffff),
    port: fc.nat(0xffff),
    state: fc.nat(0xff),
  };
  const side = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(side, side, (actor, partner) => {
      const end = lacp.write(view, 0, OWN, actor, partner);
      assert.ok(lacp.isValid(view, AT, end));
      assert.deepEqual(read(lacp.ACTOR), actor);
      assert.deepEqual(read(lacp.PARTNER), partner);
    }),
  );
});

test("LAG-2 every length below a whole PDU is refused", () => {
  const end = load(NEGOTIATED);
  for (let length = AT; length < end; length++)
    assert.ok(!lacp.isValid(view, AT, length), `${length}`);
  assert.ok(lacp.isValid(view, AT, end + 4), "padding may follow");
});

test("LAG-2 version, TLV types and reserved bytes are not looked at, lengths are", () => {
  const end = load(NEGOTIATED);
  const before = read(lacp.ACTOR);
  for (const byte of [1, 2, 22, 42, 58, 19, 41, 44, 60, 109]) {
    load(NEGOTIATED);
    view.setUint8(AT + byte, 0xee);
    assert.ok(lacp.isValid(view, AT, end), `byte ${byte}`);
    assert.deepEqual(read(lacp.ACTOR), before);
  }
  for (const byte of [3, 23, 43]) {
    load(NEGOTIATED);
    view.setUint8(AT + byte, 21);
    assert.ok(!lacp.isValid(view, AT, end), `length at ${byte}`);
  }
});

const MARKER = (type: string): string =>
  `0180c2000002 02000000000a 8809 0201 ${type}10 0001 02000000000a 11223344 0000 0000 ${ZEROS(90)}`;

test("LAG-2 a marker is written, and turned into its answer with nothing else changed", () => {
  const end = lacp.writeMarker(view, 0, OWN, 1, OWN, 0x11223344);
  assert.equal(formatHex(view, 0, end), MARKER("01").replaceAll(" ", ""));
  assert.ok(lacp.isValidMarker(view, AT, end) && lacp.isMarkerInformation(view, AT));
  assert.equal(lacp.markerTransaction(view, AT), 0x11223344);
  assert.equal(lacp.markerSystem(view, AT), OWN);
  assert.equal(lacp.markerPort(view, AT), 1);

  lacp.turnMarker(view, 0, 0x02000000000b);

  const expected = MARKER("02").replace("02000000000a", "02000000000b").replaceAll(" ", "");
  assert.equal(formatHex(view, 0, end), expected);
  assert.ok(lacp.isMarkerResponse(view, AT) && !lacp.isMarkerInformation(view, AT));
  for (let length = AT; length < end; length++) assert.ok(!lacp.isValidMarker(view, AT, length));
});

/** What each capture of real peers must show: systems that speak in it, and states that they reach. */
const CAPTURES: readonly (readonly [string, number, number])[] = [
  ["LACP.pcap", 2, 0x3d],
  ["own_lacp_ovs_ovs_fast_blackhole.pcap", 2, 0x3f],
  ["own_lacp_ovs_linux_fast_down.pcap", 2, 0x3f],
  ["own_lacp_linux_linux_fast_blackhole.pcap", 2, 0x3f],
];

for (const [name, systems, best] of CAPTURES) {
  test(`LAG-2 every LACPDU of ${name} is read, and written again as it was`, () => {
    const file = new URL(`../../test/fixtures/captures/${name}`, import.meta.url);
    const bytes = new Uint8Array(readFileSync(file));
    const reader = openCapture(bytes);
    const seen = new Set<number>();
    let states = 0;
    for (let record = reader.next(); record !== undefined; record = reader.next()) {
      const data = bytes.subarray(record.start, record.end);
      for (const [index, byte] of data.entries()) view.setUint8(index, byte);
      if (view.getUint16(12) !== 0x8809 || slow.subtype(view, AT) !== slow.Subtype.Lacp) continue;
      assert.ok(lacp.isValid(view, AT, data.length));
      const actor = read(lacp.ACTOR);
      seen.add(actor.system);
      if (actor.state === best) states++;
      const before = formatHex(view, 0, lacp.FRAME);
      const from = view.getUint16(6) * 2 ** 32 + view.getUint32(8);
      const delay = lacp.collectorMaxDelay(view, AT);
      lacp.write(view, 0, from, actor, read(lacp.PARTNER));
      view.setUint16(AT + 44, delay);
      assert.equal(formatHex(view, 0, lacp.FRAME), before);
    }
    assert.equal(seen.size, systems);
    assert.ok(states > 0, "bundled in the end");
  });
}
