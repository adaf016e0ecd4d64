// Spanning tree in whole networks of bridges, each on one or several cores, in virtual time: the standard's own example
// figures, what fails and is mended, guards, old bridges. No two ports of any core may make a loop at any moment (the
// rig looks after every change), and one tree must stand in bounded time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "../../src/sim/topology.ts";

test("BR-7 a bridge alone is the root, and its ports forward once nobody answers", () => {
  play(`
    bridge A 0x111 = a b
    run 4s
    check A = root
    check A = Df Df
  `);
});

test("BR-7 a triangle: the alternate port takes over within a second, and gives way again", () => {
  play(`
    bridge A 0x111 cores=2 = a b
    bridge B 0x222 cores=4 = a c
    bridge C 0x333 cores=1 = b c
    tree within 1s
    check A = root
    check B = Rf:20000 Df
    check C = Rf:20000 Ad
    run 10s
    cut b
    tree within 1s
    check C = Xd Rf:40000
    run 10s
    mend b
    tree within 1s
    check C = Rf:20000 Ad
  `);
});

test("BR-7 two links of five bridges fail, a cost changes, another bridge becomes the root", () => {
  play(`
    bridge A 0x111 = a b
    bridge B 0x222 = a c d
    bridge C 0x333 = b c e
    bridge D 0x444 = d f
    bridge E 0x555 = e f
    tree within 1s
    check B = Rf:20000 Df Df
    check C = Rf:20000 Ad Df
    check D = Rf:40000 Df
    check E = Rf:40000 Ad
    run 10s
    cut b
    tree within 1s
    check C = Xd Rf:40000 Df
    check E = R Ad
    run 10s
    cut e
    tree within 2s
    check D = Rf:40000 Df
    check E = Xd Rf:60000
    run 10s
    set E.1 cost=10000
    run 1s
    check E = Xd Rf:50000
    set E priority=28672
    tree within 2s
    check E = root
  `);
});

const FIGURE_4 = `
    bridge 1 0x111 = a b e c
    bridge 2 0x222 = a b d f
    bridge 3 0x333 = c d l j h g
    bridge 4 0x444 = e f n m k i
    bridge 5 0x555 = g i x y
    bridge 6 0x666 = h k u v
    bridge 7 0x777 = j m s t
    bridge 8 0x888 = l n q r`;
const ROLES_4 = `
    check 1 = root
    check 2 = Rf:20000 Ad Df Df
    check 3 = Rf:20000 Ad Df Df Df Df
    check 4 = Rf:20000 Ad Df Df Df Df
    check 5 = Rf:40000 Ad Df Df
    check 6 = Rf:40000 Ad Df Df
    check 7 = Rf:40000 Ad Df Df`;

test("BR-7 figures 17-4 and 17-5 of IEEE 802.1D-2004: roles, and a backup port where a LAN has two of a bridge's", () => {
  play(`
    ${FIGURE_4}
    run 10s
    tree
    ${ROLES_4}
    check 8 = Rf:40000 Ad Df Df
    bridge 8 0x888 = l n o o
    run 60s
    tree
    ${ROLES_4}
    check 8 = Rf:40000 Ad Df Bd
  `);
});

test("BR-7 figure 17-6 of IEEE 802.1D-2004: a ring of six", () => {
  play(`
    bridge 1 0x111 = a b l
    bridge 2 0x222 = b c d
    bridge 3 0x333 = d e f
    bridge 4 0x444 = f g h
    bridge 5 0x555 = j h i
    bridge 6 0x666 = l j k
    run 10s
    tree
    check 1 = root
    check 2 = Rf:20000 Df Df
    check 3 = Rf:40000 Df Df
    check 4 = Rf:60000 Df Ad
    check 5 = Rf:40000 Df Df
    check 6 = Rf:20000 Df Df
  `);
});

test("BR-7 figure 17-7 of IEEE 802.1D-2004: a port's priority moves the root port", () => {
  play(`
    bridge 0 0x000 = b
    bridge 1 0x111 = a b d f h g e c
    bridge 2 0x222 = g h j l n m k i
    run 10s
    tree
    check 1 = Df Rf:20000 Df Df Df Df Df Df
    check 2 = Ad Rf:40000 Df Df Df Df Df Df
    set 1.5 priority=112
    tree within 2s
    check 2 = Rf:40000 Ad Df Df Df Df Df Df
  `);
});

test("BR-7 the example of IEEE 802.1D-1998 on bridges that speak only that: forwarding after two forward delays", () => {
  play(`
    bridge 42 0x42 stp = a:10 b:10
    bridge 97 0x97 stp = c:5 a:10 d:5
    bridge 45 0x45 stp = b:10 e:10
    bridge 57 0x57 stp = b:5 e:5
    bridge 83 0x83 stp = a:5 e:5
    run 60s
    tree
    check 42 = root
    check 97 = Df Rf:10 Df
    check 45 = Rf:10 Ad
    check 57 = Rf:5 Df
    check 83 = Rf:5 Ad
  `);
});

test("BR-7 parallel links: each takes over at once when the one before it fails (UNH STP.io.1.1)", () => {
  play(`
    bridge A 0x111 cores=2 = a b c
    bridge B 0x222 cores=2 = a b c
    tree within 1s
    run 1s
    check B = Rf:20000 Ad Ad
    run 5s
    cut a
    tree within 100ms
    check B = Xd Rf:20000 Ad
    run 5s
    cut b
    tree within 100ms
    check B = Xd Xd Rf:20000
  `);
});

test("BR-7 two ports of each of two bridges on one LAN: one backup each (UNH STP.io.1.2)", () => {
  play(`
    bridge A 0x111 = a/shared a/shared
    bridge B 0x222 = a/shared a/shared
    run 60s
    tree
    check A = Df Bd
    check B = Rf:20000 Ad
    set A.1 priority=0
    run 60s
    tree
    check A = Bd Df
  `);
});

test("BR-7 re-rooting: the root follows the priority through a mesh of four (UNH STP.io.1.5)", () => {
  play(`
    bridge A 0x111 = ab ac ad
    bridge B 0x222 = ab bc bd
    bridge C 0x333 = ac bc cd
    bridge D 0x444 = ad bd cd
    tree within 1s
    check A = root
    set B priority=28672
    tree within 2s
    check B = root
    set C priority=24576
    tree within 2s
    check C = root
    set D priority=20480
    tree within 2s
    check D = root
    run 3s
    check A = A A Rf:20000
  `);
});

test("BR-7 an edge port forwards at once, an automatic one within four seconds, and neither is a topology change", () => {
  play(`
    bridge A 0x111 cores=4 = a/edge b c/no-edge
    run 1s
    check A = Df Dd Dd
    reason A.0 edge
    run 3s
    check A = Df Df Dd
    steady
  `);
});

test("BR-7 a bridge behind an edge port: the port is one no more, and no loop stands", () => {
  play(`
    bridge A 0x111 = a/edge b
    bridge B 0x222 = - c
    bridge C 0x333 = b c
    tree within 1s
    run 10s
    plug B.0 a
    run 20s
    tree
    check B = Rf:20000 Df
    check C = Rf:20000 Ad
  `);
});

test("BR-7 BPDU guard shuts an edge port for good, and for a time", () => {
  play(`
    bridge A 0x111 cores=2 = a/edge/bpdu-guard b/edge/bpdu-guard/recovery=5s
    run 1s
    check A = Df Df
    bridge B 0x222 = a
    bridge C 0x333 = b
    run 1s
    check A = Xd Xd
    reason A.0 bpdu-guard
    unplug C.0
    run 10s
    check A = Xd Df
    cut a
    run 1s
    unplug B.0
    mend a
    run 1s
    check A = Df Df
  `);
});

test("BR-7 root guard keeps a better bridge from becoming the root, and ends with it", () => {
  play(`
    bridge A 0x222 = a b/root-guard
    bridge B 0x333 = a
    bridge C 0x111 = b
    run 10s
    check A = root
    check A = Df Ad
    reason A.1 root-guard
    set C priority=36864
    run 10s
    tree
    check A = Df Df
  `);
});

test("BR-7 loop guard: a port whose neighbour fell silent stays shut until it is heard again", () => {
  play(`
    bridge A 0x111 = a b
    bridge B 0x222 = a c
    bridge C 0x333 = b c/loop-guard
    tree within 1s
    check C = Rf:20000 Ad
    silence B.1
    run 60s
    check C = Rf:20000 Ad
    reason C.1 loop-guard
    speak B.1
    run 5s
    tree
    reason C.1 better-bridge
  `);
});

test("BR-7 BPDU filter neither sends nor heeds BPDUs", () => {
  play(`
    bridge A 0x222 = a/bpdu-filter/edge
    bridge B 0x111 = a
    run 30s
    check A = root
    check B = root
    check A = Df
  `);
});

test("BR-7 an old bridge among new ones: its neighbours speak 802.1D-1998 to it and no one else", () => {
  const world = play(`
    bridge A 0x111 = a b
    bridge B 0x222 = a c
    bridge C 0x333 stp = b c
    run 60s
    tree
    check C = Rf:20000 Ad
  `);
  const [toNew, toOld] = [0, 1].map((port) => world.node("A").row(port));
  assert.deepEqual([toNew?.["protocol"], toOld?.["protocol"]], ["rstp", "stp"]);
  assert.ok(Number(toOld?.["rstSent"]) < 6, "none after the first three seconds (17.24)");
  assert.ok(Number(toOld?.["configSent"]) > 20, "one every two seconds after them");
});

test("BR-7 an old bridge that is replaced: RSTP is spoken again after it was heard for three seconds", () => {
  const world = play(`
    bridge A 0x111 = a
    bridge B 0x222 stp = a
    run 40s
    set B rstp
    run 20s
    tree
  `);
  assert.equal(world.node("A").row(0)["protocol"], "rstp");
});

// --- several cores -------------------------------------------------------------------------------------------------

const RING = `
    bridge A 0x111 cores=4 = a b x/edge
    bridge B 0x222 cores=4 = a c
    bridge C 0x333 cores=2 = b c
    tree within 1s
    run 30s
    changed`;

test("BR-7 the role moves to another core and back: no topology change, no other root, no port moves", () => {
  const world = play(`${RING}
    move A 2
    move B 3
    move C 1
    run 60s
    steady
    tree
    check B = Rf:20000 Df
    check C = Rf:20000 Ad
    move A 0
    move B 1
    run 60s
    steady
    tree
    check C = Rf:20000 Ad
  `);
  for (const { events } of world.nodes.values()) {
    const late = events.filter(({ at, name }) => at > 30_000 && name !== "stp-protocol");
    assert.deepEqual(late, [], "nothing to tell anybody");
  }
});

test("BR-7 the link master dies: the next core goes on, and a cut heals on it", () => {
  play(`${RING}
    kill A 0
    kill B 0
    kill C 0
    run 30s
    steady
    tree
    cut a
    tree within 1s
    check B = Xd Rf:40000
    kill B 1
    mend a
    tree within 2s
  `);
});

test("BR-7 a core that stalls holds a port back until it wakes, or is declared dead", () => {
  play(`${RING}
    # C shuts its root port for nothing else than that B takes the place of A: its core 1 does not answer.
    stall C 1
    set C priority=4096
    run 3s
    check C = root
    kill C 1
    run 20s
    tree
  `);
});

test("BR-7 no core forwards what another blocks: an agreement waits for the slowest core", () => {
  const world = play(`
    world bus=50..200
    bridge A 0x111 cores=8 = a b
    bridge B 0x222 cores=8 = a c
    bridge C 0x333 cores=8 = b c
    tree within 5s
    run 10s
    cut a
    tree within 5s
    mend a
    tree within 5s
  `);
  assert.equal(world.findLoop(), null);
});

test("BR-7 the master that dies in the middle of a change: the next one finishes it without a loop", () => {
  for (let after = 0; after < 20; after++) {
    play(`
    world bus=1..5 seed=${after + 1}
    bridge A 0x111 cores=3 = a b
    bridge B 0x222 cores=3 = a c
    bridge C 0x333 cores=3 = b c
    tree within 2s
    run 10s
    cut a
    run ${after}ms
    kill B 0
    kill C 0
    run 1ms
    mend a
    run ${after}ms
    kill B 1
    run 60s
    tree
  `);
  }
});
