// bpf(2) and packet sockets as the steering tests need them: both maps, a program, test runs and fanout groups.

import { Block, bpf, close, errno, mmap, setsockopt, viewOf } from "../../src/ports/linux/ffi.ts";
import type { SteeringConfig } from "../../src/steering/config.ts";
import {
  buildProgram,
  hashTableBytes,
  STATE_MAP_BYTES,
  STATE_MAP_FLAGS,
  stateBytes,
} from "../../src/steering/kernel.ts";

const attributes = new Block(256);
const { view } = attributes;

function call(command: number, size: number): number {
  const result = bpf(command, attributes.at, size);
  return result < 0 ? -errno() : result;
}

/** A one-element array map with a value; negative errno when refused. */
function newMap(value: Uint8Array, flags: number): number {
  attributes.u8.fill(0);
  for (const [index, word] of [2, 4, value.length, 1, flags].entries())
    view.setUint32(index * 4, word, true);
  const fd = call(0, 72);
  if (fd < 0) return fd;
  const key = new Block(64);
  const block = new Block(value.length);
  block.u8.set(value);
  attributes.u8.fill(0);
  view.setUint32(0, fd, true);
  view.setBigUint64(8, BigInt(key.at), true);
  view.setBigUint64(16, BigInt(block.at), true);
  const result = call(2, 32);
  return result < 0 ? result : fd;
}

/** A loaded steering program and its state page. */
export interface Loaded {
  readonly fd: number;
  readonly state: DataView;
  readonly log: string;
}

/** Loads the program for a port; a negative errno when bpf(2) is refused, the verifier's words when it says no. */
export function load(
  config: SteeringConfig,
  buckets: Uint8Array,
  masters: readonly number[],
  port: number,
): Loaded | number {
  const hash = newMap(hashTableBytes(config.key), 0);
  if (hash < 0) return hash;
  const state = newMap(stateBytes(buckets, masters), STATE_MAP_FLAGS);
  if (state < 0) return state;
  const program = buildProgram(config, hash, state, port);
  const code = new Block(program.length);
  code.u8.set(program);
  const license = new Block(64);
  license.text(0, "Apache-2.0", 32);
  const log = new Block(1 << 16);
  let fd = -1;
  let text = "";
  // A signal interrupts the verifier with EAGAIN; the last try asks for its words.
  for (let attempt = 0; attempt < 5 && fd < 0; attempt++) {
    attributes.u8.fill(0);
    view.setUint32(0, 1, true);
    view.setUint32(4, program.length / 8, true);
    view.setBigUint64(8, BigInt(code.at), true);
    view.setBigUint64(16, BigInt(license.at), true);
    if (attempt === 4) {
      view.setUint32(24, 1, true);
      view.setUint32(28, log.u8.length, true);
      view.setBigUint64(32, BigInt(log.at), true);
    }
    fd = call(5, 128);
    text = `errno ${-fd}: ${new TextDecoder().decode(log.u8.subarray(0, log.u8.indexOf(0))).slice(-2000)}`;
  }
  const at = mmap(0, STATE_MAP_BYTES, 3, 1, state, 0);
  // The program and the mapping keep both maps.
  close(hash);
  close(state);
  return { fd, state: viewOf(at, STATE_MAP_BYTES), log: text };
}

const input = new Block(4096);
const output = new Block(4096);

/** What the program returns for a frame; a negative errno when the kernel does not run it. */
export function run(
  fd: number,
  frame: Uint8Array,
  repeat = 1,
): { result: number; nanoseconds: number } {
  input.u8.set(frame);
  attributes.u8.fill(0);
  view.setUint32(0, fd, true);
  view.setUint32(8, frame.length, true);
  view.setUint32(12, 4096, true);
  view.setBigUint64(16, BigInt(input.at), true);
  view.setBigUint64(24, BigInt(output.at), true);
  view.setUint32(32, repeat, true);
  const result = call(10, 80);
  return {
    result: result < 0 ? result : view.getUint32(4, true),
    nanoseconds: view.getUint32(36, true),
  };
}

/** Joins a socket to a fanout group and, for the first one, gives the group its program. */
export function joinFanout(
  socket: number,
  group: number,
  program: number | Uint8Array,
  first: boolean,
): boolean {
  const type = typeof program === "number" ? 7 : 6;
  const option = new Block(64);
  option.view.setUint32(0, group | (type << 16), true);
  if (setsockopt(socket, 263, 18, option.at, 4) < 0) return false;
  if (!first) return true;
  if (typeof program === "number") {
    option.view.setInt32(0, program, true);
    return setsockopt(socket, 263, 22, option.at, 4) === 0;
  }
  const code = new Block(program.length);
  code.u8.set(program);
  option.u8.fill(0);
  option.view.setUint16(0, program.length / 8, true);
  option.view.setBigUint64(8, BigInt(code.at), true);
  return setsockopt(socket, 263, 22, option.at, 16) === 0;
}
