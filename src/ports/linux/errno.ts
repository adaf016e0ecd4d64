// What the kernel said when it refused, in words that help: the system call, the errno by name, the port, and the
// remedy. Thrown only while a port is opened or configured; nothing on the packet path throws.

import { constants } from "node:os";

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** Numbers that the drivers compare with, Linux on every architecture that Node runs on. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EMSGSIZE: 90,
  ENETDOWN: 100,
  ENOBUFS: 105,
} as const;

/** The name of an errno number, as the manual pages write it. */
export function errnoName(errno: number): string {
  // EAGAIN and EWOULDBLOCK are one number on Linux, as are EOPNOTSUPP and ENOTSUP; print the usual name.
  if (errno === Errno.EAGAIN) return "EAGAIN";
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** Hints by "ERRNO syscall" first, then by errno alone. */
const HINTS: { readonly [what: string]: string } = {
  "EPERM socket(AF_PACKET)": "run with CAP_NET_RAW (or as root, or under unshare -Urn)",
  "EPERM bpf": "run with CAP_BPF and CAP_NET_ADMIN, or steer in software",
  "EPERM sched_setaffinity": "name CPUs that this process may use (see taskset -p)",
  "EPERM ioctl(TUNSETIFF)": "run with CAP_NET_ADMIN (or as root, or under unshare -Urn)",
  "EBUSY ioctl(TUNSETIFF)": "another program holds this TAP, or it was made with other flags",
  "EINVAL ioctl(TUNSETIFF)": "an interface of this name exists and is no multi-queue TAP",
  "ENOENT open(/dev/net/tun)": "load the module: modprobe tun",
  "EACCES open(/dev/net/tun)": "give this user access to /dev/net/tun",
  "EAFNOSUPPORT socket(AF_PACKET)": "this kernel has no packet sockets (CONFIG_PACKET)",
  "EADDRINUSE bind": "the interface is already bound",
  "ENODEV bind": "the interface does not exist here: see ip link",
  "ENODEV ioctl(SIOCGIFINDEX)": "the interface does not exist here: see ip link",
  "ENOMEM setsockopt(PACKET_RX_RING)":
    "the ring does not fit: fewer or smaller slots, or more memory",
  EPERM: "run with CAP_NET_RAW and CAP_NET_ADMIN (or as root, or under unshare -Urn)",
  EACCES: "run as a user who may do this",
  ENODEV: "the interface does not exist here: see ip link",
  ENOMEM: "the kernel has no memory for this",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENFILE: "the system has no file descriptors left",
  ENOENT: "the file does not exist",
  ENETDOWN: "bring the interface up: ip link set dev NAME up",
};

/** The OS said no. `hint` says what to do about it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code = "system";
  /** The call, with what tells it apart: "socket(AF_PACKET)". */
  readonly syscall: string;
  /** "EPERM"; "" when no call failed but the state of the system forbids it. */
  readonly errno: string;
  /** The port's name in the configuration; "" outside of ports. */
  readonly port: string;
  readonly hint: string;

  constructor(
    action: string,
    syscall: string,
    errno: number,
    port = "",
    hint?: string,
    options?: ErrorOptions,
  ) {
    const name = errno === 0 ? "" : errnoName(errno);
    const remedy = hint ?? HINTS[`${name} ${syscall}`] ?? HINTS[name] ?? "";
    const cause = name === "" ? syscall : `${name} from ${syscall}`;
    super(`${action}: ${cause}${remedy === "" ? "" : `: ${remedy}`}`, options);
    this.syscall = syscall;
    this.errno = name;
    this.port = port;
    this.hint = remedy;
  }

  /** Plain data, since classes do not survive the way between threads. */
  toJSON(): {
    code: string;
    message: string;
    syscall: string;
    errno: string;
    port: string;
    hint: string;
  } {
    const { code, message, syscall, errno, port, hint } = this;
    return { code, message, syscall, errno, port, hint };
  }
}
