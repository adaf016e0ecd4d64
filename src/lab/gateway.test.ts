import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../control/check.ts";
import { Station } from "../sim/station.ts";
import { gatewayConfig, Pinger, Switch } from "./gateway.ts";

const frame = (to: number, from: number): DataView => {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(2, to);
  view.setUint32(8, from);
  return view;
};

test("OPS-1 both configurations of the lab are valid", () => {
  for (const side of ["a", "b"] as const)
    assert.deepEqual(check(gatewayConfig(side, 2)).faults, []);
});

test("VR-4 the lab's switch learns where a MAC is, and a cut cable carries nothing either way", () => {
  const got: number[] = [];
  const middle = new Switch();
  for (let n = 0; n < 3; n++) middle.plug(() => got.push(n));
  const pass = (from: number, view: DataView): number[] => {
    got.length = 0;
    middle.send(from, view, 0, 64);
    return [...got];
  };

  assert.deepEqual(pass(0, frame(9, 1)), [1, 2], "unknown: to all others");
  assert.deepEqual(pass(1, frame(1, 2)), [0], "known");
  assert.deepEqual(pass(2, frame(9, 1)), [0, 1], "the MAC moved");
  assert.deepEqual(pass(1, frame(1, 2)), [2]);
  middle.setCut(2, true);
  assert.deepEqual(pass(1, frame(1, 2)), []);
  assert.deepEqual(pass(2, frame(2, 1)), []);
  middle.setCut(2, false);
  assert.deepEqual(pass(1, frame(1, 2)), [2]);
});

test("VR-4 the lab's hosts measure their own outage", () => {
  const options = { name: "h", mac: 2, address: 1, prefix: 24, gateway: 3, tag: 0 };
  const station = new Station(options, () => undefined);
  const pinger = new Pinger(station);
  const answer = (now: number): void => {
    station.pingsAnswered++;
    pinger.turn(now);
  };

  answer(100);
  answer(120);
  assert.equal(pinger.outage, 0);
  pinger.turn(400);
  assert.equal(pinger.silent(400), 280);
  answer(520);
  assert.deepEqual([pinger.outage, pinger.longest, pinger.silent(530)], [400, 400, 0]);
  answer(620);
  assert.deepEqual([pinger.outage, pinger.longest], [100, 400]);
});
