// Two routers between two networks for tests of virtual routers: host h on "lan" sends through the virtual address to
// host far on "wan". Routers are namespaces "a" and "b", each a Linkloom, a keepalived, an FRR or a ucarp. The cable
// of a router can be cut without its carrier falling.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Appliance, type Rig, type Seen, type Started, until } from "./rig.ts";

const STREAM = fileURLToPath(new URL("stream.py", import.meta.url));
const PYTHON = "/usr/bin/python3";
const PORT = 7112;

/** Addresses: the routers are .2 (a) and .3 (b) on both networks, the hosts .9, the virtual router .1. */
export const VIP = "10.9.0.1";
export const VIP6 = "fd09::1";
export const LINK_LOCAL = "fe80::9:1";
export const FAR = "10.8.0.9";
export const FAR6 = "fd08::9";
export const VRID = 9;
export type Side = "a" | "b";
const NUMBER = { a: 2, b: 3 } as const;

/** What a router is to be, whatever program is it. */
export interface Router {
  readonly side: Side;
  readonly priority: number;
  /** Milliseconds. */
  readonly interval: number;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  /**
   * keepalived: through its own virtual MAC. Never with vmac_xmit_base, by which it listens where Linux's macvlan
   * brings no frame whose source is that MAC: it hears no router then that sends from it, as RFC 9568 7.2 asks for.
   */
  readonly vmac?: boolean;
  readonly cores?: number;
  readonly preempt?: boolean;
}

/** Both networks, both hosts, both routers' namespaces; nothing speaks yet. `mute`: which run no kernel stack. */
export async function makeNetworks(rig: Rig, mute: readonly Side[], isIpv6 = false): Promise<void> {
  for (const name of ["lan", "wan"]) {
    await rig.mute(name);
    await rig.in(name, "ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    await rig.in(name, "ip", "link", "set", "br0", "up");
  }
  for (const name of ["h", "far"]) await rig.host(name);
  for (const side of ["a", "b"] as const) {
    if (mute.includes(side)) await rig.mute(side);
    else await rig.host(side);
  }
  await plug(rig, "lan", "h", "eth0");
  await plug(rig, "wan", "far", "eth0");
  for (const side of ["a", "b"] as const) {
    await plug(rig, "lan", side, "p0");
    await plug(rig, "wan", side, "p1");
    if (!mute.includes(side)) await addressKernel(rig, side, isIpv6);
  }
  if (isIpv6) for (const name of ["h", "far"]) await enable6(rig, name);
  await rig.address("h", "eth0", isIpv6 ? "fd09::9/64" : "10.9.0.9/24");
  await rig.address("far", "eth0", isIpv6 ? `${FAR6}/64` : `${FAR}/24`);
}

/** The virtual address is the host's gateway; to be called once an address is up. */
export async function setGateway(rig: Rig, gateway: string): Promise<void> {
  const family = gateway.includes(":") ? ["-6"] : [];
  const through = gateway.startsWith("fe80") ? ["via", gateway, "dev", "eth0"] : ["via", gateway];
  await rig.in("h", "ip", ...family, "route", "replace", "default", ...through);
}

async function enable6(rig: Rig, name: string): Promise<void> {
  await rig.sysctl(name, {
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.all.accept_dad": 0,
    "net.ipv6.conf.all.disable_ipv6": 0,
    "net.ipv6.conf.default.disable_ipv6": 0,
    "net.ipv6.conf.default.accept_ra": 0,
  });
}

async function plug(rig: Rig, network: string, name: string, device: string): Promise<void> {
  await rig.cable(name, device, network, `to-${name}`);
  await rig.in(name, "ethtool", "-K", device, "tx", "off");
  await rig.in(network, "ip", "link", "set", `to-${name}`, "master", "br0");
}

async function addressKernel(rig: Rig, side: Side, isIpv6: boolean): Promise<void> {
  await rig.sysctl(side, { "net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0 });
  if (isIpv6) {
    await enable6(rig, side);
    await rig.sysctl(side, { "net.ipv6.conf.all.forwarding": 1 });
    await rig.address(side, "p0", `fd09::${NUMBER[side]}/64`);
    await rig.address(side, "p1", `fd08::${NUMBER[side]}/64`);
  }
  await rig.address(side, "p0", `10.9.0.${NUMBER[side]}/24`);
  await rig.address(side, "p1", `10.8.0.${NUMBER[side]}/24`);
}

/** No frame of the router reaches the networks, or the other way; its carriers stay. */
export async function cut(
  rig: Rig,
  side: Side,
  network: "lan" | "wan" | "both" = "both",
): Promise<void> {
  for (const name of network === "both" ? ["lan", "wan"] : [network]) {
    await rig.in(name, "ip", "link", "set", `to-${side}`, "nomaster");
  }
}

export async function join2(rig: Rig, side: Side): Promise<void> {
  for (const name of ["lan", "wan"]) {
    await rig.in(name, "ip", "link", "set", `to-${side}`, "master", "br0");
  }
}

const duration = (millis: number): string => `${millis}ms`;

/** The virtual router of a configuration of ours, for a protocol of its own keys. */
export function vrrpSection(router: Router, more = ""): string {
  const { version, priority, interval, family, preempt = true } = router;
  const addresses = family === 4 ? VIP : `"${LINK_LOCAL}", "${VIP6}"`;
  const checksum = version === 3 ? ", checksum: rfc5798" : "";
  return `{protocol: vrrp, version: ${version}, interface: lan, vrid: ${VRID}, priority: ${priority}, addresses: [${addresses}], interval: ${duration(interval)}, preempt: ${preempt}${checksum}${more}}`;
}

/** Starts ours. `section` is the virtual router; more of them, and other lines, may follow it. */
export function startOurs(
  rig: Rig,
  router: Router,
  section: string = vrrpSection(router),
  more = "",
): Promise<Appliance> {
  return rig.linkloom(router.side, oursConfig(router, section, more));
}

export function oursConfig(router: Router, section: string, more = ""): string {
  const n = NUMBER[router.side];
  const six = router.family === 6;
  const lan = six ? `10.9.0.${n}/24, "fd09::${n}/64"` : `10.9.0.${n}/24`;
  const wan = six ? `10.8.0.${n}/24, "fd08::${n}/64"` : `10.8.0.${n}/24`;
  return `cores: {count: ${router.cores ?? 1}}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
interfaces:
  lan: {channel: p0, addresses: [${lan}]}
  wan: {channel: p1, addresses: [${wan}]}
virtual-routers:
  gw: ${section}
global-cache: {size: 32MiB}
${more}`;
}

/** Starts keepalived; it says nothing of its own readiness. */
export function startKeepalived(rig: Rig, router: Router, more = ""): Started {
  const { side, version, priority, interval, family, vmac = false, preempt = true } = router;
  const addresses = family === 4 ? `${VIP}/24` : `${LINK_LOCAL}/64\n    ${VIP6}/64`;
  const file = join(rig.directory, `keepalived-${side}.conf`);
  writeFileSync(
    file,
    `global_defs {
  router_id ${side}
  vrrp_version ${version}
  vrrp_garp_master_delay 1
}
vrrp_instance X {
  state BACKUP
  interface p0
  virtual_router_id ${VRID}
  priority ${priority}
  version ${version}
  advert_int ${interval / 1000}
  ${vmac ? "use_vmac vr9" : ""}
  ${family === 6 ? "native_ipv6" : ""}
  ${preempt ? "" : "nopreempt"}
  ${more}
  virtual_ipaddress {
    ${addresses}
  }
}
`,
  );
  const pids = ["-p", "-r", "-c"].flatMap((flag) => [
    flag,
    join(rig.directory, `keepalived-${side}${flag}.pid`),
  ]);
  return rig.start(side, "keepalived", "-n", "-l", "-D", "-G", "-f", file, ...pids);
}

/** keepalived's latest state in its own words: BACKUP, MASTER, FAULT; "" before the first. */
export function keepalivedState(started: Started): string {
  const found = [...started.output().matchAll(/Entering (\w+) STATE/g)];
  return found.at(-1)?.[1] ?? "";
}

/** Starts FRR's vrrpd (version 3) on a macvlan of its own. */
export async function startFrr(
  rig: Rig,
  router: Router,
): Promise<(words: string) => Promise<string>> {
  const { side, priority, interval, family } = router;
  const directory = join(rig.directory, `frr-${side}`);
  await rig.must("install", "-d", "-o", "frr", "-g", "frr", "-m", "755", directory);
  await rig.must("chmod", "755", rig.directory);
  const vmac = `00:00:5e:00:0${family === 4 ? 1 : 2}:0${VRID}`;
  const macvlan = ["link", "add", "vr4", "link", "p0", "address", vmac, "type", "macvlan"];
  await rig.in(side, "ip", ...macvlan, "mode", "bridge");
  if (family === 6) await rig.in(side, "ip", "link", "set", "vr4", "addrgenmode", "random");
  await rig.address(side, "vr4", family === 4 ? `${VIP}/24` : `${VIP6}/64`);
  await rig.in(side, "ip", "link", "set", "vr4", "up");
  const file = join(directory, "frr.conf");
  const ip = family === 4 ? `ip ${VIP}` : `ipv6 ${VIP6}`;
  writeFileSync(
    file,
    `interface p0
 vrrp ${VRID} version 3
 vrrp ${VRID} priority ${priority}
 vrrp ${VRID} advertisement-interval ${interval}
 vrrp ${VRID} ${ip}
`,
  );
  const sockets = ["-z", join(directory, "z.sock"), "--vty_socket", directory];
  const daemon = (name: string): Started =>
    rig.start(
      side,
      `/usr/lib/frr/${name}`,
      ...["-f", file, ...sockets, "-i", join(directory, `${name}.pid`), "--log", "stdout"],
    );
  daemon("zebra");
  await until("zebra", async () => {
    const done = await rig.try(side, "test", "-S", join(directory, "z.sock"));
    return done.code === 0;
  });
  daemon("vrrpd");
  return async (words) =>
    (await rig.try(side, "vtysh", "--vty_socket", directory, "-c", words)).stdout;
}

/** Starts ucarp (CARP); it adds and removes the address by scripts. */
export async function startUcarp(
  rig: Rig,
  side: Side,
  vhid: number,
  skew: number,
  more: readonly string[] = [],
): Promise<Started> {
  const script = (name: string, verb: string): string => {
    const path = join(rig.directory, `${name}-${side}.sh`);
    writeFileSync(path, `#!/bin/sh\nip addr ${verb} "$2/24" dev "$1"\nexit 0\n`, { mode: 0o755 });
    return path;
  };
  return rig.start(
    side,
    "ucarp",
    ...["-i", "p0", "-s", `10.9.0.${NUMBER[side]}`, "-v", String(vhid), "-p", "secret"],
    ...["-a", VIP, "-k", String(skew), "-b", "1", "-z", "-n", ...more],
    ...["-u", script("up", "add"), "-d", script("down", "del")],
  );
}

/** What a stream through the virtual router saw. */
export interface Outage {
  readonly received: number;
  /** Longest silence in milliseconds, and all over 50. */
  readonly gap: number;
  readonly gaps: readonly number[];
  /** Silence at the end. */
  readonly last: number;
}

/** A datagram every five milliseconds from h to far, through the virtual address. */
export class Stream {
  readonly #rig: Rig;
  readonly #sender: Started;
  readonly #receiver: Started;

  private constructor(rig: Rig, sender: Started, receiver: Started) {
    this.#rig = rig;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  static async start(rig: Rig, to: string = FAR): Promise<Stream> {
    const six = to.includes(":") ? ["6"] : [];
    const receiver = rig.start("far", PYTHON, STREAM, "listen", String(PORT), ...six);
    await until("the receiver", () => receiver.output().includes("ready"));
    const sender = rig.start("h", PYTHON, STREAM, "send", to, String(PORT), "5");
    await until("the sender", () => sender.output().includes("ready"));
    return new Stream(rig, sender, receiver);
  }

  /** Silences over 50 ms that have ended so far. */
  get gaps(): number[] {
    return [...this.#receiver.output().matchAll(/^gap (\d+)$/gm)].map((found) => Number(found[1]));
  }

  /** Datagrams that have come so far, in tens. */
  get count(): number {
    return Number([...this.#receiver.output().matchAll(/^got (\d+)$/gm)].at(-1)?.[1] ?? 0);
  }

  async stop(): Promise<Outage> {
    await this.#rig.finish(this.#sender, "SIGINT");
    const text = await this.#rig.finish(this.#receiver, "SIGINT");
    const line = text.split("\n").find((one) => one.startsWith("{"));
    return JSON.parse(line ?? "{}") as Outage;
  }
}

/** One advertisement on the lan. */
export interface Heard {
  readonly t: number;
  readonly mac: string;
  readonly source: string;
  readonly version: number;
  readonly vrid: number;
  readonly priority: number;
}

/** VRRP (and CARP) among frames that were seen. */
export function adverts(frames: readonly Seen[]): Heard[] {
  return frames.flatMap(({ t, hex }) => {
    const type = hex.slice(24, 28);
    const isIpv6 = type === "86dd";
    const protocol = isIpv6 ? hex.slice(40, 42) : hex.slice(46, 48);
    if ((type !== "0800" && !isIpv6) || protocol !== "70") return [];
    const at = isIpv6 ? 108 : 28 + Number.parseInt(hex.slice(29, 30), 16) * 8;
    const byte = (index: number): number =>
      Number.parseInt(hex.slice(at + index * 2, at + index * 2 + 2), 16);
    return [
      {
        t,
        mac: hex.slice(12, 24),
        source: isIpv6 ? hex.slice(44, 76) : hex.slice(52, 60),
        version: byte(0) >> 4,
        vrid: byte(1),
        priority: byte(2),
      },
    ];
  });
}

/** Rows of an object of `show`; none while nobody answers, as on a machine too busy for its cores. */
export const rowsOf = (appliance: Appliance, object: string): Promise<Record<string, unknown>[]> =>
  appliance.show(object).catch((): Record<string, unknown>[] => []);

/** The state of a virtual router of ours; "" while nobody answers. */
export async function stateOf(appliance: Appliance, name = "gw"): Promise<string> {
  const rows = await rowsOf(appliance, "vr");
  return String(rows.find((row) => row["name"] === name)?.["state"] ?? "");
}

export async function untilState(
  appliance: Appliance,
  state: string,
  millis = 15_000,
  name = "gw",
): Promise<number> {
  const began = performance.now();
  await until(
    `${name} to be ${state}`,
    async () => (await stateOf(appliance, name)) === state,
    millis,
  );
  return performance.now() - began;
}

/** Ends a router at once, without a word: its cables carry nothing more, then the process dies. */
export async function kill(rig: Rig, side: Side, started: Started | Appliance): Promise<void> {
  await cut(rig, side);
  started.child.kill("SIGKILL");
}

export const pause = (millis: number): Promise<void> => delay(millis);
