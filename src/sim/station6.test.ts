// Two simulated hosts on one toy wire: what they say on it, and that they find each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import * as nd from "../wire/nd.ts";
import { formatIpv6, type Ipv6, parseIpv6 } from "../wire/text.ts";
import { Station } from "./station.ts";
import { linkLocalOf } from "./station6.ts";

const ip6 = (text: string): Ipv6 => parseIpv6(text) as Ipv6;
const MACS = [0x020000000a01, 0x020000000b02];

/** Two stations; every frame is noted as "type to-mac", and reaches the other at once. */
function wire(tag = 0): { stations: Station[]; said: string[]; cut: Set<number> } {
  const said: string[] = [];
  const cut = new Set<number>();
  const stations: Station[] = MACS.map((mac, index) => {
    const options = {
      name: `h${index}`,
      mac,
      address: 0xc0000200 + 10 + index,
      prefix: 24,
      gateway: 0xc0000201,
      tag,
      ipv6: { address: ip6(`2001:db8::1${index}`), prefix: 64, gateway: ip6("2001:db8::11") },
    };
    return new Station(options, (view, start, end) => {
      const frame = new DataView(view.buffer.slice(start, end) as ArrayBuffer);
      const at = tag === 0 ? 14 : 18;
      if (frame.getUint16(at - 2) === ethernet.EtherType.Ipv6) {
        const to = ethernet.destination(frame, 0).toString(16).padStart(12, "0");
        said.push(`${frame.getUint8(at + 40)} ${to}`);
      }
      if (!cut.has(index)) stations[1 - index]?.receive(frame, 0, frame.byteLength, 0);
    });
  });
  return { stations, said, cut };
}

const at = (list: readonly Station[], index: number): Station => list[index] as Station;
const SOLICIT = icmpv6.Type.NeighborSolicitation;
const ADVERTISE = icmpv6.Type.NeighborAdvertisement;
const { Echo, EchoReply } = icmpv6.Type;

test("the link-local address is the modified EUI-64 of the MAC", () => {
  assert.equal(formatIpv6(...linkLocalOf(0x0200_5e10_0001)), "fe80::5eff:fe10:1");
  assert.equal(formatIpv6(...linkLocalOf(0xfcfd_fe80_8182)), "fe80::fefd:feff:fe80:8182");
});

for (const tag of [0, 7]) {
  test(`two stations with tag ${tag} solicit once, advertise once and ping both ways`, () => {
    const { stations, said } = wire(tag);
    const [one, two] = [at(stations, 0), at(stations, 1)];

    one.ping6(ip6("2001:db8::11"), 0);
    one.ping6(ip6("2001:db8::11"), 1);

    assert.deepEqual(said, [
      `${SOLICIT} 3333ff000011`,
      `${ADVERTISE} 020000000a01`,
      `${Echo} 020000000b02`,
      `${EchoReply} 020000000a01`,
      `${Echo} 020000000b02`,
      `${EchoReply} 020000000a01`,
    ]);
    assert.equal(one.ipv6.pingsAnswered, 2);
    one.ping6(two.ipv6.linkLocal, 2);
    assert.equal(one.ipv6.pingsAnswered, 3);
    assert.equal(said[6], `${SOLICIT} 3333ff000b02`);
  });
}

test("an address outside the prefix is pinged by way of the gateway", () => {
  const { stations, said } = wire();
  const one = at(stations, 0);

  one.ping6(ip6("2001:db8:0:1::5"), 0);

  assert.deepEqual(said.slice(0, 3), [
    `${SOLICIT} 3333ff000011`,
    `${ADVERTISE} 020000000a01`,
    `${Echo} 020000000b02`,
  ]);
  assert.equal(one.ipv6.pingsAnswered, 0, "the other is no router and has not that address");
});

test("a neighbour that does not answer is asked three times, and its ping is lost", () => {
  const { stations, said, cut } = wire();
  const one = at(stations, 0);
  cut.add(0);

  one.ping6(ip6("2001:db8::11"), 0);
  for (let now = 100; now <= 5000; now += 100) one.tick(now);

  assert.deepEqual(
    said,
    Array.from({ length: 3 }, () => `${SOLICIT} 3333ff000011`),
  );
  assert.equal(one.ipv6.pingsLost, 1);
});

test("a station that moves advertises both addresses to all nodes; a silent one says nothing", () => {
  const { stations, said } = wire();
  const one = at(stations, 0);

  one.announce();
  assert.deepEqual(said, [`${ADVERTISE} 333300000001`, `${ADVERTISE} 333300000001`]);

  at(stations, 1).silent = true;
  one.ping6(ip6("2001:db8::11"), 0);
  assert.equal(said.length, 3);
  at(stations, 1).ping6(ip6("2001:db8::10"), 0);
  assert.equal(at(stations, 1).ipv6.pingsSent, 0);
});

test("a probe for a duplicate is answered to all nodes, and solicitations of others are not", () => {
  const { stations, said } = wire();
  const view = new DataView(new ArrayBuffer(128));
  const probe = (target: Ipv6): void => {
    const group: Ipv6 = [0xff020000, 0, 1, (0xff000000 | (target[3] & 0xffffff)) >>> 0];
    const to = nd.groupMac(group[3]);
    const none: Ipv6 = [0, 0, 0, 0];
    const end = nd.writeSolicitation(view, 0, to, 0x02cc, none, group, target, -1, 77);
    at(stations, 0).receive(view, 0, end, 0);
  };

  probe(ip6("2001:db8::10"));
  assert.deepEqual(said, [`${ADVERTISE} 333300000001`]);
  probe(ip6("2001:db8:9::10"));
  assert.equal(said.length, 1);
});
