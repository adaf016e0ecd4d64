// Frames for whole-appliance tests, as bytes.

import { parseIpv4, parseMac } from "../../src/wire/text.ts";

export function mac(text: string): number {
  const parsed = parseMac(text);
  if (parsed === undefined) throw new Error(`not a MAC: ${text}`);
  return parsed;
}

export function ip(text: string): number {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/[^0-9a-f]/gi, ""), "hex"));
}

/** An untagged, or with `vlan` a tagged, frame of an experimental type (IEEE 802 local experimental 0x88b5). */
export function plain(to: string, from: string, vlan = 0): Uint8Array {
  const tag = vlan > 0 ? `8100${hex(vlan, 4)}` : "";
  return bytes(`${hex(mac(to), 12)}${hex(mac(from), 12)}${tag}88b5${"00".repeat(46)}`);
}

export function arpRequest(fromMac: string, fromIp: string, askedIp: string): Uint8Array {
  return bytes(
    `ffffffffffff${hex(mac(fromMac), 12)}0806 0001080006040001 ${hex(mac(fromMac), 12)}${hex(ip(fromIp), 8)}` +
      `000000000000${hex(ip(askedIp), 8)}`,
  );
}

export function arpReply(toMac: string, toIp: string, fromMac: string, fromIp: string): Uint8Array {
  return bytes(
    `${hex(mac(toMac), 12)}${hex(mac(fromMac), 12)}0806 0001080006040002 ${hex(mac(fromMac), 12)}${hex(ip(fromIp), 8)}` +
      `${hex(mac(toMac), 12)}${hex(ip(toIp), 8)}`,
  );
}

/** A UDP packet of a few bytes, checksum absent (RFC 768), TTL 64. */
export function udp(
  toMac: string,
  fromMac: string,
  fromIp: string,
  toIp: string,
  fromPort: number,
  toPort: number,
): Uint8Array {
  const header =
    `4500 0020 0000 0000 4011 0000 ${hex(ip(fromIp), 8)}${hex(ip(toIp), 8)}`.replaceAll(" ", "");
  const data = bytes(header);
  let sum = 0;
  for (let n = 0; n < 20; n += 2) sum += ((data[n] ?? 0) << 8) | (data[n + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = hex(~sum & 0xffff, 4);
  return bytes(
    `${hex(mac(toMac), 12)}${hex(mac(fromMac), 12)}0800${header.slice(0, 20)}${checksum}${header.slice(24)}` +
      `${hex(fromPort, 4)}${hex(toPort, 4)}000c0000 61626364`,
  );
}

/** True when a frame given as hex is an ARP request for an address. */
export function isRequestFor(frame: string, address: string): boolean {
  return (
    frame.slice(24, 28) === "0806" &&
    frame.slice(40, 44) === "0001" &&
    frame.endsWith(hex(ip(address), 8))
  );
}
