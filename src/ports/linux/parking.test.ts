import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../lib/arena.ts";
import { errnoName, SystemError } from "./errno.ts";
import * as sys from "./ffi.ts";
import { allowedCpus, drain, makeEventFd, PollSet, pin, signal } from "./parking.ts";

test("CORE-11 a signalled descriptor wakes a poll, and is quiet once drained", () => {
  const first = makeEventFd();
  const second = makeEventFd();
  const set = new PollSet(2);
  set.watch([first, second]);
  assert.equal(set.wait(0), 0);
  signal(second);
  assert.equal(set.wait(1000), 1);
  assert.equal(set.isReady(0), false);
  assert.equal(set.isReady(1), true);
  drain(second);
  assert.equal(set.wait(0), 0);
  sys.close(first);
  sys.close(second);
});

test("CORE-2 a thread can be pinned to a CPU that it may use, and to no other", () => {
  const before = allowedCpus();
  assert.ok(before.length >= 1);
  const last = before.at(-1) as number;
  assert.equal(pin(last), true);
  assert.deepEqual(allowedCpus(), [last]);
  assert.equal(pin(1023), false);
  assert.equal(pin(-1), false);
  const mask = new sys.Block(128);
  for (const cpu of before) mask.u8[cpu >> 3] = (mask.u8[cpu >> 3] as number) | (1 << (cpu & 7));
  assert.equal(sys.schedSetaffinity(0, 128, mask.at), 0);
  assert.deepEqual(allowedCpus(), before);
});

test("the arena's address is page-aligned and the kernel writes where the views read", () => {
  const arena = Arena.create(1 << 16);
  const at = sys.addressOf(arena);
  assert.equal(at % 4096, 0);
  const fd = sys.open("/proc/self/cmdline", 0, 0);
  const length = sys.read(fd, at + 4096, 4);
  assert.equal(length, 4);
  assert.notEqual(arena.u8[4096], 0);
  sys.close(fd);
});

test("a refusal names the call, the errno, the port and the remedy", () => {
  const error = new SystemError('Cannot open port "p0" on "eth1"', "socket(AF_PACKET)", 1, "p0");
  assert.equal(
    error.message,
    'Cannot open port "p0" on "eth1": EPERM from socket(AF_PACKET): run with CAP_NET_RAW (or as root, or under unshare -Urn)',
  );
  assert.equal(error.errno, "EPERM");
  assert.equal(errnoName(11), "EAGAIN");
  assert.equal(sys.close(-1), -1);
  assert.equal(errnoName(sys.errno()), "EBADF");
  assert.deepEqual(error.toJSON().port, "p0");
});
