import assert from "node:assert/strict";
import { test } from "node:test";
import { REASON_NAMES } from "../../lag/reason.ts";
import { explainLacp, type LacpEvidence } from "./lacp.ts";

const member = (port: string, reason: string, more: Record<string, unknown> = {}) => ({
  core: 0,
  port,
  reason,
  mux: "detached",
  actor: ["active", "short-timeout"],
  partner: ["active", "short-timeout"],
  "partner-system": "32768,02:bb:00:00:00:01",
  "partner-key": 7,
  "pdus-sent": 12,
  "own-received": 0,
  "last-received-ms": 12_430,
  ...more,
});

const evidence = (...lacp: Record<string, unknown>[]): LacpEvidence => ({
  channel: {
    channel: "LA/1",
    mode: "lacp",
    members: ["p0", "p1"],
    "active-members": ["p0"],
    "partner-system": "32768,02:aa:00:00:00:01",
    "partner-key": 1,
    up: true,
  },
  lacp,
  config: { "max-links": 1, "min-links": 2 },
});

const CASES: readonly (readonly [
  reason: string,
  expected: RegExp,
  more?: Record<string, unknown>,
])[] = [
  ["bundled", /^p1 is bundled/],
  ["link-down", /no link.*cable/],
  ["never-heard", /never got a LACPDU, though 12 were sent.*Switch LACP on there/],
  ["gone-silent", /the last LACPDU came 12\.4 s ago/],
  ["both-passive", /both sides are passive.*activity: active/],
  ["looped", /its own LACPDUs back \(3 of them\)/, { "own-received": 3 }],
  [
    "other-system",
    /another switch: it hears 32768,02:bb:00:00:00:01.*serves 32768,02:aa:00:00:00:01/,
  ],
  ["other-key", /another key, 7 instead of 1/],
  ["individual", /does not aggregate this port/],
  ["standby", /stands by: max-links is 1.*Raise max-links/],
  ["waiting", /waits two seconds/],
  ["partner-out-of-sync", /does not say that it is in sync/],
  ["partner-mistaken", /wrong or old information of us/],
  ["below-min-links", /min-links \(2\)/],
  ["cores-following", /every core has followed/],
  ["partner-not-collecting", /Collecting bit is off/],
  ["fallback", /by fallback: no partner answers/],
  ["starting", /just come up/],
];

for (const [reason, expected, more] of CASES) {
  test(`OPS-3 explain lacp: ${reason}, and what to change`, () => {
    const lines = explainLacp(evidence(member("p1", reason, more)));
    assert.match(lines[0] ?? "", /^LA\/1 \(lacp\) is up: 1 of 2 members carry frames/);
    assert.match(lines.at(-1) ?? "", expected);
  });
}

test("OPS-3 explain lacp has words for every reason that there is", () => {
  assert.deepEqual([...REASON_NAMES].sort(), CASES.map(([reason]) => reason).sort());
});

test("OPS-3 explain lacp tells of rates that differ, and of a partner that is too slow", () => {
  const differs = explainLacp(
    evidence(member("p1", "bundled", { partner: ["active", "long-timeout"] })),
  );
  assert.match(differs.at(-1) ?? "", /rates differ: we ask for fast, the partner for slow/);
  const late = explainLacp(evidence(member("p1", "gone-silent", { expiries: 4 })));
  assert.match(late.at(-1) ?? "", /too late 4 times.*rate: slow/);
});

test("OPS-3 explain lacp says when cores are in different states", () => {
  const lines = explainLacp(
    evidence(
      member("p1", "cores-following", { mux: "collecting" }),
      member("p1", "cores-following", { core: 1, mux: "attached" }),
    ),
  );
  assert.match(lines.join("\n"), /core 0 collecting, core 1 attached/);
});
