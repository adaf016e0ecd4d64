import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { snoopDefaults } from "./config.ts";
import { type Address, Asker, compare, Domain, NOBODY } from "./domain.ts";

const LOW: Address = [0, 0, 0, 0xc0000201 | 0];
const OWN: Address = [0, 0, 0, 0xc0000280 | 0];
const HIGH: Address = [0, 0, 0, 0xc00002ff | 0];
const config = snoopDefaults(0, []);
const query = (from: Address, more = {}): Parameters<Domain["heard"]>[0] => ({
  from,
  isGeneral: true,
  responseDelay: 10_000,
  robustness: 0,
  interval: 0,
  ...more,
});

const { None, Other, Own } = Asker;

/** The election of RFC 3376 6.6.2 (RFC 2236 7, RFC 3810 7.6.2) and of a switch without a querier, row by row. */
const ROWS: [
  state: number,
  own: Address | null,
  querier: Address,
  from: Address,
  to: number,
  now: Address,
  heard: boolean,
][] = [
  [None, null, NOBODY, LOW, Other, LOW, true],
  [None, null, NOBODY, NOBODY, None, NOBODY, false],
  [Other, null, LOW, LOW, Other, LOW, true],
  [Other, null, LOW, HIGH, Other, LOW, false],
  [Other, null, HIGH, LOW, Other, LOW, true],
  [Other, null, LOW, NOBODY, Other, LOW, false],
  [Own, OWN, OWN, LOW, Other, LOW, true],
  [Own, OWN, OWN, HIGH, Own, OWN, false],
  [Own, OWN, OWN, OWN, Own, OWN, false],
  [Own, OWN, OWN, NOBODY, Own, OWN, false],
  [Own, NOBODY, NOBODY, HIGH, Other, HIGH, true],
  [Other, OWN, LOW, HIGH, Other, LOW, false],
  [Other, OWN, LOW, LOW, Other, LOW, true],
];

for (const [state, own, querier, from, to, now, heard] of ROWS) {
  const name = (address: Address): string => (address[3] >>> 0).toString(16);
  test(`RFC 3376 6.6.2: state ${state}, querier ${name(querier)}, hears ${name(from)}: state ${to}`, () => {
    const domain = new Domain(20, config, own !== null, own ?? NOBODY);
    if (state === Own) domain.begin(0);
    if (state === Other) domain.heard(query(querier), 0);
    assert.equal(domain.state, state);

    assert.equal(domain.heard(query(from), 1000), heard);
    assert.equal(domain.state, to);
    assert.deepEqual(domain.querier, now);
    if (to === Other) assert.equal(domain.otherUntil, (heard ? 1000 : 0) + 255_000);
  });
}

test("BR-8 multicast is limited only when hosts had their time to answer a query of all groups", () => {
  const domain = new Domain(20, config, false, NOBODY);
  domain.heard(query(LOW, { isGeneral: false, responseDelay: 1000 }), 0);
  domain.expire(5000);
  assert.equal(domain.isActive, false, "a query of one group tells nothing of the others");
  domain.heard(query(LOW), 6000);
  domain.expire(15_999);
  assert.equal(domain.isActive, false);
  domain.expire(16_000);
  assert.equal(domain.isActive, true);
  domain.expire(6000 + 255_000);
  assert.deepEqual([domain.state, domain.isActive], [None, false]);
});

test("RFC 3376 8.6, 8.7: the own querier asks twice, 31.25 s apart, then every 125 s", () => {
  const domain = new Domain(20, config, true, OWN);
  domain.begin(0);
  const times: number[] = [];
  for (let now = 0; now < 300_000; now += 250) if (domain.expire(now)) times.push(now);
  assert.deepEqual(times, [0, 31_250, 156_250, 281_250]);
});

test("RFC 3376 4.1.6, 4.1.7: who is not the querier takes over robustness and interval, where they are said", () => {
  const domain = new Domain(20, config, true, OWN);
  domain.heard(query(LOW, { robustness: 3, interval: 60_000 }), 0);
  assert.equal(domain.membershipInterval, 190_000);
  assert.equal(domain.otherUntil, 185_000);
  domain.heard(query(LOW), 1);
  assert.equal(domain.membershipInterval, 260_000);
  domain.heard(query(LOW, { robustness: 3, interval: 60_000 }), 2);
  domain.expire(185_002);
  assert.deepEqual([domain.state, domain.robustness, domain.interval], [Own, 2, 125_000]);
});

test("BR-8 of queriers that all hear each other, one is left: the one with the lowest address", () => {
  const address = fc.uniqueArray(fc.integer({ min: 1, max: 0xffffffff }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(address, (addresses) => {
      const all = addresses.map((one) => new Domain(20, config, true, [0, 0, 0, one | 0]));
      for (const domain of all) domain.begin(0);
      for (let now = 0; now < 400_000; now += 1000) {
        for (const domain of all) {
          if (!domain.expire(now)) continue;
          for (const other of all) if (other !== domain) other.heard(query(domain.own), now);
        }
      }
      const lowest = Math.min(...addresses);
      for (const [index, domain] of all.entries()) {
        assert.equal(domain.state, addresses[index] === lowest ? Own : Other);
        assert.equal(domain.querier[3] >>> 0, lowest);
      }
    }),
    { numRuns: 20 },
  );
  assert.ok(compare(LOW, HIGH) < 0 && compare([1, 0, 0, 0], LOW) > 0);
});
