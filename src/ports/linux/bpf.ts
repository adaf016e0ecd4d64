// bpf(2), as much of it as steering needs: array maps, mapped into memory or written by the call, and socket filters.
// Everything dies with its descriptor.

import * as c from "./constants.ts";
import { SystemError } from "./errno.ts";
import * as sys from "./ffi.ts";

const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_MMAPABLE = 1 << 10;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
/** Bytes of an eBPF instruction. */
const INSTRUCTION = 8;
/** union bpf_attr, as far as the fields that are used here reach. */
const ATTRIBUTES = 128;
const LOG_BYTES = 1 << 18;
const WORD = 0x1_0000_0000;

/** Writes a 64-bit number that is exact in a double. */
function setWord64(block: sys.Block, at: number, value: number): void {
  block.view.setUint32(at, value, true); // Taken modulo 2^32.
  block.view.setUint32(at + 4, Math.floor(value / WORD), true);
}

/** Makes an array map of 32-bit keys that can be mapped into memory. Returns its descriptor. */
export function createArrayMap(name: string, valueBytes: number, entries: number): number {
  const attributes = new sys.Block(ATTRIBUTES);
  attributes.view.setUint32(0, BPF_MAP_TYPE_ARRAY, true);
  attributes.view.setUint32(4, 4, true);
  attributes.view.setUint32(8, valueBytes, true);
  attributes.view.setUint32(12, entries, true);
  attributes.view.setUint32(16, BPF_F_MMAPABLE, true);
  attributes.text(28, name, 16);
  const fd = sys.bpf(BPF_MAP_CREATE, attributes.at, ATTRIBUTES);
  if (fd < 0) throw new SystemError(`Cannot make the map "${name}"`, "bpf", sys.errno());
  return fd;
}

/** The bytes that a map of so many values takes when it is mapped. */
export function mapBytes(valueBytes: number, entries: number): number {
  // Values of an array map stand at multiples of eight; the whole is rounded up to pages.
  return Math.ceil((Math.ceil(valueBytes / 8) * 8 * entries) / 4096) * 4096;
}

/** A map's values as memory that the kernel's programs see at once. */
export interface MappedArray {
  readonly view: DataView;
  unmap(): void;
}

/** Maps an array map; the view dies with `unmap`, and must not be touched after it. */
export function mapArray(fd: number, valueBytes: number, entries: number): MappedArray {
  const length = mapBytes(valueBytes, entries);
  const at = sys.mmap(0, length, c.PROT_READ | c.PROT_WRITE, c.MAP_SHARED, fd, 0);
  if (at === -1) throw new SystemError("Cannot map a steering table", "mmap", sys.errno());
  return { view: sys.viewOf(at, length), unmap: () => sys.munmap(at, length) };
}

/** Writes one value of a map; false when the kernel refuses. */
export function updateMap(fd: number, key: number, value: Uint8Array): boolean {
  const block = new sys.Block(8 + value.length);
  block.view.setUint32(0, key, true);
  block.u8.set(value, 8);
  const attributes = new sys.Block(ATTRIBUTES);
  attributes.view.setInt32(0, fd, true);
  setWord64(attributes, 8, block.at);
  setWord64(attributes, 16, block.at + 8);
  return sys.bpf(BPF_MAP_UPDATE_ELEM, attributes.at, ATTRIBUTES) === 0;
}

/** Loads a socket filter; a refusal carries the verifier's last lines. Returns its descriptor. */
export function loadSocketFilter(name: string, program: Uint8Array): number {
  const first = tryLoad(name, program, undefined);
  if (first >= 0) return first;
  const errno = sys.errno();
  const log = new sys.Block(LOG_BYTES);
  const again = tryLoad(name, program, log);
  if (again >= 0) return again;
  const end = log.u8.indexOf(0);
  const text = new TextDecoder().decode(log.u8.slice(0, end < 0 ? LOG_BYTES : end));
  const said = text.trimEnd().split("\n").slice(-6).join(" | ");
  const action = `Cannot load the steering program "${name}" (${program.length / INSTRUCTION} instructions)`;
  throw new SystemError(
    action,
    "bpf",
    errno,
    "",
    said === "" ? undefined : `the verifier says: ${said}`,
  );
}

function tryLoad(name: string, program: Uint8Array, log: sys.Block | undefined): number {
  const code = new sys.Block(program.length);
  code.u8.set(program);
  const license = new sys.Block(8);
  // No helper that we call is reserved to the GPL.
  license.text(0, "Apache", 8);
  const attributes = new sys.Block(ATTRIBUTES);
  attributes.view.setUint32(0, BPF_PROG_TYPE_SOCKET_FILTER, true);
  attributes.view.setUint32(4, program.length / INSTRUCTION, true);
  setWord64(attributes, 8, code.at);
  setWord64(attributes, 16, license.at);
  if (log !== undefined) {
    attributes.view.setUint32(24, 1, true);
    attributes.view.setUint32(28, LOG_BYTES, true);
    setWord64(attributes, 32, log.at);
  }
  attributes.text(48, name, 16);
  return sys.bpf(BPF_PROG_LOAD, attributes.at, ATTRIBUTES);
}
