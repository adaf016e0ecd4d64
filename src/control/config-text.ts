// The configuration that runs, as flat rows {path, value}: every key with its value, defaults included, written as the
// file would write it. Two of them compare line by line.

import { formatIpv4, formatIpv6, formatMac } from "../wire/text.ts";
import { formatDuration } from "./words.ts";

/** Keys whose numbers are milliseconds. */
const DURATIONS = new Set([
  "failure-timeout",
  "restart-delay",
  "overload-time",
  "tick",
  "interval",
  "ageing-time",
  "hello-time",
  "forward-delay",
  "max-age",
  "mute-time",
  "timeout",
  "retry-interval",
  "reachable-time",
  "retrans-timer",
  "preempt-delay",
  "hello",
  "hold",
]);

/** A value that is one scalar in the file although it is an object here: an address, a prefix, a unit. */
function leaf(value: object): string | undefined {
  const { ipv4, ipv6, length, frames, millis } = value as Readonly<Record<string, unknown>>;
  if (typeof frames === "number") return String(frames);
  if (typeof millis === "number") return formatDuration(millis);
  let address: string;
  if (typeof ipv4 === "number") address = formatIpv4(ipv4);
  else if (Array.isArray(ipv6)) address = formatIpv6(...(ipv6 as [number, number, number, number]));
  else return undefined;
  return typeof length === "number" ? `${address}/${length}` : address;
}

function scalarText(key: string, value: unknown): string {
  if (typeof value === "number") {
    if (DURATIONS.has(key)) return formatDuration(value);
    if (key === "mac" || key === "system-id") return formatMac(value);
    if (key === "threshold" || key === "load-threshold" || key === "overload-threshold")
      return `${Math.round(value * 1000) / 10}%`;
    if (key === "size" || key === "past")
      return value % 1048576 === 0 ? `${value / 1048576}MiB` : `${value}B`;
    if (key === "ether-type") return `0x${value.toString(16).padStart(4, "0")}`;
  }
  // Who may read the configuration need not know what it protects.
  if (key === "password") return "(secret)";
  return String(value);
}

/** Flat rows of a configuration, in its order. */
export function configRows(value: unknown, path = "", key = ""): { path: string; value: string }[] {
  if (value === undefined) return [];
  if (value === null || typeof value !== "object") return [{ path, value: scalarText(key, value) }];
  const text = leaf(value);
  if (text !== undefined) return [{ path, value: text }];
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === "number" || typeof item === "string")) {
      return [{ path, value: value.join(",") }];
    }
    return value.flatMap((item, index) => configRows(item, `${path}[${index}]`, key));
  }
  return Object.entries(value).flatMap(([name, inner]) =>
    configRows(inner, path === "" ? name : `${path}.${name}`, name),
  );
}
