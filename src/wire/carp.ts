// CARP (OpenBSD, version 2): advertisements of redundant addresses with a keyed digest. `at` is the first byte behind
// the IP header; the protocol number, group, TTL and, for IPv4, the virtual MAC are those of VRRP (wire/vrrp.ts). There
// is no standard; layout and digest are what OpenBSD and ucarp 1.5 send and accept.
//
//   0        1        2        3        4        5        6          8                16                        36
//   +--------+--------+--------+--------+--------+--------+----------+----------------+-------------------------+
//   | 2 | 1  | vhid   | advskew| 7      | demote | advbase| checksum | counter        | HMAC-SHA1               |
//   +--------+--------+--------+--------+--------+--------+----------+----------------+-------------------------+

import { DIGEST, HmacSha1 } from "../lib/sha1.ts";
import type { Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import { HOPS } from "./vrrp.ts";
import { Fault } from "./vrrp-fault.ts";

/** Bytes of an advertisement: always these. */
export const LENGTH = 36;
/** Counter and digest in 32-bit words: what tells CARP from VRRP version 2, whose byte 3 counts addresses. */
const AUTH_WORDS = 7;
const VERSION_TYPE = 0x21;
const COUNTER = 8;
const CODE = 16;

/** The virtual MAC (OpenBSD); the same as that of VRRP for IPv4, for both families. */
export const virtualMac = (vhid: number): Mac => 0x00005e000100 + vhid;
/** The source that ucarp 1.5 sends from. */
export const ucarpMac = (vhid: number): Mac => 0x00005e000000 + vhid;

export const vhid = (view: DataView, at: Offset): number => view.getUint8(at + 1);
export const advskew = (view: DataView, at: Offset): number => view.getUint8(at + 2);
export const demote = (view: DataView, at: Offset): number => view.getUint8(at + 4);
export const advbase = (view: DataView, at: Offset): number => view.getUint8(at + 5);
/** The counter as two unsigned words: the high one first. */
export const counterHigh = (view: DataView, at: Offset): number => view.getUint32(at + COUNTER);
export const counterLow = (view: DataView, at: Offset): number => view.getUint32(at + COUNTER + 4);
/** How often the sender advertises: the less, the better it is. */
export const interval = (view: DataView, at: Offset): Millis =>
  advbase(view, at) * 1000 + (advskew(view, at) * 1000) / 256;

/** True for CARP where VRRP might stand too: by the length field that VRRP version 2 uses otherwise. */
export const isCarp = (view: DataView, at: Offset, end: Offset): boolean =>
  end - at >= LENGTH &&
  end - at < LENGTH + 8 &&
  view.getUint8(at) === VERSION_TYPE &&
  view.getUint8(at + 3) === AUTH_WORDS;

/** What is wrong with the bytes of an advertisement; the digest is `Signer.verify`'s. */
export function fault(view: DataView, ip: Offset, at: Offset, end: Offset): Fault {
  const isIpv6 = view.getUint8(ip) >> 4 === 6;
  const hops = isIpv6 ? ipv6.hopLimit(view, ip) : ipv4.ttl(view, ip);
  if (hops !== HOPS) return Fault.Hops;
  if (end - at < LENGTH) return Fault.Short;
  if (view.getUint8(at) >> 4 !== VERSION_TYPE >> 4) return Fault.Version;
  if ((view.getUint8(at) & 15) !== (VERSION_TYPE & 15)) return Fault.Type;
  if (view.getUint8(at + 3) !== AUTH_WORDS) return Fault.Auth;
  if (!checksum.verify(view, at, at + LENGTH)) return Fault.Checksum;
  return vhid(view, at) === 0 ? Fault.Vrid : Fault.None;
}

/** Bytes of the key: a password is cut or padded with zeros to this (OpenBSD CARP_KEY_LEN). */
export const KEY = 20;

/** Signs and verifies the advertisements of one virtual host: password, vhid and addresses are part of the digest. */
export class Signer {
  readonly #hmac: HmacSha1;
  /** What stands before the counter: version, type, vhid, [MAC], addresses. */
  readonly #head: DataView;
  readonly #code = new DataView(new ArrayBuffer(DIGEST));

  /** `mac`: of the virtual interface when it is another than `virtualMac(vhid)` (OpenBSD hashes it then), else 0. */
  constructor(
    password: Uint8Array,
    id: number,
    addresses4: readonly Ipv4[],
    addresses6: readonly (readonly [number, number, number, number])[],
    mac: Mac = 0,
  ) {
    const key = new Uint8Array(KEY);
    key.set(password.subarray(0, KEY));
    this.#hmac = new HmacSha1(key);
    const four = [...new Set(addresses4)].sort((a, b) => a - b);
    const six = addresses6.toSorted((a, b) => {
      for (let n = 0; n < 4; n++) {
        if (a[n] !== b[n]) return (a[n] as number) - (b[n] as number);
      }
      return 0;
    });
    const own = mac !== 0 && mac !== virtualMac(id) ? 6 : 0;
    const head = new DataView(new ArrayBuffer(3 + own + four.length * 4 + six.length * 16));
    head.setUint8(0, VERSION_TYPE >> 4);
    head.setUint8(1, VERSION_TYPE & 15);
    head.setUint8(2, id);
    let at = 3;
    for (let n = 0; n < own; n++) head.setUint8(at++, Math.floor(mac / 256 ** (5 - n)) % 256);
    for (const word of [...four, ...six.flat()]) {
      head.setUint32(at, word);
      at += 4;
    }
    this.#head = head;
  }

  #compute(view: DataView, at: Offset): void {
    const hash = this.#hmac.begin();
    hash.pushBytes(this.#head, 0, this.#head.byteLength);
    hash.pushBytes(view, at + COUNTER, 8);
    this.#hmac.finish(this.#code, 0);
  }

  /** True when the digest is that of our password and addresses. Takes the same time wherever it differs. */
  verify(view: DataView, at: Offset): boolean {
    this.#compute(view, at);
    let difference = 0;
    for (let n = 0; n < DIGEST; n++) {
      difference |= view.getUint8(at + CODE + n) ^ this.#code.getUint8(n);
    }
    return difference === 0;
  }

  /** Writes an advertisement at `at`, LENGTH bytes; returns its end. The counter comes as two unsigned words. */
  write(
    view: DataView,
    at: Offset,
    what: {
      readonly vhid: number;
      readonly advskew: number;
      readonly advbase: number;
      readonly demote: number;
    },
    high: number,
    low: number,
  ): Offset {
    view.setUint8(at, VERSION_TYPE);
    view.setUint8(at + 1, what.vhid);
    view.setUint8(at + 2, what.advskew);
    view.setUint8(at + 3, AUTH_WORDS);
    view.setUint8(at + 4, what.demote);
    view.setUint8(at + 5, what.advbase);
    view.setUint16(at + 6, 0);
    view.setUint32(at + COUNTER, high);
    view.setUint32(at + COUNTER + 4, low);
    this.#compute(view, at);
    for (let n = 0; n < DIGEST; n++) view.setUint8(at + CODE + n, this.#code.getUint8(n));
    view.setUint16(at + 6, checksum.compute(view, at, at + LENGTH));
    return at + LENGTH;
  }
}
