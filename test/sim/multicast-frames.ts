// Frames of IGMP, MLD and multicast data, as bytes, made by the product's own writers; a query's own source is whoever
// it is said to be.

import * as igmp from "../../src/wire/igmp.ts";
import * as mld from "../../src/wire/mld.ts";
import { parseIpv6 } from "../../src/wire/text.ts";
import { ip, mac, udp } from "./frames.ts";

const view = new DataView(new ArrayBuffer(512));

function cut(write: (start: number) => number): Uint8Array {
  const end = write(64);
  return new Uint8Array(view.buffer.slice(64, Math.max(end, 64 + 60)));
}

export function words(text: string): readonly [number, number, number, number] {
  const parsed = parseIpv6(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

const QUERY = { suppresses: false, robustness: 2, interval: 125 };

/** `group` 0.0.0.0: all. */
export const query4 = (
  fromMac: string,
  from: string,
  group = "0.0.0.0",
  version = 2,
  delay = 10_000,
): Uint8Array =>
  cut((start) =>
    igmp.writeQuery(view, start, mac(fromMac), ip(from), ip(group), {
      ...QUERY,
      version,
      responseDelay: delay,
    }),
  );

/** A report of version 1 or 2. */
export const join4 = (fromMac: string, from: string, group: string, version = 2): Uint8Array => {
  const kind = version === 1 ? igmp.Type.Report1 : igmp.Type.Report2;
  return cut((start) => igmp.writeReport(view, start, mac(fromMac), ip(from), kind, ip(group)));
};

export const leave4 = (fromMac: string, from: string, group: string): Uint8Array =>
  cut((start) => igmp.writeReport(view, start, mac(fromMac), ip(from), igmp.Type.Leave, ip(group)));

/** A version 3 report of one record. */
export const report4 = (
  fromMac: string,
  from: string,
  kind: number,
  group: string,
  sources: readonly string[] = [],
): Uint8Array =>
  cut((start) =>
    igmp.writeReport3(view, start, mac(fromMac), ip(from), kind, ip(group), sources.map(ip)),
  );

export const query6 = (
  fromMac: string,
  from: string,
  group = "::",
  version = 2,
  delay = 10_000,
): Uint8Array =>
  cut((start) =>
    mld.writeQuery(view, start, mac(fromMac), words(from), words(group), {
      ...QUERY,
      version,
      responseDelay: delay,
    }),
  );

/** An MLDv2 report of one record without sources. */
export const report6 = (fromMac: string, from: string, kind: number, group: string): Uint8Array =>
  cut((start) =>
    mld.writeReport2(view, start, mac(fromMac), words(from), kind, [words(group)], 0, 1),
  );

export const join6 = (fromMac: string, from: string, group: string, isDone = false): Uint8Array =>
  cut((start) => mld.writeReport1(view, start, mac(fromMac), words(from), words(group), isDone));

/** The MAC of an IPv4 group, in words. */
export function groupMac(group: string): string {
  const text = igmp.groupMac(ip(group)).toString(16).padStart(12, "0");
  return text.match(/../g)?.join(":") ?? "";
}

/** A UDP packet to a group. */
export const data4 = (fromMac: string, from: string, group: string): Uint8Array =>
  udp(groupMac(group), fromMac, from, group, 4000, 5000);

/** A UDP packet to an IPv6 group. */
export function data6(fromMac: string, from: string, group: string): Uint8Array {
  const to = words(group);
  const frame = new Uint8Array(74);
  const at = new DataView(frame.buffer);
  at.setUint16(0, 0x3333);
  at.setUint32(2, to[3]);
  const source = mac(fromMac);
  at.setUint16(6, source / 2 ** 32);
  at.setUint32(8, source % 2 ** 32);
  at.setUint16(12, 0x86dd);
  at.setUint32(14, 0x60000000);
  at.setUint16(18, 20);
  at.setUint16(20, (17 << 8) | 4);
  for (const [word, value] of words(from).entries()) at.setUint32(22 + word * 4, value);
  for (const [word, value] of to.entries()) at.setUint32(38 + word * 4, value);
  at.setUint16(54, 4000);
  at.setUint16(56, 5000);
  at.setUint16(58, 20);
  return frame;
}
