// Turns a steering program that answers a core into one that answers a member of the fanout group: 2 * core, plus one
// for a long frame (fanout.ts). Every exit becomes a jump to one epilogue behind the program, so that instructions keep
// their places and jumps their offsets.

import { assert } from "../../lib/assert.ts";

const INSTRUCTION = 8;
/** exit; r6 = r1, by which the program begins; the jump that replaces an exit (eBPF). */
const EXIT = 0x95;
const KEEP_SKB = 0x16bf;
const JUMP = 0x05;
/** ret #k and ret a (classic). */
const RETURN = 0x06;
const RETURN_A = 0x16;

/** An eBPF program that keeps the skb in r6 and answers a core. `longFrom`: frames with skb->len above it are long. */
export function memberProgram(program: Uint8Array, longFrom: number): Uint8Array {
  const count = program.length / INSTRUCTION;
  const result = new Uint8Array(program.length + 5 * INSTRUCTION);
  result.set(program);
  const view = new DataView(result.buffer);
  assert(view.getUint16(0, true) === KEEP_SKB, "a steering program begins with r6 = r1");
  for (let index = 0; index < count; index++) {
    if (view.getUint8(index * INSTRUCTION) !== EXIT) continue;
    assert(count - index - 1 <= 0x7fff, "a jump reaches 32767 instructions");
    view.setUint8(index * INSTRUCTION, JUMP);
    view.setInt16(index * INSTRUCTION + 2, count - index - 1, true);
  }
  const epilogue: [number, number, number, number][] = [
    [0x61, 0x61, 0, 0], // r1 = skb->len, the first field of struct __sk_buff
    [0x67, 0x00, 0, 1], // r0 <<= 1
    [0xb5, 0x01, 1, longFrom], // if r1 <= longFrom, skip one
    [0x07, 0x00, 0, 1], // r0 += 1
    [EXIT, 0x00, 0, 0],
  ];
  for (const [index, [code, registers, offset, immediate]] of epilogue.entries()) {
    const at = (count + index) * INSTRUCTION;
    view.setUint8(at, code);
    view.setUint8(at + 1, registers);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  }
  return result;
}

type Classic = [code: number, ifTrue: number, ifFalse: number, k: number];

/** The same for a classic program. A constant answer needs two instructions, which stand behind the program. */
export function memberClassic(program: Uint8Array, longFrom: number): Uint8Array {
  const from = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.length / INSTRUCTION;
  const tail: Classic[] = [
    [0x64, 0, 0, 1], // a <<= 1
    [0x07, 0, 0, 0], // x = a
    [0x80, 0, 0, 0], // a = length
    [0x25, 2, 0, longFrom], // if a > longFrom, skip two
    [0x87, 0, 0, 0], // a = x
    [RETURN_A, 0, 0, 0],
    [0x87, 0, 0, 0],
    [0x04, 0, 0, 1], // a += 1
    [RETURN_A, 0, 0, 0],
  ];
  // Jumps go forward only, so the constants stand before the epilogue that they lead to.
  const constants = new Map<number, number>();
  for (let index = 0; index < count; index++) {
    if (from.getUint16(index * INSTRUCTION, true) !== RETURN) continue;
    const value = from.getUint32(index * INSTRUCTION + 4, true);
    if (!constants.has(value)) constants.set(value, count + 2 * constants.size);
  }
  const epilogue = count + 2 * constants.size;
  const result = new Uint8Array((epilogue + tail.length) * INSTRUCTION);
  result.set(program);
  const view = new DataView(result.buffer);
  const put = (index: number, [code, ifTrue, ifFalse, k]: Classic): void => {
    view.setUint16(index * INSTRUCTION, code, true);
    view.setUint8(index * INSTRUCTION + 2, ifTrue);
    view.setUint8(index * INSTRUCTION + 3, ifFalse);
    view.setUint32(index * INSTRUCTION + 4, k, true);
  };
  for (let index = 0; index < count; index++) {
    const code = view.getUint16(index * INSTRUCTION, true);
    const k = view.getUint32(index * INSTRUCTION + 4, true);
    if (code === RETURN) {
      const target = constants.get(k) as number;
      put(index, [JUMP, 0, 0, target - index - 1]);
    } else if (code === RETURN_A) put(index, [JUMP, 0, 0, epilogue - index - 1]);
  }
  for (const [value, at] of constants) {
    put(at, [0x00, 0, 0, value]); // a = value
    put(at + 1, [JUMP, 0, 0, epilogue - at - 2]);
  }
  for (const [index, instruction] of tail.entries()) put(epilogue + index, instruction);
  return result;
}
