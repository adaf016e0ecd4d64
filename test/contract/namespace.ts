// A network namespace for tests of kernel drivers: the test file runs itself again inside `unshare`, where it may make
// interfaces without touching the machine's.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import * as c from "../../src/ports/linux/constants.ts";
import { Errno } from "../../src/ports/linux/errno.ts";
import * as sys from "../../src/ports/linux/ffi.ts";

const INSIDE = "LINKLOOM_TEST_NAMESPACE";

/** Runs `ip` and fails loudly. */
export function ip(...words: string[]): void {
  const { status, stderr, error } = spawnSync("ip", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${error?.message ?? stderr}`);
}

/** Silences IPv6 on interfaces to come, so that the kernel sends nothing of itself. */
function silence(): void {
  for (const which of ["default", "all"]) {
    writeFileSync(`/proc/sys/net/ipv6/conf/${which}/disable_ipv6`, "1");
  }
}

/**
 * Calls `register` in a fresh namespace: as root, or as a user who may make user namespaces. Where neither is allowed
 * one skipped test says so.
 */
export function inNamespace(file: string, register: () => void): void {
  if (process.env[INSIDE] === "1") {
    silence();
    register();
    return;
  }
  const flags = process.getuid?.() === 0 ? "-n" : "-Urn";
  const probe = spawnSync("unshare", [flags, "ip", "link", "show", "lo"], { encoding: "utf8" });
  if (probe.status !== 0) {
    const reason = probe.error?.message ?? probe.stderr.trim();
    test(
      `${file} in a network namespace`,
      {
        skip: `SKIPPED: needs unshare ${flags} and ip (${reason}); run as root`,
      },
      () => undefined,
    );
    return;
  }
  // The runner's protocol goes through: the inner process reports to the runner that started this one.
  const command = [flags, process.execPath, ...process.execArgv, file];
  const { status } = spawnSync("unshare", command, {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: "1" },
  });
  process.exitCode = status ?? 1;
}

const PACKET_AUXDATA = 8;
const MSGHDR = 64;
const CONTROL_AT = 256;
const NAME_AT = 128;
const FRAME_AT = 512;
const FRAME_BYTES = 70000;

/** A plain packet socket on an interface, apart from the driver under test: the far end. */
export class RawSocket {
  readonly #fd: number;
  readonly #block: sys.Block = new sys.Block(FRAME_AT + FRAME_BYTES);
  readonly #index: number;

  constructor(name: string) {
    this.#index = sys.ifNametoindex(name);
    this.#fd = sys.socket(c.AF_PACKET, c.SOCK_RAW | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, 0);
    sys.setOption(this.#fd, c.SOL_SOCKET, 33, 16 << 20); // SO_RCVBUFFORCE
    sys.setOption(this.#fd, c.SOL_PACKET, PACKET_AUXDATA, 1);
    // A link that has just come up has no queueing discipline for up to a second.
    sys.setOption(this.#fd, c.SOL_PACKET, c.PACKET_QDISC_BYPASS, 1);
    this.#bind();
  }

  #bind(): void {
    const { view, at } = sys.scratch;
    sys.scratch.u8.fill(0, 0, 20);
    view.setUint16(0, c.AF_PACKET, true);
    view.setUint16(2, c.ETH_P_ALL);
    view.setInt32(4, this.#index, true);
    if (sys.bind(this.#fd, at, 20) !== 0) throw new Error(`bind: errno ${sys.errno()}`);
  }

  send(frame: Uint8Array): void {
    this.#block.u8.set(frame, FRAME_AT);
    const sent = sys.sendto(this.#fd, this.#block.at + FRAME_AT, frame.length, 0, 0, 0);
    // A full TAP says so to its sender.
    if (sent < 0 && sys.errno() === Errno.ENOBUFS) return;
    if (sent !== frame.length) throw new Error(`sendto ${frame.length}: errno ${sys.errno()}`);
  }

  /** Everything received and not sent by this machine's side, tags put back in line. */
  drain(): Uint8Array[] {
    const got: Uint8Array[] = [];
    for (;;) {
      const frame = this.#receive();
      if (frame === undefined) return got;
      if (frame.length > 0) got.push(frame);
    }
  }

  #receive(): Uint8Array | undefined {
    const { view, u8, at } = this.#block;
    u8.fill(0, 0, MSGHDR);
    const address = (to: number, value: number): void => {
      view.setUint32(to, value, true);
      view.setUint32(to + 4, Math.floor(value / 2 ** 32), true);
    };
    address(0, at + NAME_AT);
    view.setUint32(8, 20, true);
    address(16, at + 96);
    view.setUint32(24, 1, true);
    address(32, at + CONTROL_AT);
    view.setUint32(40, 128, true);
    address(96, at + FRAME_AT);
    view.setUint32(104, FRAME_BYTES, true);
    if (sys.recvmmsg(this.#fd, at, 1, c.MSG_DONTWAIT, 0) !== 1) return undefined;
    const frame = u8.slice(FRAME_AT, FRAME_AT + view.getUint32(56, true));
    if (view.getUint8(NAME_AT + 10) === c.PACKET_OUTGOING) return new Uint8Array(0);
    // cmsghdr: length 8, level 4, type 4; then tpacket_auxdata.
    const status = view.getUint32(CONTROL_AT + 16, true);
    if (view.getUint32(40, true) === 0 || (status & c.TP_STATUS_VLAN_VALID) === 0) return frame;
    const tagged = new Uint8Array(frame.length + 4);
    tagged.set(frame.slice(0, 12));
    const tag = new DataView(tagged.buffer, 12, 4);
    tag.setUint16(0, view.getUint16(CONTROL_AT + 16 + 18, true));
    tag.setUint16(2, view.getUint16(CONTROL_AT + 16 + 16, true));
    tagged.set(frame.slice(12), 16);
    return tagged;
  }

  close(): void {
    sys.close(this.#fd);
  }
}
