import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./hostile.ts";

test("BR-2 ARP-1 HOST-2 two hundred thousand hostile frames are counted by reason and nothing is thrown", () => {
  const { frames, drops } = fuzz(1, 200_000);

  assert.ok(frames >= 199_000, `${frames} frames reached the core`);
  for (const reason of [
    "runt",
    "arp-short",
    "ip-header",
    "ip-checksum",
    "vlan-filtered",
    "reserved-group",
  ] as const) {
    assert.ok((drops[reason] ?? 0) > 0, `${reason} in ${JSON.stringify(drops)}`);
  }
});
