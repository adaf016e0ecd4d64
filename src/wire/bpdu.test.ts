import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as bpdu from "./bpdu.ts";

const HEAD = "0180c2000000 02bb00000001";
const BODY = "1000 02aa00000099 00000000 1000 02aa00000099 8001 0000 1400 0200 0f00";
/** Frames of real bridges: OVS (RSTP), the Linux bridge (STP). */
const RST_PROPOSAL = `${HEAD} 0027 424203 0000 02 02 0e ${BODY} 00`;
const RST_AGREEMENT = `${HEAD} 0027 424203 0000 02 02 79
  1000 02aa00000099 000007d0 8000 02bb00000099 8002 0100 1400 0200 0f00 00`;
const CONFIG = `${HEAD} 0026 424203 0000 00 00 01
  1000 02aa00000099 00000000 1000 02aa00000099 8001 0000 0600 0100 0400`;
const TCN = `${HEAD} 0007 424203 00000080`;
/** The same behind SNAP, tagged, for VLAN 100. */
const PVST = `01000ccccccd 02bb00000001 81000064 0032 aaaa03 00000c 010b 0000 02 02 3c ${BODY} 00 00000002 0064`;

function view(hex: string): DataView {
  const clean = hex.replaceAll(/\s/g, "");
  const bytes = Uint8Array.from(clean.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return new DataView(bytes.buffer);
}

const kindOf = (frame: DataView): number => bpdu.kindOf(frame, 0, frame.byteLength);
const hexOf = (frame: DataView, end: number): string =>
  Array.from(new Uint8Array(frame.buffer, 0, end), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

/** A frame with bytes of the BPDU replaced. */
function changed(hex: string, at: number, ...bytes: number[]): DataView {
  const frame = view(hex);
  for (const [index, byte] of bytes.entries()) frame.setUint8(17 + at + index, byte);
  return frame;
}

test("BR-7 BPDUs of real bridges are told apart and read", () => {
  assert.deepEqual(
    [RST_PROPOSAL, RST_AGREEMENT, CONFIG, TCN].map((hex) => kindOf(view(hex))),
    [bpdu.Kind.Rst, bpdu.Kind.Rst, bpdu.Kind.Config, bpdu.Kind.Tcn],
  );
  const frame = view(RST_AGREEMENT);
  const at = bpdu.bpduAt(0);
  assert.equal(bpdu.version(frame, at), 2);
  assert.equal(bpdu.flags(frame, at) & bpdu.Flag.Role, bpdu.RoleBits.Root);
  assert.equal(bpdu.flags(frame, at) & bpdu.Flag.Agreement, bpdu.Flag.Agreement);
  assert.equal(bpdu.rootPriority(frame, at), 0x1000);
  assert.equal(bpdu.rootAddress(frame, at), 0x02aa00000099);
  assert.equal(bpdu.rootPathCost(frame, at), 2000);
  assert.equal(bpdu.bridgePriority(frame, at), 0x8000);
  assert.equal(bpdu.bridgeAddress(frame, at), 0x02bb00000099);
  assert.equal(bpdu.portId(frame, at), 0x8002);
  assert.equal(bpdu.messageAge(frame, at), 256);
  assert.equal(bpdu.maxAge(frame, at), 20 * 256);
  assert.equal(bpdu.helloTime(frame, at), 2 * 256);
  assert.equal(bpdu.forwardDelay(frame, at), 15 * 256);
});

test("BR-7 IEEE 802.1D-2004 9.3.4: every other BPDU is refused, each for its reason", () => {
  const { Kind } = bpdu;
  const cases: [string, DataView, number][] = [
    ["another service access point", view(RST_PROPOSAL.replace("424203", "aaaa03")), Kind.NotLlc],
    ["another control", view(RST_PROPOSAL.replace("424203", "4242f3")), Kind.NotLlc],
    ["another protocol", changed(RST_PROPOSAL, 0, 0, 1), Kind.Protocol],
    ["type 2 of version 0", changed(RST_PROPOSAL, 2, 0), Kind.Type],
    ["type 2 of version 1", changed(RST_PROPOSAL, 2, 1), Kind.Type],
    ["type 3", changed(RST_PROPOSAL, 3, 3), Kind.Type],
    ["message age equal to max age", changed(CONFIG, 27, 6, 0), Kind.Age],
    ["message age above max age", changed(CONFIG, 27, 6, 1), Kind.Age],
    ["a length field that cuts it", view(CONFIG.replace("0026", "0025")), Kind.Short],
  ];
  for (const [name, frame, kind] of cases) assert.equal(kindOf(frame), kind, name);
});

test("BR-7 what later versions added is passed over", () => {
  const { Kind } = bpdu;
  // IEEE 802.1Q: an MST BPDU, version 3, begins as an RST BPDU and goes on for 66 bytes more.
  const mst = view(
    `${RST_PROPOSAL.replace("0027", "0069").replace("0202", "0302")}${"11".repeat(66)}`,
  );
  assert.equal(kindOf(mst), Kind.Rst);
  assert.equal(kindOf(changed(RST_PROPOSAL, 2, 9)), Kind.Rst);
  assert.equal(kindOf(changed(CONFIG, 2, 5)), Kind.Config);
  assert.equal(kindOf(changed(TCN, 2, 2)), Kind.Tcn);
});

test("BR-7 padding to the least Ethernet frame does not belong to a BPDU", () => {
  assert.equal(kindOf(view(`${TCN}${"00".repeat(39)}`)), bpdu.Kind.Tcn);
  assert.equal(kindOf(view(`${CONFIG}${"00".repeat(8)}`)), bpdu.Kind.Config);
});

test("BR-7 a BPDU that is cut anywhere is short, and nothing behind its end is read", () => {
  for (const hex of [RST_PROPOSAL, CONFIG, TCN]) {
    const frame = view(hex);
    for (let end = 14; end < frame.byteLength; end++) {
      const kind = bpdu.kindOf(frame, 0, end);
      assert.equal(kind, end < 17 ? bpdu.Kind.NotLlc : bpdu.Kind.Short, `${end} bytes`);
    }
  }
});

test("BR-7 what is written reads back, and is what real bridges write", () => {
  const content = {
    flags: 0x0e,
    rootPriority: 0x1000,
    rootAddress: 0x02aa00000099,
    rootPathCost: 0,
    bridgePriority: 0x1000,
    bridgeAddress: 0x02aa00000099,
    portId: 0x8001,
    messageAge: 0,
    maxAge: 20 * 256,
    helloTime: 2 * 256,
    forwardDelay: 15 * 256,
  };
  const into = new DataView(new ArrayBuffer(64));
  const plain = (hex: string): string => hex.replaceAll(/\s/g, "");
  assert.equal(hexOf(into, bpdu.writeRst(into, 0, 0x02bb00000001, content)), plain(RST_PROPOSAL));
  const old = { ...content, flags: 1, maxAge: 6 * 256, helloTime: 256, forwardDelay: 4 * 256 };
  assert.equal(hexOf(into, bpdu.writeConfig(into, 0, 0x02bb00000001, old)), plain(CONFIG));
  assert.equal(hexOf(into, bpdu.writeTcn(into, 0, 0x02bb00000001)), plain(TCN));
});

test("BR-7 PVST+ is recognised with its VLAN and bridge, tagged and not", () => {
  const frame = view(PVST);
  const end = frame.byteLength;
  assert.equal(bpdu.isPvst(frame, 0, end), true);
  assert.equal(bpdu.pvstVlan(frame, 0, end), 100);
  assert.equal(bpdu.pvstBridge(frame, 0, end), 0x02aa00000099);
  const untagged = view(PVST.replace("81000064", ""));
  assert.equal(bpdu.isPvst(untagged, 0, untagged.byteLength), true);
  assert.equal(bpdu.pvstVlan(untagged, 0, untagged.byteLength), 100);
  assert.equal(bpdu.isPvst(frame, 0, 29), false, "cut");
  assert.equal(bpdu.isPvst(view(PVST.replace("010b", "2000")), 0, end), false, "another protocol");
});

test("BR-7 random bytes are classified and never throw", () => {
  const bytes = fc.uint8Array({ minLength: 14, maxLength: 90 });
  fc.assert(
    fc.property(bytes, fc.boolean(), (data, isLlc) => {
      if (isLlc && data.length > 17) data.set([0, 60, 0x42, 0x42, 3], 12);
      const frame = new DataView(data.buffer, data.byteOffset, data.length);
      const kind = kindOf(frame);
      assert.ok(kind >= -5 && kind <= 2);
      if (bpdu.isPvst(frame, 0, data.length)) {
        bpdu.pvstVlan(frame, 0, data.length);
        bpdu.pvstBridge(frame, 0, data.length);
      }
    }),
    { numRuns: 2000 },
  );
});
