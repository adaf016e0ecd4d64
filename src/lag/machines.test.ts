// The tables of IEEE 802.3-2005 clause 43 as rows, and every pair of a state and an input: a row is a state, a
// pattern over the inputs (1, 0, or - for either) and the state that is entered; "." means that nothing happens. The
// first row that matches counts, as in the figures, where the global transitions stand first.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as churn from "./churn.ts";
import { CHURN_NAMES } from "./churn.ts";
import * as mux from "./mux.ts";
import { MUX_NAMES } from "./mux.ts";
import * as periodic from "./periodic.ts";
import { PERIODIC_NAMES } from "./periodic.ts";
import * as receive from "./receive.ts";
import { RECEIVE_NAMES } from "./receive.ts";
import { allowedAt, record } from "./transmit.ts";

type Row = readonly [state: string, pattern: string, to: string];

/** Runs every state with every combination of `inputs` bits against the rows; each row must decide something. */
function checkTable(
  names: readonly string[],
  inputs: number,
  rows: readonly Row[],
  next: (state: number, bits: boolean[]) => number,
): void {
  const used = new Set<Row>();
  let pairs = 0;
  for (const [state, name] of names.entries()) {
    for (let value = 0; value < 1 << inputs; value++) {
      const bits = Array.from(
        { length: inputs },
        (_, bit) => ((value >> (inputs - 1 - bit)) & 1) === 1,
      );
      const text = bits.map((bit) => (bit ? "1" : "0")).join("");
      const row = rows.find(
        ([from, pattern]) =>
          (from === "*" || from === name) &&
          [...pattern.replaceAll(" ", "")].every((want, at) => want === "-" || want === text[at]),
      );
      assert.ok(row !== undefined, `no row for ${name} ${text}`);
      used.add(row);
      const to = next(state, bits);
      assert.equal(to < 0 ? "." : names[to], row[2], `${name} ${text}`);
      pairs++;
    }
  }
  assert.equal(pairs, names.length << inputs);
  const idle = rows.filter((row) => !used.has(row));
  assert.deepEqual(idle, [], "every row decides something");
}

test("LAG-2 Receive, figure 43-10: every state with every input", () => {
  // begin, port_moved, port_enabled, LACP_Enabled, LACPDU, current_while expired
  const rows: readonly Row[] = [
    ["*", "1-----", "initialize"],
    ["initialize", "------", "port-disabled"],
    ["port-disabled", "-10---", "initialize"],
    ["port-disabled", "-00---", "."],
    ["*", "-00---", "port-disabled"],
    ["*", "-10---", "."],
    ["port-disabled", "--11--", "expired"],
    ["port-disabled", "--10--", "lacp-disabled"],
    ["lacp-disabled", "--11--", "port-disabled"],
    ["lacp-disabled", "--10--", "."],
    ["*", "--10--", "lacp-disabled"],
    ["*", "--111-", "current"],
    ["expired", "--1101", "defaulted"],
    ["current", "--1101", "expired"],
    ["*", "--110-", "."],
  ];
  checkTable(RECEIVE_NAMES, 6, rows, (state, bits) => {
    const [begin, moved, enabled, lacp, pdu, expired] = bits as [
      boolean,
      boolean,
      boolean,
      boolean,
      boolean,
      boolean,
    ];
    return receive.next(state, { begin, moved, enabled, lacp, pdu, expired });
  });
});

test("LAG-2 Periodic Transmission, figure 43-11: every state with every input", () => {
  // may run (LACP and port enabled, one side active), partner wants short, timer expired
  const rows: readonly Row[] = [
    ["none", "0--", "."],
    ["*", "0--", "none"],
    ["none", "1--", "fast"],
    ["fast", "1-1", "transmit"],
    ["fast", "10-", "slow"],
    ["fast", "11-", "."],
    ["slow", "11-", "transmit"],
    ["slow", "1-1", "transmit"],
    ["slow", "1--", "."],
    ["transmit", "11-", "fast"],
    ["transmit", "10-", "slow"],
  ];
  checkTable(PERIODIC_NAMES, 3, rows, (state, bits) => {
    const [active, short, expired] = bits as [boolean, boolean, boolean];
    return periodic.next(state, { active, short, expired });
  });
});

/** selected: two bits: not unselected, and not standby. */
const muxInput = (bits: boolean[]): mux.MuxInput => {
  const [some, full, ready, partnerSync, partnerCollecting, settled, enough] = bits as [
    boolean,
    boolean,
    boolean,
    boolean,
    boolean,
    boolean,
    boolean,
  ];
  const selected = some ? (full ? 2 : 1) : 0;
  return { selected, ready, partnerSync, partnerCollecting, settled, enough };
};

const UP_TO_ATTACHED: readonly Row[] = [
  ["detached", "0------", "."],
  ["detached", "1------", "waiting"],
  ["waiting", "0------", "detached"],
  ["waiting", "111--1-", "attached"],
  ["waiting", "1------", "."],
  ["attached", "0------", "detached"],
  ["attached", "10-----", "detached"],
];

test("LAG-3 Mux with independent control, figure 43-13: every state with every input", () => {
  // selected or standby, selected, Ready, Partner.Sync, Partner.Collecting, settled, enough
  const rows: readonly Row[] = [
    ...UP_TO_ATTACHED,
    ["attached", "11-1-11", "collecting"],
    ["attached", "11-----", "."],
    ["collecting", "0------", "attached"],
    ["collecting", "10-----", "attached"],
    ["collecting", "11-0---", "attached"],
    ["collecting", "11----0", "attached"],
    ["collecting", "11-1111", "distributing"],
    ["collecting", "11-1--1", "."],
    ["distributing", "11-11-1", "."],
    ["distributing", "-------", "collecting"],
  ];
  checkTable(MUX_NAMES, 7, rows, (state, bits) => mux.next(state, muxInput(bits), "independent"));
});

test("LAG-3 Mux with coupled control, figure 43-14: every state with every input", () => {
  // DISTRIBUTING is COLLECTING_DISTRIBUTING; COLLECTING is only met when control was changed, and is left at once.
  const rows: readonly Row[] = [
    ...UP_TO_ATTACHED,
    ["attached", "11-1-11", "distributing"],
    ["attached", "11-----", "."],
    ["distributing", "11-1--1", "."],
    ["distributing", "-------", "attached"],
    ["collecting", "11-1111", "distributing"],
    ["collecting", "11-1--1", "."],
    ["collecting", "-------", "attached"],
  ];
  checkTable(MUX_NAMES, 7, rows, (state, bits) => mux.next(state, muxInput(bits), "coupled"));
});

test("LAG-3 what a state lets through: collecting from COLLECTING on, distributing in DISTRIBUTING alone", () => {
  assert.deepEqual(
    MUX_NAMES.map((_, state) => [mux.mayCollect(state), mux.mayDistribute(state)]),
    [
      [false, false],
      [false, false],
      [false, false],
      [true, false],
      [true, true],
    ],
  );
});

test("LAG-2 Churn Detection, figures 43-15 and 43-16: every state with every input", () => {
  // port_enabled, Synchronization, timer expired
  const rows: readonly Row[] = [
    ["monitoring", "0--", "."],
    ["*", "0--", "monitoring"],
    ["monitoring", "11-", "none"],
    ["monitoring", "101", "churned"],
    ["monitoring", "100", "."],
    ["none", "11-", "."],
    ["none", "10-", "monitoring"],
    ["churned", "11-", "none"],
    ["churned", "10-", "."],
  ];
  checkTable(CHURN_NAMES, 3, rows, (state, bits) => {
    const [enabled, sync, expired] = bits as [boolean, boolean, boolean];
    return churn.next(state, { enabled, sync, expired });
  });
});

test("LAG-2 Transmit: three LACPDUs in a second at most, wherever the second begins", () => {
  const sent: number[] = [];
  const moments: number[] = [];
  for (let now = 0; now < 5000; now += 7) {
    if (now < allowedAt(sent)) continue;
    record(sent, now);
    moments.push(now);
  }
  for (const moment of moments) {
    const within = moments.filter((other) => other > moment - 1000 && other <= moment);
    assert.ok(within.length <= 3, `${within.length} in the second before ${moment}`);
  }
  assert.ok(moments.length >= 13, "and not fewer than the limit allows");
});
