// Neighbour and listener discovery that other programs made, from captures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openCapture } from "./capture.ts";
import * as ethernet from "./ethernet.ts";
import { Protocol } from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as mld from "./mld.ts";
import * as nd from "./nd.ts";

/** Type and fault of every discovery message of a capture; -1 for those of MLD. */
function messages(name: string): [type: number, fault: number][] {
  const url = new URL(`../../test/fixtures/captures/${name}`, import.meta.url);
  const bytes = new Uint8Array(readFileSync(url));
  const view = new DataView(bytes.buffer);
  const reader = openCapture(bytes);
  const found: [number, number][] = [];
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    const { start, end } = record;
    const ip = start + ethernet.LENGTH;
    if (ethernet.type(view, start) !== ethernet.EtherType.Ipv6) continue;
    if (!ipv6.isValid(view, ip, end)) continue;
    const upper = ipv6.upper(view, ip);
    if (upper < 0 || ipv6.upperProtocol(upper) !== Protocol.Icmpv6) continue;
    const at = ip + ipv6.upperOffset(upper);
    const type = view.getUint8(at);
    if (nd.isNd(type)) found.push([type, nd.fault(view, ip, at, ipv6.packetEnd(view, ip))]);
    else if (mld.isMld(type)) found.push([type, -1]);
  }
  return found;
}

test("ND-1 a router's advertisement and listeners' messages of a capture are read as valid", () => {
  const found = messages("icmpv6.pcap");
  assert.deepEqual(
    found.filter(([, fault]) => fault >= 0),
    [[134, nd.Fault.None]],
  );
  assert.equal(found.filter(([, fault]) => fault === -1).length, 4);
});

test("ND-1 an option of length zero in a capture is a fault of its own", () => {
  const [found] = messages("icmpv6-length-zero.pcapng");
  assert.ok(found !== undefined);
  assert.equal(found[0], 136);
  assert.notEqual(found[1], nd.Fault.None);
});
