import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { frameOf, rules, type Shape, shapes } from "../../test/fixtures/steering-frames.ts";
import { CLASSIC_MAX } from "./assembler.ts";
import { buildClassic } from "./classic.ts";
import { defaultSteering, Scheme, SYMMETRIC_KEY } from "./config.ts";
import { Distributor } from "./distributor.ts";

const MASTERS = [2, 3];
const roles = { master: (role: number): number => MASTERS[role] as number };

/**
 * Runs classic BPF as the kernel does at the fanout hook: the outer tag is in metadata, data starts
 * behind the type.
 */
function interpret(program: Uint8Array, frame: Uint8Array): number {
  const code = new DataView(program.buffer);
  const type = ((frame[12] as number) << 8) | (frame[13] as number);
  const isTagged = (type === 0x8100 || type === 0x88a8) && frame.length >= 18;
  const tci = isTagged ? ((frame[14] as number) << 8) | (frame[15] as number) : 0;
  const mac = isTagged ? Uint8Array.from([...frame.slice(0, 12), ...frame.slice(16)]) : frame;
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  const memory = new Uint32Array(16);
  let a = 0;
  let x = 0;
  const load = (at: number, size: number): number => {
    if (at === -0x1000 + 44) return tci;
    if (at === -0x1000 + 48) return isTagged ? 1 : 0;
    const from = at <= -0x100000 ? at + 0x200000 : at + 14;
    if (from < 0 || from + size > mac.length)
      throw new RangeError("a load beyond the frame ends a program");
    return size === 1
      ? view.getUint8(from)
      : size === 2
        ? view.getUint16(from)
        : view.getUint32(from);
  };
  for (let at = 0; ; at++) {
    const op = code.getUint16(at * 8, true);
    const yes = code.getUint8(at * 8 + 2);
    const no = code.getUint8(at * 8 + 3);
    const k = code.getInt32(at * 8 + 4, true);
    switch (op) {
      case 0x20:
        a = load(k, 4);
        break;
      case 0x28:
        a = load(k, 2);
        break;
      case 0x30:
        a = load(k, 1);
        break;
      case 0x40:
        a = load(x + k, 4);
        break;
      case 0x00:
        a = k >>> 0;
        break;
      case 0x80:
        a = mac.length - 14;
        break;
      case 0x60:
        a = memory[k] as number;
        break;
      case 0x02:
        memory[k] = a;
        break;
      case 0x61:
        x = memory[k] as number;
        break;
      case 0xb1:
        x = (load(k, 1) & 15) * 4;
        break;
      case 0x07:
        x = a;
        break;
      case 0x87:
        a = x;
        break;
      case 0x04:
        a = (a + k) >>> 0;
        break;
      case 0x54:
        a = (a & k) >>> 0;
        break;
      case 0x4c:
        a = (a | x) >>> 0;
        break;
      case 0xac:
        a = (a ^ x) >>> 0;
        break;
      case 0x64:
        a = (a << k) >>> 0;
        break;
      case 0x74:
        a = a >>> k;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += a === k >>> 0 ? yes : no;
        break;
      case 0x35:
        at += a >= k >>> 0 ? yes : no;
        break;
      case 0x3d:
        at += a >= x ? yes : no;
        break;
      case 0x45:
        at += (a & k) !== 0 ? yes : no;
        break;
      case 0x06:
        return k;
      case 0x16:
        return a;
      default:
        throw new Error(`opcode ${op.toString(16)} at ${at}`);
    }
  }
}

const configs = fc.record({
  cores: fc.constant(4),
  buckets: fc.constantFrom(2, 16, 128),
  key: fc.constantFrom(defaultSteering(4).key, SYMMETRIC_KEY),
  scheme: fc.constantFrom(Scheme.Flow, Scheme.Flow, Scheme.Port, Scheme.Function),
  functions: fc.constantFrom({}, { tcp: 1, other: 3 }, { ip: 2, icmp: 0 }),
  rules: fc.array(rules, { maxLength: 8 }),
});

/** What a test of the fanout hook can say: the kernel itself drops a frame that ends within two bytes of its tag. */
function isDelivered(frame: Uint8Array): boolean {
  const type = ((frame[12] as number) << 8) | (frame[13] as number);
  return (type !== 0x8100 && type !== 0x88a8) || frame.length >= 20;
}

test("CORE-6 the classic program names the distributor's core for frames cut at every length", () => {
  fc.assert(
    fc.property(
      configs,
      fc.array(shapes, { minLength: 12, maxLength: 12 }),
      fc.nat(128),
      (part, list, spread) => {
        const config = { ...defaultSteering(4), ...part };
        const buckets = new Uint8Array(128).map((_, bucket) => ((bucket * spread) >> 3) % 4);
        const shared = { buckets, loads: new Float64Array(4) };
        const distributor = new Distributor(config, 0, shared, roles, new Float64Array(128));
        const program = buildClassic(config, buckets, MASTERS, 1);
        assert.ok(program.bytes.length / 8 <= CLASSIC_MAX);
        for (const shape of list) {
          const whole = frameOf(shape);
          for (let length = 14; length <= whole.length; length += length < 70 ? 1 : 9) {
            const frame = whole.slice(0, length);
            if (!isDelivered(frame)) continue;
            const expected = distributor.pick(1, new DataView(frame.buffer), 0, length, 0);
            assert.equal(
              interpret(program.bytes, frame),
              expected,
              Buffer.from(frame).toString("hex"),
            );
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("CORE-6 with more rules than fit, the classic program keeps the first ones", () => {
  const rule = {
    source: { ipv6: [1, 2, 3, 4], length: 128 },
    destination: { ipv6: [1, 2, 3, 4], length: 128 },
  } as const;
  const config = {
    ...defaultSteering(4),
    rules: Array.from({ length: 300 }, (_, n) => ({ ...rule, vlan: n, core: n % 4 })),
  };
  const program = buildClassic(config, new Uint8Array(128), MASTERS, 0);
  assert.ok(program.rules > 20 && program.rules < 300);
  assert.ok(program.bytes.length / 8 <= CLASSIC_MAX);
});

test("CORE-7 a scheme that software runs lands by a hash that no bucket move changes", () => {
  const config = { ...defaultSteering(4), scheme: Scheme.Arbiter };
  const moved = new Uint8Array(128).fill(1);
  const initial = new Uint8Array(128).map((_, bucket) => bucket % 4);
  const frames = fc
    .sample(shapes, { seed: 3, numRuns: 50 })
    .map((shape: Shape) => frameOf({ ...shape, tag: -1 }));
  const a = buildClassic(config, moved, MASTERS, 0);
  const b = buildClassic(config, initial, MASTERS, 0);
  for (const frame of frames) assert.equal(interpret(a.bytes, frame), interpret(b.bytes, frame));
});
