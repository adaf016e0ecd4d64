// The machine against its table: the rows of RFC 4861 Appendix C, corrected by section 7.2.5, and the matrix that the
// Linux kernel was measured to follow.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Act,
  isUsable,
  Link,
  onAdvertisement,
  onConfirm,
  onHint,
  onSend,
  onTimer,
  State,
  stateOf,
} from "./machine.ts";

const { Reachable: RE, Stale: ST, Delay: DE, Probe: PR, Incomplete: IN, None } = State;
const { None: NO, Same, Different: DIFF } = Link;
const has = (outcome: number, ...acts: number[]): boolean =>
  acts.every((act) => (outcome & act) !== 0);
const acts = (outcome: number): number => outcome & ~15;

/** Next state and whether the new address is taken ("cc"), per solicited, override and kind of address. */
type Cell = readonly [State, boolean];
/** Columns: S0O0, S0O1, S1O0, S1O1, each with no or the same address, then with another one. */
const MATRIX: readonly [State, readonly Cell[]][] = [
  [
    RE,
    [
      [RE, false],
      [ST, false],
      [RE, false],
      [ST, true],
      [RE, false],
      [ST, false],
      [RE, false],
      [RE, true],
    ],
  ],
  [
    ST,
    [
      [ST, false],
      [ST, false],
      [ST, false],
      [ST, true],
      [RE, false],
      [ST, false],
      [RE, false],
      [RE, true],
    ],
  ],
  [
    DE,
    [
      [DE, false],
      [DE, false],
      [DE, false],
      [ST, true],
      [RE, false],
      [DE, false],
      [RE, false],
      [RE, true],
    ],
  ],
  [
    PR,
    [
      [PR, false],
      [PR, false],
      [PR, false],
      [ST, true],
      [RE, false],
      [PR, false],
      [RE, false],
      [RE, true],
    ],
  ],
];

for (const [state, cells] of MATRIX) {
  for (const [column, [next, taken]] of cells.entries()) {
    const solicited = column >= 4;
    const override = (column & 2) !== 0;
    const links = (column & 1) === 0 ? [NO, Same] : [DIFF];
    for (const link of links) {
      const what = `S${Number(solicited)} O${Number(override)} link ${link}`;
      test(`ND-3 RFC 4861 7.2.5: state ${state} and an advertisement ${what} give ${next}`, () => {
        const outcome = onAdvertisement(state, solicited, override, link);
        assert.equal(stateOf(outcome), next);
        assert.equal(has(outcome, Act.Record), taken, "whether the address is taken");
        assert.equal(has(outcome, Act.Confirm), solicited && next === RE, "confirmed");
        assert.ok(!has(outcome, Act.Release) && !has(outcome, Act.Fail));
      });
    }
  }
}

test("ND-3 rows 4 and 5: INCOMPLETE takes any address that an advertisement brings", () => {
  for (const override of [false, true]) {
    for (const link of [Same, DIFF]) {
      const quiet = onAdvertisement(IN, false, override, link);
      assert.equal(quiet, ST | Act.Record | Act.Router | Act.Release);
      const solicited = onAdvertisement(IN, true, override, link);
      assert.equal(solicited, RE | Act.Record | Act.Router | Act.Release | Act.Confirm);
    }
  }
});

test("ND-3 row 6: INCOMPLETE ignores an advertisement without an address", () => {
  for (const solicited of [false, true]) {
    for (const override of [false, true]) {
      assert.equal(onAdvertisement(IN, solicited, override, NO), IN | Act.Ignore);
    }
  }
});

test("ND-3 rows 7, 10, 11, 12: the router flag is taken; rows 8 and 9: it is not", () => {
  for (const state of [RE, ST, DE, PR]) {
    for (const solicited of [false, true]) {
      for (const link of [NO, Same, DIFF]) {
        assert.ok(has(onAdvertisement(state, solicited, true, link), Act.Router));
        const kept = onAdvertisement(state, solicited, false, link);
        assert.equal(has(kept, Act.Router), link !== DIFF);
      }
    }
  }
  assert.equal(onAdvertisement(RE, true, false, DIFF), ST, "row 8 changes the state and no more");
  assert.equal(onAdvertisement(PR, true, false, DIFF), PR | Act.Ignore, "row 9");
});

test("ND-3 rows 1 and 16: a frame creates an entry, or doubts a stale one", () => {
  assert.equal(onSend(None), IN | Act.Multicast);
  assert.equal(onSend(ST), DE);
  for (const state of [RE, DE, PR, IN]) assert.equal(onSend(state), state);
});

test("ND-3 rows 2, 3, 15, 17, 18, 19: timers", () => {
  assert.equal(onTimer(IN, false), IN | Act.Multicast);
  assert.equal(onTimer(IN, true), None | Act.Fail);
  assert.equal(onTimer(RE, false), ST);
  assert.equal(onTimer(DE, false), PR | Act.Unicast);
  assert.equal(onTimer(PR, false), PR | Act.Unicast);
  assert.equal(onTimer(PR, true), None | Act.Fail);
});

test("ND-3 rows 13 and 14: an upper layer confirms what is known", () => {
  for (const state of [RE, ST, DE, PR]) assert.equal(onConfirm(state), RE | Act.Confirm);
  assert.equal(onConfirm(IN), IN | Act.Ignore);
  assert.equal(onConfirm(None), None | Act.Ignore);
});

test("ND-3 rows 20 to 25: an address in another message makes a stale entry, or changes it", () => {
  assert.equal(onHint(None, DIFF), ST | Act.Record);
  assert.equal(onHint(IN, DIFF), ST | Act.Record | Act.Release);
  for (const state of [RE, ST, DE, PR]) {
    assert.equal(onHint(state, DIFF), ST | Act.Record, "row 22");
    assert.equal(onHint(state, Same), state, "row 23");
    assert.equal(onHint(state, NO), state | Act.Ignore, "row 24");
  }
  assert.equal(onHint(None, NO), None | Act.Ignore);
});

test("ND-3 row 26: an advertisement of nobody changes nothing", () => {
  for (const link of [NO, Same, DIFF]) {
    assert.equal(onAdvertisement(None, true, true, link), None | Act.Ignore);
  }
});

test("every outcome of a known neighbour stays a state of the machine", () => {
  for (const state of [RE, ST, DE, PR, IN, None]) {
    for (const link of [NO, Same, DIFF]) {
      for (const solicited of [false, true]) {
        for (const override of [false, true]) {
          const next = stateOf(onAdvertisement(state, solicited, override, link));
          assert.ok(isUsable(next) || next === state);
        }
      }
      assert.ok(acts(onHint(state, link)) !== Act.Fail);
    }
  }
});
