// The ONE file that calls C. Every function is a system call of Linux through libc; pointers are plain numbers
// (addresses of user space are below 2^47, exact in a double), which koffi passes without allocating. A call that
// fails returns -1 and `errno()` tells why. Memory that a call touches must not move: use the arena or `Block`.

import koffi from "koffi";
import type { Arena } from "../../lib/arena.ts";

/** A number that is an address in this process. */
export type Address = number;

const libc = koffi.load(null);
const P = "uint64_t";

// The variadic ones (open, ioctl, syscall) are declared with fixed arguments: integers travel alike on x86-64 and
// arm64.
type N = number;
export const socket: (family: N, type: N, protocol: N) => N = libc.func("socket", "int", [
  "int",
  "int",
  "int",
]);
export const bind: (fd: N, address: Address, length: N) => N = libc.func("bind", "int", [
  "int",
  P,
  "uint32_t",
]);
export const setsockopt: (fd: N, level: N, name: N, value: Address, length: N) => N = libc.func(
  "setsockopt",
  "int",
  ["int", "int", "int", P, "uint32_t"],
);
/** `length` points to a uint32. */
export const getsockopt: (fd: N, level: N, name: N, value: Address, length: Address) => N =
  libc.func("getsockopt", "int", ["int", "int", "int", P, P]);
/** Returns the address, or -1. */
export const mmap: (at: Address, length: N, prot: N, flags: N, fd: N, offset: N) => Address =
  libc.func("mmap", "int64_t", [P, "uint64_t", "int", "int", "int", "int64_t"]);
export const munmap: (at: Address, length: N) => N = libc.func("munmap", "int", [P, "uint64_t"]);
export const poll: (fds: Address, count: N, timeoutMs: N) => N = libc.func("poll", "int", [
  P,
  "uint64_t",
  "int",
]);
export const sendmmsg: (fd: N, messages: Address, count: N, flags: N) => N = libc.func(
  "sendmmsg",
  "int",
  ["int", P, "uint32_t", "int"],
);
/** `timeout` points to a timespec, or is 0. */
export const recvmmsg: (fd: N, messages: Address, count: N, flags: N, timeout: Address) => N =
  libc.func("recvmmsg", "int", ["int", P, "uint32_t", "int", P]);
export const recvfrom: (
  fd: N,
  at: Address,
  length: N,
  flags: N,
  from: Address,
  fromLength: Address,
) => N = libc.func("recvfrom", "int64_t", ["int", P, "uint64_t", "int", P, P]);
export const sendto: (fd: N, at: Address, length: N, flags: N, to: Address, toLength: N) => N =
  libc.func("sendto", "int64_t", ["int", P, "uint64_t", "int", P, "uint32_t"]);
export const read: (fd: N, at: Address, length: N) => N = libc.func("read", "int64_t", [
  "int",
  P,
  "uint64_t",
]);
export const write: (fd: N, at: Address, length: N) => N = libc.func("write", "int64_t", [
  "int",
  P,
  "uint64_t",
]);
export const ioctl: (fd: N, request: N, argument: Address) => N = libc.func("ioctl", "int", [
  "int",
  "uint64_t",
  P,
]);
export const eventfd: (initial: N, flags: N) => N = libc.func("eventfd", "int", [
  "uint32_t",
  "int",
]);
/** Makes `target` mean what `fd` means, so that a descriptor's number can stay while the socket behind it changes. */
export const dup3: (fd: N, target: N, flags: N) => N = libc.func("dup3", "int", [
  "int",
  "int",
  "int",
]);
export const close: (fd: N) => N = libc.func("close", "int", ["int"]);
export const open: (path: string, flags: N, mode: N) => N = libc.func("open", "int", [
  "str",
  "int",
  "uint32_t",
]);
export const schedSetaffinity: (pid: N, size: N, mask: Address) => N = libc.func(
  "sched_setaffinity",
  "int",
  ["int", "uint64_t", P],
);
export const schedGetaffinity: (pid: N, size: N, mask: Address) => N = libc.func(
  "sched_getaffinity",
  "int",
  ["int", "uint64_t", P],
);
/** The interface's index, or 0. */
export const ifNametoindex: (name: string) => N = libc.func("if_nametoindex", "uint32_t", ["str"]);

const syscall3: (number: N, a: N, b: Address, c: N) => N = libc.func("syscall", "int64_t", [
  "int64_t",
  "int64_t",
  P,
  "uint64_t",
]);
/** bpf(2) has no wrapper in libc. */
const NR_BPF = process.arch === "arm64" ? 280 : 321;
export function bpf(command: number, attributes: Address, size: number): number {
  return syscall3(NR_BPF, command, attributes, size);
}

/** Why the last call of this thread failed. */
export function errno(): number {
  return koffi.errno();
}

/** The address of offset 0 of an arena: constant, since its memory never grows. */
export function addressOf(arena: Arena): Address {
  return Number(koffi.address(arena.u8));
}

/** Memory that is not in the arena, as a view without copying; touching it after munmap kills the process. */
export function viewOf(at: Address, length: number): DataView {
  return new DataView(koffi.view(BigInt(at), length));
}

/** Zeroed memory with a fixed address, for the arguments of calls. Lives as long as the object. */
export class Block {
  readonly view: DataView;
  readonly u8: Uint8Array;
  readonly at: Address;

  constructor(bytes: number) {
    // V8 keeps typed arrays of up to 64 bytes on its moving heap; a buffer made as such never is.
    const buffer = new ArrayBuffer(Math.max(bytes, 256));
    this.view = new DataView(buffer);
    this.u8 = new Uint8Array(buffer);
    this.at = Number(koffi.address(this.u8));
  }

  /** Writes bytes, zero-terminated by what the block was filled with. */
  text(at: number, value: string, room: number): void {
    this.u8.fill(0, at, at + room);
    this.u8.set(new TextEncoder().encode(value).subarray(0, room - 1), at);
  }
}

/** Sets an integer option of a socket; false when the kernel refuses. */
export function setOption(fd: number, level: number, name: number, value: number): boolean {
  scratch.view.setInt32(0, value, true);
  return setsockopt(fd, level, name, scratch.at, 4) === 0;
}

/** Reads an integer option of a socket; -1 when the kernel refuses. */
export function getOption(fd: number, level: number, name: number): number {
  scratch.view.setInt32(0, 0, true);
  scratch.view.setUint32(64, 4, true);
  return getsockopt(fd, level, name, scratch.at, scratch.at + 64) === 0
    ? scratch.view.getInt32(0, true)
    : -1;
}

/** For arguments of calls that keep nothing; per thread, since every worker has its own module. */
export const scratch: Block = new Block(4096);

/** glibc's malloc_trim(3): gives free pages of the C heaps back to the kernel. Other C libraries have none to call. */
export function mallocTrim(): void {
  try {
    (libc.func("malloc_trim", "int", ["uint64_t"]) as (pad: N) => N)(0);
  } catch (error) {
    if (!(error instanceof Error) || !/malloc_trim/.test(error.message)) throw error;
  }
}
