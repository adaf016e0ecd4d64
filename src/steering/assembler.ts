// Two tiny assemblers: eBPF (struct bpf_insn) and classic BPF (struct sock_filter), each with labels. Little-
// endian, as on every machine that Node.js ships for. Only what the steering programs use.

import { assert } from "../lib/assert.ts";

const INSTRUCTION = 8;

/** eBPF opcodes (kernel: Documentation/bpf/standardization/instruction-set.rst). */
export const Op = {
  MovImm: 0xb7,
  Mov: 0xbf,
  Mov32: 0xbc,
  AddImm: 0x07,
  Add: 0x0f,
  AndImm: 0x57,
  And32Imm: 0x54,
  Or: 0x4f,
  Xor: 0xaf,
  LeftImm: 0x67,
  RightImm: 0x77,
  ModuloImm: 0x97,
  /** To big-endian; the immediate is 16, 32 or 64 bits. */
  Big: 0xdc,
  LoadByte: 0x71,
  LoadHalf: 0x69,
  LoadWord: 0x61,
  LoadDouble: 0x79,
  StoreHalf: 0x6b,
  StoreWord: 0x63,
  StoreDouble: 0x7b,
  StoreWordImm: 0x62,
  StoreDoubleImm: 0x7a,
  /** Atomic add of a register to 64 bits in memory. */
  AddDouble: 0xdb,
  Jump: 0x05,
  IfEqualImm: 0x15,
  IfNotEqualImm: 0x55,
  IfLessImm: 0xa5,
  If32NotEqualImm: 0x56,
  Call: 0x85,
  Exit: 0x95,
} as const;

interface Fixup {
  readonly at: number;
  readonly label: string;
}

/** Instructions with jumps to labels; bytes when all are there. */
export class Assembler {
  readonly #words: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];
  #count = 0;

  get length(): number {
    return this.#count;
  }

  emit(op: number, to: number, from: number, offset: number, immediate: number): void {
    this.#words.push(op | (to << 8) | (from << 12) | ((offset & 0xffff) << 16), immediate | 0);
    this.#count++;
  }

  /** Register and immediate. */
  imm(op: number, register: number, immediate: number): void {
    this.emit(op, register, 0, 0, immediate);
  }

  /** Two registers. */
  reg(op: number, to: number, from: number): void {
    this.emit(op, to, from, 0, 0);
  }

  load(op: number, to: number, base: number, offset: number): void {
    this.emit(op, to, base, offset, 0);
  }

  store(op: number, base: number, offset: number, from: number): void {
    this.emit(op, base, from, offset, 0);
  }

  storeImm(op: number, base: number, offset: number, immediate: number): void {
    this.emit(op, base, 0, offset, immediate);
  }

  /** Jumps forward to a label, if the register compares so with the immediate. */
  jump(op: number, register: number, immediate: number, label: string): void {
    this.#fixups.push({ at: this.#count, label });
    this.emit(op, register, 0, 0, immediate);
  }

  goto(label: string): void {
    this.jump(Op.Jump, 0, 0, label);
  }

  label(name: string): void {
    assert(!this.#labels.has(name), "a label stands once");
    this.#labels.set(name, this.#count);
  }

  /** Loads the address of a byte inside the value of a one-element array map (BPF_PSEUDO_MAP_VALUE). */
  mapValue(to: number, mapFd: number, offset: number): void {
    this.emit(0x18, to, 2, 0, mapFd);
    this.emit(0, 0, 0, 0, offset);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#count * INSTRUCTION);
    const view = new DataView(bytes.buffer);
    for (const [index, word] of this.#words.entries()) view.setInt32(index * 4, word, true);
    for (const { at, label } of this.#fixups) {
      const offset = (this.#labels.get(label) ?? -1) - at - 1;
      assert(offset >= 0 && offset <= 0x7fff, "a jump goes forward to a label that exists");
      view.setInt16(at * INSTRUCTION + 2, offset, true);
    }
    return bytes;
  }
}

/** Classic BPF opcodes (Documentation/networking/filter.rst). */
export const Classic = {
  LoadWord: 0x20,
  LoadHalf: 0x28,
  LoadByte: 0x30,
  LoadWordX: 0x40,
  LoadImm: 0x00,
  LoadLength: 0x80,
  LoadMemory: 0x60,
  StoreMemory: 0x02,
  XLoadMemory: 0x61,
  /** X = 4 * (byte & 15): the length of an IPv4 header. */
  XHeaderLength: 0xb1,
  AToX: 0x07,
  XToA: 0x87,
  AddImm: 0x04,
  Add: 0x0c,
  And: 0x54,
  OrImm: 0x44,
  Or: 0x4c,
  XorX: 0xac,
  Left: 0x64,
  Right: 0x74,
  Jump: 0x05,
  IfEqual: 0x15,
  IfGreaterEqual: 0x35,
  IfSet: 0x45,
  ReturnImm: 0x06,
  ReturnA: 0x16,
} as const;

/** Instructions of the kernel's limit, BPF_MAXINSNS. */
export const CLASSIC_MAX = 4096;

/** Classic instructions; far jumps go through an unconditional one, since conditional ones reach 255. */
export class ClassicAssembler {
  readonly #code: number[] = [];
  readonly #k: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];

  get length(): number {
    return this.#code.length;
  }

  emit(code: number, k = 0, ifTrue = 0, ifFalse = 0): void {
    assert(ifTrue <= 255 && ifFalse <= 255, "a conditional jump reaches 255 instructions");
    this.#code.push(code | (ifTrue << 16) | (ifFalse << 24));
    this.#k.push(k | 0);
  }

  goto(label: string): void {
    this.#fixups.push({ at: this.length, label });
    this.emit(Classic.Jump);
  }

  /** Goes to the label if A compares so with k. */
  when(code: number, k: number, label: string): void {
    this.emit(code, k, 0, 1);
    this.goto(label);
  }

  /** Goes to the label unless A compares so with k. */
  unless(code: number, k: number, label: string): void {
    this.emit(code, k, 1, 0);
    this.goto(label);
  }

  label(name: string): void {
    assert(!this.#labels.has(name), "a label stands once");
    this.#labels.set(name, this.length);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.length * INSTRUCTION);
    const view = new DataView(bytes.buffer);
    for (const { at, label } of this.#fixups) {
      const offset = (this.#labels.get(label) ?? -1) - at - 1;
      assert(offset >= 0, "a jump goes forward to a label that exists");
      this.#k[at] = offset;
    }
    for (let index = 0; index < this.length; index++) {
      view.setInt32(index * INSTRUCTION, this.#code[index] as number, true);
      view.setInt32(index * INSTRUCTION + 4, this.#k[index] as number, true);
    }
    return bytes;
  }
}
