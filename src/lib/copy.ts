// Copies within an arena, sixteen bytes at a time: vector loads and stores, written in WebAssembly because the arena is
// a WebAssembly.Memory already. On shared memory, copyWithin must copy byte by byte (ECMA-262 CopyDataBlockBytes): it
// takes 34 ns for 60 bytes and 471 for 1,514, where this takes 4 and 33 (bench/copy.ts, one run).

import type { Offset } from "./units.ts";

/** Copies the bytes from `from` up to `end` to `to`. The two places must not overlap. */
export type Copy = (from: Offset, to: Offset, end: Offset) => void;

interface Instance {
  readonly exports: { readonly copy: Copy };
}
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => Instance;
};

/** The largest memory that may be imported, in pages of 64 KiB: 4 GiB. */
const MAX_PAGES = 65536;
const WIDE = 16;

/** An unsigned number (LEB128). */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return bytes;
}

const section = (id: number, ...body: number[]): number[] => [id, ...leb(body.length), ...body];

// Instructions by their opcodes (WebAssembly core specification, section 5.4, and its vector instructions).
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const constant = (value: number): number[] => [0x41, value];
const [ADD, SUB, LESS, LESS_OR_EQUAL] = [0x6a, 0x6b, 0x48, 0x4c];
const [IF, LOOP, END, RETURN] = [[0x04, 0x40], [0x03, 0x40], 0x0b, 0x0f];
const AGAIN = [0x0d, 0];
const LOAD = [0xfd, 0x00, 0, 0];
const STORE = [0xfd, 0x0b, 0, 0];
const LOAD_BYTE = [0x2d, 0, 0];
const STORE_BYTE = [0x3a, 0, 0];

const [FROM, TO, LAST_END, LAST] = [0, 1, 2, 3];

/** Sixteen bytes a turn; the last ones once more, from the place that ends with the copy; less than 16 byte by byte. */
const BODY: readonly number[] = [
  ...[1, 1, 0x7f], // One more local, an i32.
  ...[...get(LAST_END), ...constant(WIDE), SUB, ...set(LAST)],
  ...[...get(FROM), ...get(LAST), LESS_OR_EQUAL, ...IF],
  ...[...LOOP, ...get(TO), ...get(FROM), ...LOAD, ...STORE],
  ...[...get(TO), ...constant(WIDE), ADD, ...set(TO)],
  ...[
    ...get(FROM),
    ...constant(WIDE),
    ADD,
    ...tee(FROM),
    ...get(LAST),
    LESS_OR_EQUAL,
    ...AGAIN,
    END,
  ],
  ...[...get(FROM), ...get(LAST_END), LESS, ...IF],
  ...[...get(TO), ...get(LAST), ADD, ...get(FROM), SUB, ...get(LAST), ...LOAD, ...STORE, END],
  ...[RETURN, END],
  ...[...get(FROM), ...get(LAST_END), LESS, ...IF, ...LOOP],
  ...[
    ...get(TO),
    ...get(FROM),
    ...LOAD_BYTE,
    ...STORE_BYTE,
    ...get(TO),
    ...constant(1),
    ADD,
    ...set(TO),
  ],
  ...[...get(FROM), ...constant(1), ADD, ...tee(FROM), ...get(LAST_END), LESS, ...AGAIN, END, END],
  END,
];

/** A module that imports a shared memory and exports the function. */
function moduleBytes(): Uint8Array {
  const [I32, FUNCTION_TYPE, MEMORY, FUNCTION, SHARED] = [0x7f, 0x60, 2, 0, 3];
  const name = [4, 0x63, 0x6f, 0x70, 0x79]; // "copy"
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, FUNCTION_TYPE, 3, I32, I32, I32, 0),
    ...section(2, 1, 0, 0, MEMORY, SHARED, ...leb(1), ...leb(MAX_PAGES)),
    ...section(3, 1, 0),
    ...section(7, 1, ...name, FUNCTION, 0),
    ...section(10, 1, ...leb(BODY.length), ...BODY),
  ]);
}

let compiled: object | null = null;

/** The copy of one shared memory. The module is compiled once in a thread. */
export function makeCopy(memory: object): Copy {
  compiled ??= new WebAssembly.Module(moduleBytes());
  return new WebAssembly.Instance(compiled, { "": { "": memory } }).exports.copy;
}
