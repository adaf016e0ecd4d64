import assert from "node:assert/strict";
import { test } from "node:test";
import { explainVr } from "./vr.ts";

const ROW = {
  name: "gw",
  protocol: "vrrp",
  version: 3,
  vrid: 10,
  interface: "lan",
  family: "ipv4",
  state: "backup",
  priority: 90,
  "base-priority": 150,
  tracking: "decrement",
  tracks: [
    { name: "port wan", up: false, decrement: 60 },
    { name: "route 0.0.0.0/0", up: true, decrement: 255 },
  ],
  reason: "higher-priority",
  "since-ms": 61_000,
  "master-address": "192.0.2.3",
  "master-mac": "00:00:5e:00:01:0a",
  "heard-ms": 400,
  "master-down-ms": 3648.4,
  "interval-ms": 1000,
  "checksum-sent": "rfc9568",
  "checksum-heard": "rfc5798",
  held: "",
  "late-max-ms": 3,
  history: [{ "age-ms": 61_000, from: "active", to: "backup", reason: "higher-priority" }],
};

test("OPS-2 VR-3 a backup is explained: the sum of its priority, who is Active, its last change", () => {
  assert.deepEqual(explainVr([ROW]), [
    "gw (vrrp version 3, id 10, ipv4) on lan is backup for 61 s: a router of a higher priority is Active.",
    "Its priority 90 = 150 - 60 (port wan is down).",
    "It tracks what is down: port wan.",
    "The Active router is 192.0.2.3 (00:00:5e:00:01:0a), heard 0.4 s ago; without it we take over 3.6 s after its last word.",
    "Others compute the checksum as rfc5798 says and we as rfc9568: we take both, they may not. Write checksum: rfc5798.",
    "61 s ago it went from active to backup: a router of a higher priority is Active.",
  ]);
});

test("OPS-2 VR-6 an Active router is explained with the rival that it met, and a busy machine is named", () => {
  const active = {
    ...ROW,
    state: "active",
    priority: 150,
    tracks: [],
    reason: "no-advertisement",
    "adverts-sent": 7,
    "checksum-heard": "",
    "last-rival": "two-active",
    "last-rival-mac": "02:00:00:00:00:0b",
    "last-rival-ms": 5000,
    "late-max-ms": 1500,
    history: [],
  };
  assert.deepEqual(explainVr([active]), [
    "gw (vrrp version 3, id 10, ipv4) on lan is active for 61 s: no advertisement of an Active router came in time.",
    "Its priority 150 = as configured.",
    "It has sent 7 advertisements, one in 1 s.",
    "A rival was met 5 s ago: two-active, from 02:00:00:00:00:0b.",
    "A timer was late by 1500 ms, more than an interval: the machine is too busy for it.",
  ]);
});

test("OPS-2 VR-5 CARP is explained by its skew and demotion, and a router that is held back says by what", () => {
  const carp = {
    ...ROW,
    protocol: "carp",
    version: 2,
    state: "init",
    priority: 50,
    "base-priority": 50,
    demotion: 2,
    tracks: [],
    "heard-ms": null,
    "adverts-received": 0,
    "checksum-sent": "",
    reason: "interface-down",
    held: "interface-down",
    history: [],
  };
  assert.deepEqual(explainVr([carp]), [
    "gw (carp version 2, id 10, ipv4) on lan is init for 61 s: its interface has no link.",
    "It advertises a skew of 50 (50 configured) and a demotion of 2.",
    "Nothing was heard of another router.",
    "It is kept from running: its interface has no link.",
  ]);
});
