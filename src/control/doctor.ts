// `linkloom doctor`: what on this machine stands in the way of an appliance, and for each the command that mends it.
// Pure over a small view of the machine, so that a test can make one that is ill.

/** What is asked of the machine; nothing throws, what is not there is undefined. */
export interface Patient {
  /** A small file's text. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
  /** The output of a program, undefined when it fails or is not there. */
  run(program: string, ...words: string[]): string | undefined;
  /** The kernel's interfaces with the addresses on which the kernel itself answers. */
  links(): ReadonlyMap<string, { readonly addresses: readonly string[] }>;
}

/** A port as the configuration has it. */
export interface DoctoredPort {
  readonly name: string;
  readonly driver: string;
  readonly interface: string;
}

export interface Finding {
  readonly [key: string]: unknown;
  readonly check: string;
  readonly state: "ok" | "warning" | "failed";
  /** One sentence. */
  readonly detail: string;
  /** What mends it; "" when nothing is to be done. */
  readonly command: string;
}

const ok = (check: string, detail: string): Finding => ({
  check,
  state: "ok",
  detail,
  command: "",
});
const warning = (check: string, detail: string, command: string): Finding => ({
  check,
  state: "warning",
  detail,
  command,
});
const failed = (check: string, detail: string, command: string): Finding => ({
  check,
  state: "failed",
  detail,
  command,
});

/** Bits of capabilities(7). */
const CAPABILITIES: readonly (readonly [name: string, bit: number])[] = [
  ["cap_net_admin", 12],
  ["cap_net_raw", 13],
];
/** The largest frame that an AF_PACKET ring of ours takes in one: the kernel's classic bound of a super-frame. */
const GSO_BOUND = 65_536;
/** Linux that has all of AF_PACKET that is used: PACKET_FANOUT_DATA came with 4.3, and 5.10 is what is tested. */
const OLDEST_KERNEL = [5, 10] as const;

/** Every finding; `ports` are those of the configuration, or all interfaces of the machine without one. */
export function examine(patient: Patient, ports: readonly DoctoredPort[]): Finding[] {
  const kernel = ports.some(({ driver }) => driver === "packet" || driver === "tap");
  const interfaces = ports.filter(({ driver }) => driver === "packet");
  return [
    rights(patient, kernel),
    kernelVersion(patient),
    ...features(patient, ports),
    bpf(patient),
    ...interfaces.flatMap((port) => examinePort(patient, port)),
  ];
}

function rights(patient: Patient, needed: boolean): Finding {
  const status = patient.read("/proc/self/status") ?? "";
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const missing = CAPABILITIES.filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return ok("rights", "packet sockets and interfaces may be used");
  const names = missing.map(([name]) => name).join(", ");
  const command = "run as root, or with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW in systemd";
  const detail = `${names} missing: ports of the kernel cannot be opened`;
  return needed ? failed("rights", detail, command) : warning("rights", detail, command);
}

function kernelVersion(patient: Patient): Finding {
  const release = (patient.read("/proc/sys/kernel/osrelease") ?? "").trim();
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const [oldMajor, oldMinor] = OLDEST_KERNEL;
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) {
    return ok("kernel", `Linux ${release}`);
  }
  const detail = `Linux ${release} is older than ${OLDEST_KERNEL.join(".")}, the oldest that is tested`;
  return warning("kernel", detail, "install a newer kernel");
}

/** Parts of the kernel that ports need. */
function features(patient: Patient, ports: readonly DoctoredPort[]): Finding[] {
  const findings: Finding[] = [];
  const drivers = new Set(ports.map(({ driver }) => driver));
  if (drivers.has("packet") && !patient.exists("/proc/net/packet")) {
    findings.push(failed("af_packet", "the kernel has no packet sockets", "modprobe af_packet"));
  }
  if (drivers.has("tap")) {
    findings.push(
      patient.exists("/dev/net/tun")
        ? ok("tun", "/dev/net/tun is there")
        : failed("tun", "the kernel has no TAP interfaces", "modprobe tun"),
    );
  }
  return findings;
}

function bpf(patient: Patient): Finding {
  const status = patient.read("/proc/self/status") ?? "";
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  // CAP_SYS_ADMIN, CAP_BPF.
  const may = ((effective >> 21n) & 1n) === 1n || ((effective >> 39n) & 1n) === 1n;
  const closed = (patient.read("/proc/sys/kernel/unprivileged_bpf_disabled") ?? "0").trim() !== "0";
  if (may || !closed) return ok("bpf", "the kernel may steer frames to their cores");
  const detail = "the kernel takes no eBPF program: a classic one spreads, and cores hand over";
  return warning("bpf", detail, "add CAP_BPF to AmbientCapabilities");
}

function examinePort(patient: Patient, port: DoctoredPort): Finding[] {
  const name = port.interface;
  const check = `port ${port.name}`;
  const link = patient.links().get(name);
  if (link === undefined) {
    const others = [...patient.links().keys()].filter((one) => one !== "lo").join(", ");
    return [failed(check, `there is no interface ${name}`, `name one of: ${others}`)];
  }
  const findings = [
    ...addresses(check, name, link.addresses),
    ...masters(patient, check, name),
    ...offloads(patient, check, name),
    ...managers(patient, check, name),
  ];
  const state = (patient.read(`/sys/class/net/${name}/operstate`) ?? "").trim();
  if (state === "down") {
    findings.push(warning(check, `${name} is down`, `ip link set ${name} up`));
  }
  return findings.length > 0 ? findings : [ok(check, `${name} is free for the appliance`)];
}

function addresses(check: string, name: string, found: readonly string[]): Finding[] {
  if (found.length === 0) return [];
  const detail = `the kernel has ${found.join(", ")} on ${name} and answers there too`;
  return [failed(check, detail, `ip address flush dev ${name}`)];
}

function masters(patient: Patient, check: string, name: string): Finding[] {
  if (!patient.exists(`/sys/class/net/${name}/master`)) return [];
  const detail = `${name} belongs to a bridge or bond of the kernel`;
  return [failed(check, detail, `ip link set ${name} nomaster`)];
}

/** Offloads that make other frames of those on the wire than the appliance can send on. */
function offloads(patient: Patient, check: string, name: string): Finding[] {
  const findings: Finding[] = [];
  const details = patient.run("ip", "-d", "link", "show", "dev", name) ?? "";
  const sizes = [...details.matchAll(/\b(g[sr]o_(?:ipv4_)?max_size) (\d+)/g)];
  const huge = sizes.filter(([, , size]) => Number(size) > GSO_BOUND).map(([, key]) => key);
  if (huge.length > 0) {
    const command = `ip link set ${name} ${huge.map((key) => `${key} ${GSO_BOUND}`).join(" ")}`;
    findings.push(
      warning(check, `${name} may make frames above 64 KiB, which are dropped`, command),
    );
  }
  const features = patient.run("ethtool", "-k", name) ?? "";
  if (/^large-receive-offload: on(?! \[fixed\])/m.test(features)) {
    const detail = `${name} merges received frames (LRO), which cannot be taken apart again`;
    findings.push(failed(check, detail, `ethtool -K ${name} lro off`));
  }
  return findings;
}

/** Programs that give interfaces addresses, or take them down. */
function managers(patient: Patient, check: string, name: string): Finding[] {
  const index = (patient.read(`/sys/class/net/${name}/ifindex`) ?? "").trim();
  const findings: Finding[] = [];
  const networkd = patient.read(`/run/systemd/netif/links/${index}`) ?? "";
  if (/^ADMIN_STATE=(?!unmanaged)/m.test(networkd)) {
    const file = `/etc/systemd/network/05-linkloom-${name}.network`;
    const text = `[Match]\\nName=${name}\\n[Link]\\nUnmanaged=yes\\n`;
    const command = `printf '${text}' > ${file} && networkctl reload`;
    findings.push(warning(check, `systemd-networkd manages ${name}`, command));
  }
  const manager = patient.read(`/run/NetworkManager/devices/${index}`) ?? "";
  if (/^managed=(?:true|full)/m.test(manager)) {
    const command = `nmcli device set ${name} managed no`;
    findings.push(warning(check, `NetworkManager manages ${name}`, command));
  }
  return findings;
}
