// Writes the frames of neighbour discovery and hands them to the interface. Everything that a core says leaves here, so
// it is counted here.

import type { InterfaceConfig } from "../engine/config.ts";
import type { Links, Out } from "../engine/out.ts";
import type { Mac, Offset } from "../lib/units.ts";
import * as mld from "../wire/mld.ts";
import * as nd from "../wire/nd.ts";
import type { Table } from "./table.ts";

/** ff02::1, ff02::2 and ::. */
export const ALL_NODES: nd.Words = [0xff020000, 0, 0, 1];
export const ALL_ROUTERS: nd.Words = [0xff020000, 0, 0, 2];
export const UNSPECIFIED: nd.Words = [0, 0, 0, 0];

/** Groups in one listener report, so that it fits a frame of 1500 bytes. */
const GROUPS_PER_REPORT = 64;

export class Speaker {
  readonly #out: Out;
  readonly #links: Links;
  readonly #target: Uint32Array = new Uint32Array(4);
  readonly #group: Uint32Array = Uint32Array.of(0xff020000, 0, 1, 0);
  interfaces: readonly InterfaceConfig[];
  solicitations = 0;
  advertisements = 0;
  routerMessages = 0;
  reports = 0;
  redirects = 0;

  constructor(out: Out, links: Links, interfaces: readonly InterfaceConfig[]) {
    this.#out = out;
    this.#links = links;
    this.interfaces = interfaces;
  }

  mac(iface: number): Mac {
    return (this.interfaces[iface] as InterfaceConfig).mac;
  }

  /** The solicited-node group of an address with that last word (RFC 4291 2.7.1). Valid until the next call. */
  solicitedNode(low: number): nd.Words {
    this.#group[3] = (0xff000000 | (low & 0xffffff)) >>> 0;
    return this.#group;
  }

  /** Solicits a slot's address: from `source`, to its solicited-node group, or with `to` >= 0 to that station. */
  solicit(iface: number, source: nd.Words, table: Table, slot: number, to: Mac): void {
    const target = this.#target;
    for (let word = 0; word < 4; word++) target[word] = table.word(slot, word);
    const start = this.#out.scratch(nd.FRAME_ROOM);
    if (start < 0) return;
    const own = this.mac(iface);
    const group = this.solicitedNode(target[3] as number);
    const isUnicast = to >= 0;
    this.solicitations++;
    const end = nd.writeSolicitation(
      this.#out.view,
      start,
      isUnicast ? to : nd.groupMac(group[3] as number),
      own,
      source,
      isUnicast ? target : group,
      target,
      own,
      -1,
    );
    this.#links.output(iface, start, end);
  }

  /** Duplicate address detection (RFC 4862 5.4.2, RFC 7527). */
  probe(iface: number, address: nd.Words, nonce: number): void {
    const start = this.#out.scratch(nd.FRAME_ROOM);
    if (start < 0) return;
    const group = this.solicitedNode(address[3] as number);
    const to = nd.groupMac(group[3] as number);
    this.solicitations++;
    const { view } = this.#out;
    const own = this.mac(iface);
    const end = nd.writeSolicitation(view, start, to, own, UNSPECIFIED, group, address, -1, nonce);
    this.#links.output(iface, start, end);
  }

  /**
   * Writes an advertisement into a buffer of its own, from the MAC that stands for the target; returns its start, or
   * -1. It ends FRAME_ROOM - 8 later.
   */
  writeAdvertisement(
    iface: number,
    to: nd.Words,
    toMac: Mac,
    target: nd.Words,
    flags: number,
    own: Mac = this.mac(iface),
  ): Offset {
    const start = this.#out.scratch(nd.FRAME_ROOM);
    if (start < 0) return -1;
    this.advertisements++;
    nd.writeAdvertisement(this.#out.view, start, toMac, own, target, to, target, own, flags);
    return start;
  }

  /** Bytes of an advertisement with its option. */
  static readonly ADVERTISEMENT: number = nd.FRAME_ROOM - 8;

  /** To a group, unasked (RFC 4861 7.2.6, RFC 9131). */
  advertise(
    iface: number,
    group: nd.Words,
    target: nd.Words,
    flags: number,
    own: Mac = this.mac(iface),
  ): void {
    const mac = nd.groupMac(group[3] as number);
    const start = this.writeAdvertisement(iface, group, mac, target, flags, own);
    if (start >= 0) this.#links.output(iface, start, start + Speaker.ADVERTISEMENT);
  }

  solicitRouters(iface: number, source: nd.Words | null): void {
    const start = this.#out.scratch(nd.FRAME_ROOM);
    if (start < 0) return;
    const own = this.mac(iface);
    this.routerMessages++;
    const end = nd.writeRouterSolicitation(
      this.#out.view,
      start,
      nd.groupMac(2),
      own,
      source ?? UNSPECIFIED,
      ALL_ROUTERS,
      source === null ? -1 : own,
    );
    this.#links.output(iface, start, end);
  }

  advertiseRouter(iface: number, source: nd.Words, what: nd.RouterAdvertisement): void {
    const start = this.#out.scratch(nd.routerAdvertisementRoom(what));
    if (start < 0) return;
    const own = this.mac(iface);
    this.routerMessages++;
    const { view } = this.#out;
    const to = nd.groupMac(1);
    const end = nd.writeRouterAdvertisement(view, start, to, own, source, ALL_NODES, own, what);
    this.#links.output(iface, start, end);
  }

  /** Reports groups with one record type, in as many reports as it takes. */
  report(iface: number, source: nd.Words, kind: number, groups: readonly nd.Words[]): void {
    for (let first = 0; first < groups.length; first += GROUPS_PER_REPORT) {
      const count = Math.min(GROUPS_PER_REPORT, groups.length - first);
      const start = this.#out.scratch(mld.reportRoom(count));
      if (start < 0) return;
      this.reports++;
      const own = this.mac(iface);
      const { view } = this.#out;
      const end = mld.writeReport2(view, start, own, source, kind, groups, first, count);
      this.#links.output(iface, start, end);
    }
  }

  reportOld(iface: number, source: nd.Words, group: nd.Words, isDone: boolean): void {
    const start = this.#out.scratch(mld.reportRoom(1));
    if (start < 0) return;
    this.reports++;
    const own = this.mac(iface);
    const end = mld.writeReport1(this.#out.view, start, own, source, group, isDone);
    this.#links.output(iface, start, end);
  }

  redirect(
    iface: number,
    toMac: Mac,
    source: nd.Words,
    to: nd.Words,
    target: nd.Words,
    link: Mac,
    packet: Offset,
    packetEnd: Offset,
  ): void {
    const start = this.#out.scratch(14 + 1280);
    if (start < 0) return;
    this.redirects++;
    const { view, bytes } = this.#out;
    const own = this.mac(iface);
    const end = nd.writeRedirect(
      view,
      bytes,
      start,
      toMac,
      own,
      source,
      to,
      target,
      link,
      packet,
      packetEnd,
    );
    this.#links.output(iface, start, end);
  }
}
