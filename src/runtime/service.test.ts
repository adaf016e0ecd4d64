import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as c from "../ports/linux/constants.ts";
import * as sys from "../ports/linux/ffi.ts";
import { notify } from "../ports/linux/notify.ts";
import { Service } from "./service.ts";

/** A socket that a manager listens on: the next datagram, as text. */
function manager(path: string): { next: () => Promise<string>; stop: () => void } {
  const name = new TextEncoder().encode(path);
  const address = new sys.Block(128);
  address.view.setUint16(0, c.AF_UNIX, true);
  address.u8.set(name, 2);
  if (path.startsWith("@")) address.u8[2] = 0;
  const fd = sys.socket(c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0);
  const length = 2 + name.length + (path.startsWith("@") ? 0 : 1);
  assert.equal(sys.bind(fd, address.at, length), 0);
  const room = new sys.Block(4096);
  const next = async (): Promise<string> => {
    for (;;) {
      const got = sys.recvfrom(fd, room.at, 4096, c.MSG_DONTWAIT, 0, 0);
      if (got >= 0) return new TextDecoder().decode(room.u8.slice(0, got));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  return { next, stop: () => void sys.close(fd) };
}

test("the service manager hears ready, signs of life while all is well, and the stop", async () => {
  const folder = mkdtempSync(join(tmpdir(), "linkloom-service-"));
  const path = join(folder, "notify");
  const { next, stop } = manager(path);
  try {
    const environment = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000", WATCHDOG_PID: "77" };
    let asked = 0;
    const service = new Service(environment, 77);
    service.ready("2 cores", () => {
      asked++;
      return asked > 2;
    });
    assert.equal(await next(), "READY=1\nSTATUS=2 cores");
    assert.equal(await next(), "WATCHDOG=1");
    assert.ok(asked > 2, "not a word while it was not well");
    service.stopping();
    let last = await next();
    while (last === "WATCHDOG=1") last = await next();
    assert.equal(last, "STOPPING=1\nSTATUS=stopping");
  } finally {
    stop();
    rmSync(folder, { recursive: true });
  }
});

test("an abstract socket is reached too; nobody there, and no path, are no error", async () => {
  const name = `@linkloom-test-${process.pid}`;
  const { next, stop } = manager(name);
  assert.equal(notify(name, ["STATUS=x"]), true);
  assert.equal(await next(), "STATUS=x");
  stop();
  assert.equal(notify("/nowhere/at/all", ["READY=1"]), false);
  assert.equal(notify("relative", ["READY=1"]), false);
  new Service({}, 1).ready("", () => true);
});
