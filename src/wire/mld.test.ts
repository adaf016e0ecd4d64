import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as icmpv6 from "./icmpv6.ts";
import * as ipv6 from "./ipv6.ts";
import * as mld from "./mld.ts";

const view = new DataView(new ArrayBuffer(256));
const QUERY = {
  version: 2,
  responseDelay: 10_000,
  suppresses: false,
  robustness: 2,
  interval: 125,
};
const FROM = [0xfe800000, 0, 0, 10];
const NONE = [0, 0, 0, 0];
const GROUP = [0xff150000, 0, 1, 2];
/** Where a message begins: Ethernet, IPv6, hop-by-hop. */
const AT = 16 + 14 + 40 + 8;

test("queries of both versions read back the same, with hop limit 1 and the router alert", () => {
  for (const version of [1, 2]) {
    for (const group of [NONE, GROUP]) {
      const query = { ...QUERY, version, suppresses: true };
      const end = mld.writeQuery(view, 16, 0x0200_0000_000a, FROM, group, query);
      assert.ok(ipv6.isValid(view, 30, end));
      assert.equal(ipv6.upperOffset(ipv6.upper(view, 30)), 48);
      assert.equal(ipv6.hopLimit(view, 30), 1);
      assert.ok(icmpv6.verify(view, 30, AT, end));
      assert.equal(mld.queryVersion(AT, end), version);
      assert.equal(mld.responseDelay(view, AT, version), 10_000);
      assert.equal(view.getUint32(mld.groupAt(AT)) >>> 0, group[0]);
      const to = group === NONE ? 1 : 2;
      assert.equal(ipv6.destination(view, 30, 3), to, "to all nodes, or to the group");
      if (version === 1) continue;
      assert.deepEqual(
        [mld.suppresses(view, AT), mld.robustness(view, AT), mld.interval(view, AT)],
        [true, 2, 125],
      );
    }
  }
});

test("RFC 3810 5.1.3: delays above 32767 ms are floating-point codes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8_387_584 }), (millis) => {
      view.setUint16(4, mld.encodeDelay(millis));
      const said = mld.responseDelay(view, 0, 2);
      assert.ok(said <= millis && said >= millis * (4095 / 4096) - 1, `${millis} became ${said}`);
    }),
  );
  assert.equal(mld.encodeDelay(1e9), 0xffff);
});

test("records of a v2 report are walked, and one that is cut short at any byte is found", () => {
  const end = mld.writeReport2(view, 16, 1, FROM, mld.Record.ToExclude, [GROUP, GROUP], 0, 2);
  assert.equal(mld.recordCount(view, AT), 2);
  const first = mld.firstRecord(AT);
  assert.equal(mld.recordType(view, first), mld.Record.ToExclude);
  assert.equal(mld.recordSources(view, first), 0);
  assert.equal(view.getUint32(mld.recordGroupAt(first)), GROUP[0]);
  const second = mld.nextRecord(view, first, end);
  assert.equal(mld.nextRecord(view, second, end), end);
  for (let cut = second; cut < end; cut++) assert.equal(mld.nextRecord(view, second, cut), -1);
});
