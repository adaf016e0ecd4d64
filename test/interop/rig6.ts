// IPv6 for the rig's hosts: addresses at once, without duplicate detection, and what ping and
// traceroute say.

import type { Rig } from "./rig.ts";

/** Gives a host's device an address, and a default route where a gateway is named. */
export async function speak6(
  rig: Rig,
  host: string,
  device: string,
  address: string,
  gateway = "",
): Promise<void> {
  for (const place of ["all", "default", device, "lo"]) {
    await rig.sysctl(host, {
      [`net.ipv6.conf.${place}.accept_dad`]: 0,
      [`net.ipv6.conf.${place}.accept_ra`]: 0,
      [`net.ipv6.conf.${place}.disable_ipv6`]: 0,
    });
  }
  await rig.in(host, "ip", "-6", "addr", "add", address, "dev", device, "nodad");
  if (gateway !== "") await rig.in(host, "ip", "-6", "route", "add", "default", "via", gateway);
}

/** The link-local address that a MAC makes (RFC 4291 appendix A). */
export function linkLocalOf(mac: string): string {
  const [a, b, c, d, e, f] = mac.split(":").map((two) => Number.parseInt(two, 16)) as number[];
  const group = (high = 0, low = 0): string => (high * 256 + low).toString(16);
  return `fe80::${group((a ?? 0) ^ 2, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

/**
 * Pings until `count` replies came, for a few seconds: how many did. (Without a deadline ping goes
 * as soon as twice the shortest time so far has passed, which a busy machine may need.)
 */
export async function answers6(
  rig: Rig,
  host: string,
  target: string,
  count = 3,
  ...more: string[]
): Promise<number> {
  const args = ["-6", "-n", "-c", String(count), "-i", "0.05", "-w", "4", ...more, target];
  const done = await rig.try(host, "ping", ...args);
  return Number(/(\d+) received/.exec(done.stdout)?.[1] ?? 0);
}

/** One ping; what the program printed. */
export async function says6(rig: Rig, host: string, ...args: string[]): Promise<string> {
  const done = await rig.try(host, "ping", "-6", "-n", "-c", "1", "-W", "3", ...args);
  return done.stdout + done.stderr;
}

/** The addresses on the way, "*" for a silent one. */
export async function route6(rig: Rig, host: string, target: string): Promise<string[]> {
  const text = await rig.in(host, "traceroute6", "-n", "-q", "1", "-w", "3", "-m", "8", target);
  return text
    .split("\n")
    .slice(1)
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/\s+/)[1] ?? "");
}
