// Advertisements made by hand, for tests of virtual routers: right ones unless the caller bends a field.

import * as carp from "../wire/carp.ts";
import * as checksum from "../wire/checksum.ts";
import * as hsrp from "../wire/hsrp.ts";
import * as vrrp from "../wire/vrrp.ts";

const ROOM = 512;

/** What a VRRP advertisement says, and what is wrong with it. */
export interface AdvertSpec extends Partial<vrrp.Advertisement> {
  /** IPv4 source; the low byte of a link-local one for IPv6. */
  readonly source?: number;
  readonly mac?: number;
  readonly hops?: number;
  readonly destination?: number;
  /** Changes the message's bytes after it was written, at offsets from its start. */
  readonly bend?: readonly (readonly [offset: number, value: number])[];
  /** Leaves the checksum as it is after bending. */
  readonly keepChecksum?: boolean;
  /** Cuts the message to so many bytes; the IP header says so too. */
  readonly cut?: number;
}

const PEER = 0xc000_0209;
const PEER_MAC = 0x0200_0000_0009;

export function vrrpFrame(spec: AdvertSpec = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(ROOM));
  const isIpv6 = (spec.addresses6 ?? []).length > 0;
  const said: vrrp.Advertisement = {
    version: 3,
    vrid: 10,
    priority: 100,
    interval: 1000,
    addresses4: isIpv6 ? [] : [0xc000_0201],
    addresses6: [],
    password: null,
    pseudo: true,
    ...spec,
  };
  const { source = PEER, mac = PEER_MAC, destination } = spec;
  const bytes = spec.cut ?? vrrp.lengthOf(said);
  const words = [0xfe80_0000, 0, 0, source] as const;
  const at = isIpv6
    ? vrrp.writeEnvelope6(view, 0, mac, vrrp.GROUP6_MAC, words, vrrp.GROUP6, bytes)
    : vrrp.writeEnvelope4(
        view,
        0,
        mac,
        vrrp.GROUP4_MAC,
        source,
        destination ?? vrrp.GROUP4,
        bytes,
        1,
      );
  const ip = vrrp.ipAt(0);
  vrrp.write(view, ip, at, said);
  for (const [offset, value] of spec.bend ?? []) view.setUint8(at + offset, value);
  if (spec.bend !== undefined && spec.keepChecksum !== true) {
    const end = at + bytes;
    view.setUint16(at + 6, 0);
    const pseudo = isIpv6 ? checksum.pseudo6(view, ip, vrrp.PROTOCOL, bytes) : 0;
    view.setUint16(at + 6, checksum.finish(checksum.add(view, at, end, pseudo)));
  }
  if (spec.hops !== undefined) setHops(view, ip, isIpv6, spec.hops);
  return new Uint8Array(view.buffer, 0, at + bytes).slice();
}

function setHops(view: DataView, ip: number, isIpv6: boolean, hops: number): void {
  if (isIpv6) {
    view.setUint8(ip + 7, hops);
    return;
  }
  view.setUint8(ip + 8, hops);
  view.setUint16(ip + 10, 0);
  view.setUint16(ip + 10, checksum.compute(view, ip, ip + 20));
}

export interface CarpSpec {
  readonly source?: number;
  readonly mac?: number;
  readonly vhid?: number;
  readonly advskew?: number;
  readonly advbase?: number;
  readonly demote?: number;
  readonly high?: number;
  readonly low?: number;
  readonly password?: string;
  readonly addresses?: readonly number[];
  readonly hops?: number;
  readonly bend?: readonly (readonly [offset: number, value: number])[];
}

export const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.codePointAt(0) ?? 0);

export function carpFrame(spec: CarpSpec = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(ROOM));
  const { vhid = 7, source = PEER, mac = PEER_MAC } = spec;
  const signer = new carp.Signer(
    bytesOf(spec.password ?? "secret"),
    vhid,
    spec.addresses ?? [0xc000_0201],
    [],
  );
  const at = vrrp.writeEnvelope4(
    view,
    0,
    mac,
    vrrp.GROUP4_MAC,
    source,
    vrrp.GROUP4,
    carp.LENGTH,
    1,
  );
  const { advskew = 100, advbase = 1, demote = 0, high = 1, low = 1 } = spec;
  const end = signer.write(view, at, { vhid, advskew, advbase, demote }, high, low);
  for (const [offset, value] of spec.bend ?? []) view.setUint8(at + offset, value);
  if (spec.hops !== undefined) setHops(view, vrrp.ipAt(0), false, spec.hops);
  return new Uint8Array(view.buffer, 0, end).slice();
}

/** What an HSRP message says. */
export interface HsrpSpec extends Partial<hsrp.Message> {
  readonly source?: number;
  readonly mac?: number;
  readonly hops?: number;
}

export function hsrpFrame(spec: HsrpSpec = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(ROOM));
  const { source = PEER, mac = PEER_MAC } = spec;
  const said: hsrp.Message = {
    version: 1,
    op: hsrp.Op.Hello,
    state: hsrp.State.Active,
    group: 5,
    priority: 100,
    hello: 3000,
    hold: 10_000,
    identifier: mac,
    address4: 0xc000_0201,
    address6: null,
    password: bytesOf("cisco\0\0\0"),
    ...spec,
  };
  const end = hsrp.writeFrame4(view, 0, mac, source, 1, said);
  if (spec.hops !== undefined) setHops(view, vrrp.ipAt(0), false, spec.hops);
  return new Uint8Array(view.buffer, 0, end).slice();
}

/** What a frame of a router says, in the fields that tests ask for. */
export interface Heard {
  readonly from: number;
  readonly at: number;
  readonly mac: number;
  readonly destinationMac: number;
  readonly isIpv6: boolean;
  readonly hops: number;
  readonly version: number;
  readonly vrid: number;
  readonly priority: number;
  readonly interval: number;
  readonly form: number;
  readonly payload: string;
}

/** Reads a VRRP advertisement that a router sent. */
export function readVrrp({
  bytes,
  from,
  at: time,
}: {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly at: number;
}): Heard {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isIpv6 = view.getUint16(12) === 0x86dd;
  const ip = 14;
  const at = ip + (isIpv6 ? 40 : 20);
  const mac = (offset: number): number =>
    view.getUint16(offset) * 0x1_0000_0000 + view.getUint32(offset + 2);
  return {
    from,
    at: time,
    mac: mac(6),
    destinationMac: mac(0),
    isIpv6,
    hops: view.getUint8(ip + (isIpv6 ? 7 : 8)),
    version: vrrp.version(view, at),
    vrid: vrrp.vrid(view, at),
    priority: vrrp.priority(view, at),
    interval: vrrp.interval(view, at),
    form: vrrp.checksumForm(view, ip, at),
    payload: [...bytes.subarray(at)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}
