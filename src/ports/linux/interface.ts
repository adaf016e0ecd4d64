// Questions to the kernel about one of its interfaces, by name, in the network namespace of the thread that asks first.

import { readFileSync } from "node:fs";
import type { Mac } from "../../lib/units.ts";
import * as bytes from "../../wire/bytes.ts";
import * as c from "./constants.ts";
import { SystemError } from "./errno.ts";
import * as sys from "./ffi.ts";

/** struct ifreq: the name, then a union. */
const IFREQ = 40;
const UNION = c.IFNAMSIZ;

/** One interface of the kernel. Holds a descriptor until `close`. */
export class Interface {
  readonly name: string;
  readonly #fd: number;
  readonly #request: sys.Block = new sys.Block(IFREQ);
  /** struct ethtool_value. */
  readonly #link: sys.Block = new sys.Block(8);
  /** struct ethtool_cmd. */
  readonly #settings: sys.Block = new sys.Block(44);

  constructor(name: string) {
    if (name.length === 0 || name.length >= c.IFNAMSIZ) {
      throw new SystemError(
        `Cannot use interface "${name}"`,
        "its name",
        0,
        "",
        `1 to ${c.IFNAMSIZ - 1} characters`,
      );
    }
    this.name = name;
    this.#fd = sys.socket(c.AF_INET, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0);
    if (this.#fd < 0) {
      throw new SystemError(`Cannot ask for interface "${name}"`, "socket(AF_INET)", sys.errno());
    }
  }

  /** The descriptor that it asks by. */
  get descriptor(): number {
    return this.#fd;
  }

  /** The interface's index, or 0 when there is no such interface now. */
  index(): number {
    return this.#ask(c.SIOCGIFINDEX) ? this.#request.view.getInt32(UNION, true) : 0;
  }

  /** IFF_* bits, or 0 when the interface is gone. */
  flags(): number {
    return this.#ask(c.SIOCGIFFLAGS) ? this.#request.view.getUint16(UNION, true) : 0;
  }

  /** Up by the operator's will and with a carrier. */
  isRunning(): boolean {
    const flags = this.flags();
    if ((flags & c.IFF_UP) === 0) return false;
    // The kernel delays IFF_RUNNING by up to a second (its linkwatch); ethtool's question goes to the driver.
    if (!this.#ethtool(c.ETHTOOL_GLINK, this.#link)) return (flags & c.IFF_RUNNING) !== 0;
    return this.#link.view.getUint32(4, true) !== 0;
  }

  /** Mbit/s as the driver tells it, 0 = unknown. */
  speed(): number {
    const { view } = this.#settings;
    if (!this.#ethtool(c.ETHTOOL_GSET, this.#settings)) return 0;
    const speed = view.getUint16(28, true) * 0x10000 + view.getUint16(12, true);
    return speed === 0xffff_ffff || speed === 0xffff ? 0 : speed;
  }

  #ethtool(command: number, block: sys.Block): boolean {
    block.view.setUint32(0, command, true);
    this.#clear();
    this.#request.view.setUint32(UNION, block.at, true); // Taken modulo 2^32.
    this.#request.view.setUint32(UNION + 4, Math.floor(block.at / 0x1_0000_0000), true);
    return sys.ioctl(this.#fd, c.SIOCETHTOOL, this.#request.at) === 0;
  }

  /** Frames that the kernel had to drop on their way out of the interface since it exists. */
  transmitDropped(): number {
    for (const line of readLines("/proc/thread-self/net/dev")) {
      const [name = "", counters = ""] = line.split(":");
      // Eight counters of receiving; then bytes, packets, errors, drops.
      if (name.trim() === this.name) return Number(counters.trim().split(/\s+/)[11] ?? 0);
    }
    return 0;
  }

  setQueueLength(frames: number): boolean {
    this.#clear();
    this.#request.view.setInt32(UNION, frames, true);
    return sys.ioctl(this.#fd, c.SIOCSIFTXQLEN, this.#request.at) === 0;
  }

  mtu(): number {
    return this.#ask(c.SIOCGIFMTU) ? this.#request.view.getInt32(UNION, true) : 0;
  }

  mac(): Mac {
    return this.#ask(c.SIOCGIFHWADDR) ? bytes.mac(this.#request.view, UNION + 2) : 0;
  }

  isEthernet(): boolean {
    return (
      this.#ask(c.SIOCGIFHWADDR) && this.#request.view.getUint16(UNION, true) === c.ARPHRD_ETHER
    );
  }

  /** True when the kernel has an IPv4 address there. */
  hasIpv4(): boolean {
    return this.#ask(c.SIOCGIFADDR);
  }

  /** The IPv6 addresses that the kernel has there, as 32 hexadecimal digits; link-local ones count too. */
  ipv6(): string[] {
    // /proc/net shows the namespace of the main thread; this shows the calling thread's.
    return readLines("/proc/thread-self/net/if_inet6")
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => words[5] === this.name)
      .map((words) => words[0] as string);
  }

  /** Sets the interface up or down; false when the kernel refuses. */
  setUp(up: boolean): boolean {
    const flags = this.flags();
    this.#clear();
    this.#request.view.setUint16(UNION, up ? flags | c.IFF_UP : flags & ~c.IFF_UP, true);
    return sys.ioctl(this.#fd, c.SIOCSIFFLAGS, this.#request.at) === 0;
  }

  setMac(mac: Mac): boolean {
    this.#clear();
    this.#request.view.setUint16(UNION, c.ARPHRD_ETHER, true);
    bytes.setMac(this.#request.view, UNION + 2, mac);
    return sys.ioctl(this.#fd, c.SIOCSIFHWADDR, this.#request.at) === 0;
  }

  setMtu(mtu: number): boolean {
    this.#clear();
    this.#request.view.setInt32(UNION, mtu, true);
    return sys.ioctl(this.#fd, c.SIOCSIFMTU, this.#request.at) === 0;
  }

  close(): void {
    sys.close(this.#fd);
  }

  #clear(): void {
    this.#request.u8.fill(0, 0, IFREQ);
    this.#request.text(0, this.name, c.IFNAMSIZ);
  }

  #ask(request: number): boolean {
    this.#clear();
    return sys.ioctl(this.#fd, request, this.#request.at) === 0;
  }
}

/** The lines of a file of /proc; none when the kernel lacks it (IPv6 switched off). */
function readLines(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
