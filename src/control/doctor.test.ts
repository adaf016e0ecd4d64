import assert from "node:assert/strict";
import { test } from "node:test";
import { type DoctoredPort, examine, type Finding, type Patient } from "./doctor.ts";

const PORT: DoctoredPort = { name: "p0", driver: "packet", interface: "eth1" };
const WELL: Readonly<Record<string, string>> = {
  "/proc/self/status": "Name:\tnode\nCapEff:\t000001ffffffffff\n",
  "/proc/sys/kernel/osrelease": "6.1.0-13-amd64\n",
  "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
  "/proc/net/packet": "",
  "/dev/net/tun": "",
  "/sys/class/net/eth1/ifindex": "3\n",
  "/sys/class/net/eth1/operstate": "up\n",
};

interface Ills {
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly addresses?: readonly string[];
  readonly programs?: Readonly<Record<string, string>>;
}

function patient({ files = {}, addresses = [], programs = {} }: Ills): Patient {
  const all: Readonly<Record<string, string | undefined>> = { ...WELL, ...files };
  return {
    read: (path) => all[path],
    exists: (path) => all[path] !== undefined,
    run: (program) => programs[program],
    links: () =>
      new Map([
        ["eth1", { addresses }],
        ["lo", { addresses: [] }],
      ]),
  };
}

const ill = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ state }) => state !== "ok");

test("OPS-3 a machine in order has nothing to mend", () => {
  const findings = examine(patient({}), [PORT]);
  assert.deepEqual(ill(findings), []);
  assert.ok(findings.some(({ check }) => check === "port p0"));
});

/** What is wrong, and the command that mends it. */
const ILLS: readonly (readonly [name: string, ills: Ills, state: string, command: RegExp])[] = [
  [
    "missing rights",
    { files: { "/proc/self/status": "CapEff:\t0000000000000000\n" } },
    "failed",
    /AmbientCapabilities/,
  ],
  [
    "an address on a switched port",
    { addresses: ["192.0.2.7/24"] },
    "failed",
    /^ip address flush dev eth1$/,
  ],
  [
    "a port in a bridge of the kernel",
    { files: { "/sys/class/net/eth1/master": "" } },
    "failed",
    /^ip link set eth1 nomaster$/,
  ],
  [
    "frames above 64 KiB",
    { programs: { ip: "3: eth1: <UP> gso_max_size 200000 gro_max_size 65536" } },
    "warning",
    /^ip link set eth1 gso_max_size 65536$/,
  ],
  [
    "received frames merged",
    { programs: { ethtool: "Features:\nlarge-receive-offload: on\n" } },
    "failed",
    /^ethtool -K eth1 lro off$/,
  ],
  [
    "systemd-networkd",
    { files: { "/run/systemd/netif/links/3": "ADMIN_STATE=configured\n" } },
    "warning",
    /Unmanaged=yes.*networkctl reload$/,
  ],
  [
    "NetworkManager",
    { files: { "/run/NetworkManager/devices/3": "[device]\nmanaged=true\n" } },
    "warning",
    /^nmcli device set eth1 managed no$/,
  ],
  [
    "no packet sockets",
    { files: { "/proc/net/packet": undefined } },
    "failed",
    /^modprobe af_packet$/,
  ],
  [
    "an old kernel",
    { files: { "/proc/sys/kernel/osrelease": "4.19.0\n" } },
    "warning",
    /newer kernel/,
  ],
  [
    "a port that is down",
    { files: { "/sys/class/net/eth1/operstate": "down\n" } },
    "warning",
    /^ip link set eth1 up$/,
  ],
];
for (const [name, ills, state, command] of ILLS) {
  test(`OPS-3 doctor finds ${name}, and names the command that mends it`, () => {
    const findings = ill(examine(patient(ills), [PORT]));
    const found = findings.find((one) => command.test(one.command));
    assert.ok(found !== undefined, JSON.stringify(findings));
    assert.equal(found.state, state);
    assert.ok(found.detail !== "");
  });
}

test("OPS-3 what doctor does not understand is no fault: fixed offloads, unmanaged links, small frames", () => {
  const programs = {
    ip: "gso_max_size 65536 gro_max_size 65536",
    ethtool: "large-receive-offload: off [fixed]",
  };
  const files = {
    "/run/systemd/netif/links/3": "ADMIN_STATE=unmanaged\n",
    "/run/NetworkManager/devices/3": "managed=false\n",
  };
  assert.deepEqual(ill(examine(patient({ files, programs }), [PORT])), []);
});

test("OPS-3 a port whose interface is missing, and a TAP without its device, are named", () => {
  const [missing] = ill(examine(patient({}), [{ ...PORT, interface: "eth9" }]));
  assert.match(missing?.detail ?? "", /no interface eth9/);
  assert.match(missing?.command ?? "", /eth1/);
  const tap = { name: "t0", driver: "tap", interface: "ll0" };
  const [noTun] = ill(examine(patient({ files: { "/dev/net/tun": undefined } }), [tap]));
  assert.equal(noTun?.command, "modprobe tun");
});
