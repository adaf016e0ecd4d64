// The state machines of IEEE 802.1D-2004 clause 17, row by row: what leads where, and what each state does on entry.
// Where we depart from the standard a row says "beyond".

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PortState } from "../../src/engine/port-state.ts";
import * as bdm from "../../src/stp/bridge-detection.ts";
import type { BridgeVariables, Port } from "../../src/stp/port.ts";
import { Info, Role } from "../../src/stp/port.ts";
import * as pim from "../../src/stp/port-information.ts";
import * as ppm from "../../src/stp/port-migration.ts";
import * as prx from "../../src/stp/port-receive.ts";
import * as ptx from "../../src/stp/port-transmit.ts";
import * as prt from "../../src/stp/role-transition.ts";
import * as pst from "../../src/stp/state-transition.ts";
import * as tcm from "../../src/stp/topology-change.ts";
import * as bpdu from "../../src/wire/bpdu.ts";
import { NOW, OUT, type Patch, RUNS, type Setting, setting } from "./stp-setting.ts";

interface Machine {
  next(bridge: BridgeVariables, port: Port): number;
  enter(bridge: BridgeVariables, port: Port, state: number): void;
}
type Field = "prx" | "ppm" | "bdm" | "ptx" | "pim" | "prt" | "pst" | "tcm";
/** From a state, with these variables, to a state or nowhere; and beside the port, what of the bridge. */
type Row = readonly [
  from: number,
  patch: Patch,
  to: number,
  more?: ((setting: Setting) => void) | undefined,
  protocol?: "stp",
];

const STAYS = -1;
/** A port that discards and has done so on all cores. */
const SHUT: Patch = { learn: false, forward: false, learning: false, forwarding: false };
const LEARNS: Patch = { learn: true, forward: false, learning: true, forwarding: false };

function holds(
  clause: string,
  machine: Machine,
  field: Field,
  names: readonly string[],
  rows: readonly Row[],
): void {
  describe(clause, () => {
    for (const [from, patch, to, more, protocol] of rows) {
      const words = Object.entries(patch)
        .map(([key, value]) => `${key}=${typeof value === "object" ? "..." : String(value)}`)
        .join(" ");
      test(`BR-7 ${clause}: ${names[from]} with ${words || "nothing"} ${to < 0 ? "stays" : `goes to ${names[to]}`}`, () => {
        const made = setting({ ...patch, [field]: from }, protocol);
        more?.(made);
        assert.equal(names[machine.next(made.bridge, made.port)], names[to]);
      });
    }
    test(`BR-7 ${clause}: every state has a row`, () => {
      const missing = names.filter((_, state) => !rows.some(([from]) => from === state));
      assert.deepEqual(missing, []);
    });
  });
}

/** Enters a state and tells what changed of the port. */
function entered(
  machine: Machine,
  state: number,
  patch: Patch,
  more: (setting: Setting) => void = () => {},
): Setting & { is: (expected: Patch) => void } {
  const made = setting(patch);
  more(made);
  machine.enter(made.bridge, made.port, state);
  const is = (expected: Patch): void => {
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(made.port[key as keyof Port], value, key);
    }
  };
  return { ...made, is };
}

const other =
  (patch: Partial<Port>) =>
  (made: Setting): void => {
    Object.assign(made.other, patch);
  };

// --- 17.23 -----------------------------------------------------------------------------------------------------------

const { Prx } = prx;
holds("17.23 Port Receive", prx, "prx", prx.PRX_NAMES, [
  [Prx.Discard, {}, STAYS],
  [Prx.Discard, { rcvdBPDU: true }, Prx.Receive],
  [Prx.Discard, { rcvdBPDU: true, portEnabled: false }, Prx.Discard],
  [Prx.Receive, { rcvdBPDU: true }, Prx.Receive],
  [Prx.Receive, { rcvdBPDU: true, rcvdMsg: true }, STAYS],
  [Prx.Receive, { portEnabled: false }, Prx.Discard],
]);

test("BR-7 17.23: RECEIVE makes a port no edge, notes the version and starts edgeDelayWhile", () => {
  const rst = entered(prx, Prx.Receive, { operEdge: true, rcvdBPDU: true, msgKind: bpdu.Kind.Rst });
  rst.is({ operEdge: false, rcvdBPDU: false, rcvdMsg: true, rcvdRSTP: true, rcvdSTP: false });
  rst.is({ edgeDelayWhile: NOW + 3000 });
  for (const msgKind of [bpdu.Kind.Config, bpdu.Kind.Tcn]) {
    entered(prx, Prx.Receive, { msgKind }).is({ rcvdRSTP: false, rcvdSTP: true });
  }
  const none = { rcvdBPDU: true, rcvdRSTP: true, rcvdSTP: true, rcvdMsg: true };
  entered(prx, Prx.Discard, none).is({
    rcvdBPDU: false,
    rcvdRSTP: false,
    rcvdSTP: false,
    rcvdMsg: false,
  });
});

// --- 17.24 -----------------------------------------------------------------------------------------------------------

const { Ppm } = ppm;
holds("17.24 Port Protocol Migration", ppm, "ppm", ppm.PPM_NAMES, [
  [Ppm.CheckingRstp, {}, STAYS],
  [Ppm.CheckingRstp, { mdelayWhile: OUT }, Ppm.Sensing],
  [Ppm.Sensing, {}, STAYS],
  [Ppm.Sensing, { portEnabled: false }, Ppm.CheckingRstp],
  [Ppm.Sensing, { mcheck: true }, Ppm.CheckingRstp],
  [Ppm.Sensing, { sendRSTP: false, rcvdRSTP: true }, Ppm.CheckingRstp],
  [Ppm.Sensing, { sendRSTP: false, rcvdRSTP: true }, STAYS, undefined, "stp"],
  [Ppm.Sensing, { rcvdSTP: true }, Ppm.SelectingStp],
  [Ppm.Sensing, { sendRSTP: false, rcvdSTP: true }, STAYS],
  [Ppm.SelectingStp, {}, STAYS],
  [Ppm.SelectingStp, { mdelayWhile: OUT }, Ppm.Sensing],
  [Ppm.SelectingStp, { portEnabled: false }, Ppm.Sensing],
  [Ppm.SelectingStp, { mcheck: true }, Ppm.Sensing],
]);

test("BR-7 17.24: entry of CHECKING_RSTP, SELECTING_STP and SENSING", () => {
  entered(ppm, Ppm.CheckingRstp, { sendRSTP: false, mcheck: true }).is({
    sendRSTP: true,
    mcheck: false,
  });
  entered(ppm, Ppm.SelectingStp, {}).is({ sendRSTP: false, mdelayWhile: NOW + 3000 });
  entered(ppm, Ppm.Sensing, { rcvdRSTP: true, rcvdSTP: true }).is({
    rcvdRSTP: false,
    rcvdSTP: false,
  });
});

// --- 17.25 -----------------------------------------------------------------------------------------------------------

const { Bdm } = bdm;
const silent: Patch = { edgeDelayWhile: OUT, proposing: true };
holds("17.25 Bridge Detection", bdm, "bdm", bdm.BDM_NAMES, [
  [Bdm.Edge, { operEdge: true }, STAYS],
  [Bdm.Edge, { operEdge: false }, Bdm.NotEdge],
  [Bdm.Edge, { operEdge: true, portEnabled: false }, Bdm.NotEdge],
  [Bdm.Edge, { operEdge: true, portEnabled: false, config: { edge: "on" } }, STAYS],
  [Bdm.NotEdge, {}, STAYS],
  [Bdm.NotEdge, { portEnabled: false, config: { edge: "on" } }, Bdm.Edge],
  [Bdm.NotEdge, silent, Bdm.Edge],
  [Bdm.NotEdge, { ...silent, edgeDelayWhile: RUNS }, STAYS],
  [Bdm.NotEdge, { ...silent, proposing: false }, STAYS],
  [Bdm.NotEdge, { ...silent, sendRSTP: false }, STAYS],
  [Bdm.NotEdge, { ...silent, config: { edge: "off" } }, STAYS],
  [Bdm.NotEdge, { ...silent, hasNeighbour: true }, STAYS], // beyond
]);

// --- 17.26 -----------------------------------------------------------------------------------------------------------

const { Ptx } = ptx;
holds("17.26 Port Transmit", ptx, "ptx", ptx.PTX_NAMES, [
  [Ptx.TransmitInit, {}, Ptx.Idle],
  [Ptx.TransmitInit, { portEnabled: false }, STAYS],
  [Ptx.TransmitPeriodic, {}, Ptx.Idle],
  [Ptx.TransmitConfig, {}, Ptx.Idle],
  [Ptx.TransmitTcn, {}, Ptx.Idle],
  [Ptx.TransmitRstp, {}, Ptx.Idle],
  [Ptx.Idle, {}, STAYS],
  [Ptx.Idle, { portEnabled: false }, Ptx.TransmitInit],
  [Ptx.Idle, { helloWhen: OUT }, Ptx.TransmitPeriodic],
  [Ptx.Idle, { helloWhen: OUT, selected: false }, STAYS],
  [Ptx.Idle, { helloWhen: OUT, updtInfo: true }, STAYS],
  [Ptx.Idle, { newInfo: true }, Ptx.TransmitRstp],
  [Ptx.Idle, { newInfo: true, txCount: 5 }, Ptx.TransmitRstp],
  [Ptx.Idle, { newInfo: true, txCount: 6 }, STAYS],
  [Ptx.Idle, { newInfo: true, sendRSTP: false }, Ptx.TransmitConfig],
  [Ptx.Idle, { newInfo: true, sendRSTP: false, role: Role.Root }, Ptx.TransmitTcn],
  [Ptx.Idle, { newInfo: true, sendRSTP: false, role: Role.Alternate }, STAYS],
  [Ptx.Idle, { newInfo: true }, STAYS, other({ learn: false, forward: false })], // some core is not shut yet
]);

test("BR-7 17.26: PERIODIC wants a BPDU of a designated port, and of a root port while a change is told", () => {
  entered(ptx, Ptx.TransmitPeriodic, {}).is({ newInfo: true });
  entered(ptx, Ptx.TransmitPeriodic, { role: Role.Root }).is({ newInfo: false });
  entered(ptx, Ptx.TransmitPeriodic, { role: Role.Root, tcWhile: RUNS }).is({ newInfo: true });
  entered(ptx, Ptx.TransmitPeriodic, { role: Role.Alternate }).is({ newInfo: false });
});

test("BR-7 17.26: each kind is sent, counted, and acknowledges a change but for the TCN", () => {
  const rst = entered(ptx, Ptx.TransmitRstp, { newInfo: true, tcAck: true });
  rst.is({ newInfo: false, txCount: 1, tcAck: false });
  assert.deepEqual(rst.done, ["transmit rst"]);
  assert.deepEqual(entered(ptx, Ptx.TransmitConfig, {}).done, ["transmit config"]);
  const tcn = entered(ptx, Ptx.TransmitTcn, { tcAck: true });
  tcn.is({ tcAck: true });
  assert.deepEqual(tcn.done, ["transmit tcn"]);
});

test("BR-7 17.22: txCount goes down by one each second", () => {
  const { bridge, port } = setting({ txCount: 3, txWhile: NOW + 1000 });
  for (const [later, left] of [
    [999, 3],
    [1000, 2],
    [2500, 1],
    [9000, 0],
  ] as const) {
    bridge.now = NOW + later;
    ptx.tick(bridge, port);
    assert.equal(port.txCount, left, `after ${later} ms`);
  }
});

// --- 17.27 -----------------------------------------------------------------------------------------------------------

const { Pim } = pim;
const heard: Patch = { infoIs: Info.Received, rcvdInfoWhile: RUNS };
holds("17.27 Port Information", pim, "pim", pim.PIM_NAMES, [
  [Pim.Disabled, {}, Pim.Aged],
  [Pim.Disabled, { portEnabled: false, infoIs: Info.Disabled }, STAYS],
  [Pim.Disabled, { portEnabled: false, infoIs: Info.Disabled, rcvdMsg: true }, Pim.Disabled],
  [Pim.Aged, {}, STAYS],
  [Pim.Aged, { updtInfo: true }, Pim.Update],
  [Pim.Aged, { updtInfo: true, selected: false }, STAYS],
  [Pim.Update, {}, Pim.Current],
  [Pim.Current, {}, STAYS],
  [Pim.Current, { portEnabled: false }, Pim.Disabled],
  [Pim.Current, { updtInfo: true }, Pim.Update],
  [Pim.Current, { updtInfo: true, rcvdMsg: true, selected: false }, STAYS],
  [Pim.Current, { rcvdMsg: true }, Pim.Receive],
  [Pim.Current, heard, STAYS],
  [Pim.Current, { ...heard, rcvdInfoWhile: OUT }, Pim.Aged],
  [Pim.Current, { ...heard, rcvdInfoWhile: OUT, rcvdMsg: true }, Pim.Receive],
  [Pim.Receive, { rcvdInfo: 0 }, Pim.SuperiorDesignated],
  [Pim.Receive, { rcvdInfo: 1 }, Pim.RepeatedDesignated],
  [Pim.Receive, { rcvdInfo: 2 }, Pim.InferiorDesignated],
  [Pim.Receive, { rcvdInfo: 3 }, Pim.NotDesignated],
  [Pim.Receive, { rcvdInfo: 4 }, Pim.Other],
  [Pim.SuperiorDesignated, {}, Pim.Current],
  [Pim.RepeatedDesignated, {}, Pim.Current],
  [Pim.InferiorDesignated, {}, Pim.Current],
  [Pim.NotDesignated, {}, Pim.Current],
  [Pim.Other, {}, Pim.Current],
]);

const { Flag, RoleBits, Kind } = bpdu;
/** A message from another bridge: better, the same or worse than what the port holds. */
function message(made: Setting, order: -1 | 0 | 1, flags: number, kind: number = Kind.Rst): void {
  const { port } = made;
  const held = { rootAddress: 5, bridgeAddress: 7, portId: 0x8001 };
  Object.assign(port.portPriority, held);
  Object.assign(port.msgPriority, held, { rootAddress: 5 + order, bridgeAddress: 7 + order });
  Object.assign(port.msgTimes, port.portTimes);
  port.msgKind = kind;
  port.msgFlags = flags;
}

test("BR-7 17.21.8 rcvInfo: by role, order and times", () => {
  const cases: [string, -1 | 0 | 1, number, number, number][] = [
    ["better, designated", -1, RoleBits.Designated, Kind.Rst, 0],
    ["better, a Configuration BPDU", -1, 0, Kind.Config, 0],
    ["the same, designated", 0, RoleBits.Designated, Kind.Rst, 1],
    ["worse, designated", 1, RoleBits.Designated, Kind.Rst, 2],
    ["worse, root", 1, RoleBits.Root, Kind.Rst, 3],
    ["the same, alternate", 0, RoleBits.Alternate, Kind.Rst, 3],
    ["better, root", -1, RoleBits.Root, Kind.Rst, 4],
    ["a TCN", -1, 0, Kind.Tcn, 4],
  ];
  for (const [name, order, flags, kind, result] of cases) {
    const made = setting();
    message(made, order, flags, kind);
    assert.equal(pim.rcvInfo(made.port), result, name);
    assert.equal(made.port.rcvdTcn, kind === Kind.Tcn, name);
  }
});

test("BR-7 17.21.8 rcvInfo: other times, and a worse vector of the same sender, replace what is held", () => {
  const other = setting();
  message(other, 0, RoleBits.Designated);
  other.port.msgTimes.helloTime++;
  assert.equal(pim.rcvInfo(other.port), 0);
  const same = setting();
  message(same, 0, RoleBits.Designated);
  same.port.msgPriority.cost++;
  assert.equal(pim.rcvInfo(same.port), 0, "17.6: same designated bridge and port");
});

test("BR-7 17.27: entry of DISABLED, AGED and UPDATE", () => {
  const all = { proposing: true, proposed: true, agree: true, agreed: true, rcvdMsg: true };
  entered(pim, Pim.Disabled, all).is({
    proposing: false,
    proposed: false,
    agree: false,
    agreed: false,
    rcvdMsg: false,
    infoIs: Info.Disabled,
    reselect: true,
    selected: false,
  });
  entered(pim, Pim.Aged, heard).is({ infoIs: Info.Aged, reselect: true, selected: false });
  const better = (made: Setting): void => {
    made.port.portPriority.rootAddress = 9;
    made.port.designatedPriority.rootAddress = 8;
  };
  const update = entered(pim, Pim.Update, { updtInfo: true, proposing: true }, better);
  update.is({ agreed: true, synced: true, updtInfo: false, infoIs: Info.Mine, newInfo: true });
  update.is({ proposing: false });
  assert.equal(update.port.portPriority.rootAddress, 8);
  const worse = (made: Setting): void => {
    made.port.designatedPriority.rootAddress = 9;
  };
  entered(pim, Pim.Update, {}, worse).is({ agreed: false, synced: false });
  entered(pim, Pim.Update, { infoIs: Info.Aged }, better).is({ agreed: false });
});

test("BR-7 17.27: SUPERIOR_DESIGNATED takes the message over", () => {
  const flags = RoleBits.Designated | Flag.Proposal | Flag.TopologyChange;
  const got = entered(
    pim,
    Pim.SuperiorDesignated,
    { ...heard, agree: true, proposing: true, rcvdMsg: true },
    (made) => message(made, -1, flags),
  );
  got.is({ agreed: false, proposing: false, proposed: true, rcvdTc: true, agree: true });
  got.is({ infoIs: Info.Received, reselect: true, selected: false, rcvdMsg: false });
  got.is({ rcvdInfoWhile: NOW + 6000 });
  assert.equal(got.port.portPriority.rootAddress, 4);
  const worse = entered(pim, Pim.SuperiorDesignated, { ...heard, agree: true }, (made) =>
    message(made, 1, flags),
  );
  worse.is({ agree: false });
});

test("BR-7 17.21.23: information that came too far ends at once", () => {
  for (const [age, runs] of [
    [18, true],
    [19, true],
    [20, false],
  ] as const) {
    const got = entered(pim, Pim.RepeatedDesignated, heard, (made) => {
      made.port.portTimes.messageAge = age * 256;
    });
    assert.equal(got.port.rcvdInfoWhile > NOW, runs, `${age} s old`);
  }
});

test("BR-7 17.21.9 recordAgreement: on a point-to-point link, of RSTP, to what was proposed", () => {
  const agree = (patch: Patch, more: (made: Setting) => void = () => {}): boolean => {
    const made = entered(
      pim,
      Pim.NotDesignated,
      { agreed: false, proposing: true, ...patch },
      (one) => {
        message(one, 1, RoleBits.Root | Flag.Agreement);
        one.port.designatedPriority.rootAddress = one.port.msgPriority.rootAddress;
        more(one);
      },
    );
    assert.equal(made.port.proposing, !made.port.agreed);
    return made.port.agreed;
  };
  assert.equal(agree({}), true);
  assert.equal(agree({ config: { pointToPoint: "off" } }), false);
  assert.equal(
    agree({}, ({ port }) => (port.msgFlags = RoleBits.Root)),
    false,
  );
  // beyond
  assert.equal(
    agree({}, ({ port }) => (port.designatedPriority.rootAddress = 99)),
    false,
  );
  assert.equal(agree({ untold: true }), false);
});

test("BR-7 17.21.10 recordDispute: an inferior designated port that learns", () => {
  const dispute = (flags: number): Port =>
    entered(pim, Pim.InferiorDesignated, {}, (made) => message(made, 1, flags)).port;
  assert.equal(dispute(RoleBits.Designated | Flag.Learning).disputed, true);
  assert.equal(dispute(RoleBits.Designated | Flag.Learning).agreed, false);
  assert.equal(dispute(RoleBits.Designated).disputed, false);
  // beyond: it is answered at once, as IEEE 802.1D-1998 does
  assert.equal(dispute(RoleBits.Designated).newInfo, true);
});

// --- 17.30 -----------------------------------------------------------------------------------------------------------

const { Pst } = pst;
holds("17.30 Port State Transition", pst, "pst", pst.PST_NAMES, [
  [Pst.Discarding, SHUT, STAYS],
  [Pst.Discarding, { ...SHUT, learn: true }, Pst.Learning],
  [Pst.Discarding, { learn: true }, STAYS], // some core is not shut yet
  [Pst.Learning, LEARNS, STAYS],
  [Pst.Learning, { ...LEARNS, forward: true }, Pst.Forwarding],
  [Pst.Learning, { ...LEARNS, learn: false }, Pst.Discarding],
  [Pst.Forwarding, {}, STAYS],
  [Pst.Forwarding, { forward: false }, Pst.Discarding],
]);

test("BR-7 17.21.3 disableForwarding does not complete until every core has stopped", () => {
  const made = entered(pst, Pst.Discarding, { learn: false, forward: false }, (one) => {
    one.settled = false;
  });
  assert.deepEqual(made.done, [`enforce ${PortState.Discarding}`]);
  made.is({ learning: true, forwarding: true });
  assert.equal(made.port.isClosing, true);
});

// --- 17.31 -----------------------------------------------------------------------------------------------------------

const { Tcm } = tcm;
holds("17.31 Topology Change", tcm, "tcm", tcm.TCM_NAMES, [
  [Tcm.Inactive, SHUT, STAYS],
  [Tcm.Inactive, LEARNS, Tcm.Learning],
  [Tcm.Inactive, { ...LEARNS, fdbFlush: true }, STAYS],
  [Tcm.Learning, LEARNS, STAYS],
  [Tcm.Learning, {}, Tcm.Detected],
  [Tcm.Learning, { role: Role.Root }, Tcm.Detected],
  [Tcm.Learning, { operEdge: true }, STAYS],
  [Tcm.Learning, { ...LEARNS, rcvdTc: true }, Tcm.Learning],
  [Tcm.Learning, { ...LEARNS, rcvdTcn: true }, Tcm.Learning],
  [Tcm.Learning, { ...LEARNS, rcvdTcAck: true }, Tcm.Learning],
  [Tcm.Learning, { ...LEARNS, tcProp: true }, Tcm.Learning],
  [Tcm.Learning, { ...SHUT, role: Role.Alternate }, Tcm.Inactive],
  [Tcm.Learning, { ...SHUT, learning: true, role: Role.Alternate }, STAYS],
  [Tcm.Detected, {}, Tcm.Active],
  [Tcm.NotifiedTcn, {}, Tcm.NotifiedTc],
  [Tcm.NotifiedTc, {}, Tcm.Active],
  [Tcm.Propagating, {}, Tcm.Active],
  [Tcm.Acknowledged, {}, Tcm.Active],
  [Tcm.Active, {}, STAYS],
  [Tcm.Active, { role: Role.Alternate }, Tcm.Learning],
  [Tcm.Active, { operEdge: true }, Tcm.Learning],
  [Tcm.Active, { rcvdTcn: true }, Tcm.NotifiedTcn],
  [Tcm.Active, { rcvdTc: true }, Tcm.NotifiedTc],
  [Tcm.Active, { tcProp: true }, Tcm.Propagating],
  [Tcm.Active, { rcvdTcAck: true }, Tcm.Acknowledged],
]);

test("BR-7 17.31: what is detected is told to all other ports and for a while by this one", () => {
  const got = entered(tcm, Tcm.Detected, {});
  got.is({ newInfo: true, tcWhile: NOW + 3000, tcProp: false });
  assert.equal(got.other.tcProp, true);
  const old = entered(tcm, Tcm.Detected, { sendRSTP: false }, ({ bridge }) => {
    Object.assign(bridge.rootTimes, { maxAge: 20 * 256, forwardDelay: 15 * 256 });
  });
  old.is({ tcWhile: NOW + 35_000 });
  const guarded = entered(tcm, Tcm.NotifiedTc, { rcvdTc: true, config: { tcnGuard: true } });
  assert.equal(guarded.other.tcProp, false, "IEEE 802.1Q: restrictedTcn");
});

test("BR-7 17.31: PROPAGATING and INACTIVE forget the stations, NOTIFIED_TC acknowledges", () => {
  const got = entered(tcm, Tcm.Propagating, { tcProp: true });
  got.is({ tcProp: false, tcWhile: NOW + 3000 });
  assert.deepEqual(got.done, ["flush"]);
  assert.deepEqual(entered(tcm, Tcm.Inactive, { tcAck: true, tcWhile: RUNS }).done, ["flush"]);
  entered(tcm, Tcm.NotifiedTc, { rcvdTc: true, rcvdTcn: true }).is({
    rcvdTc: false,
    rcvdTcn: false,
    tcAck: true,
  });
  entered(tcm, Tcm.NotifiedTc, { role: Role.Root }).is({ tcAck: false });
  entered(tcm, Tcm.Acknowledged, { tcWhile: RUNS, rcvdTcAck: true }).is({
    tcWhile: -1,
    rcvdTcAck: false,
  });
});

// --- 17.29 -----------------------------------------------------------------------------------------------------------

const { Prt } = prt;
const UCT: readonly Row[] = [
  [Prt.InitPort, {}, Prt.DisablePort],
  ...[
    Prt.Reroot,
    Prt.RootAgreed,
    Prt.RootProposed,
    Prt.RootForward,
    Prt.RootLearn,
    Prt.Rerooted,
  ].map((state): Row => [state, {}, Prt.RootPort]),
  ...[
    Prt.DesignatedRetired,
    Prt.DesignatedSynced,
    Prt.DesignatedPropose,
    Prt.DesignatedForward,
    Prt.DesignatedLearn,
    Prt.DesignatedDiscard,
  ].map((state): Row => [state, {}, Prt.DesignatedPort]),
  ...[Prt.AlternateProposed, Prt.AlternateAgreed, Prt.BackupPort].map(
    (state): Row => [state, {}, Prt.AlternatePort],
  ),
];
const as = (role: Role, patch: Patch = {}): Patch => ({ role, selectedRole: role, ...patch });
const ROOT = as(Role.Root, { agree: true, rbWhile: OUT, fdWhile: RUNS });
const ALTERNATE = as(Role.Alternate, { ...SHUT, agree: true });
/** Designated, agreed to by nobody, shut and waiting. */
const WAITS: Patch = { ...SHUT, agreed: false, proposing: true, fdWhile: RUNS };

holds("17.29 Port Role Transitions", prt, "prt", prt.PRT_NAMES, [
  ...UCT,
  // Any role to any other (figures 17-19 to 17-22), but not before the selection is settled.
  [Prt.DesignatedPort, { selectedRole: Role.Disabled }, Prt.DisablePort],
  [Prt.DesignatedPort, { selectedRole: Role.Root }, Prt.RootPort],
  [Prt.DesignatedPort, { selectedRole: Role.Alternate }, Prt.BlockPort],
  [Prt.DesignatedPort, { selectedRole: Role.Backup }, Prt.BlockPort],
  [Prt.DesignatedPort, { selectedRole: Role.Root, selected: false }, STAYS],
  [Prt.DesignatedPort, { selectedRole: Role.Root, updtInfo: true }, STAYS],
  [Prt.AlternatePort, as(Role.Alternate, { selectedRole: Role.Backup }), Prt.BlockPort],
  // 17.29.1
  [Prt.DisablePort, as(Role.Disabled), STAYS],
  [Prt.DisablePort, as(Role.Disabled, SHUT), Prt.DisabledPort],
  [Prt.DisabledPort, as(Role.Disabled), STAYS],
  [Prt.DisabledPort, as(Role.Disabled, { sync: true }), Prt.DisabledPort],
  [Prt.DisabledPort, as(Role.Disabled, { reRoot: true }), Prt.DisabledPort],
  [Prt.DisabledPort, as(Role.Disabled, { synced: false }), Prt.DisabledPort],
  // 17.29.2
  [Prt.RootPort, ROOT, STAYS],
  [Prt.RootPort, { ...ROOT, proposed: true, agree: false }, Prt.RootProposed],
  [Prt.RootPort, { ...ROOT, proposed: true }, Prt.RootAgreed],
  [Prt.RootPort, { ...ROOT, agree: false }, Prt.RootAgreed],
  [Prt.RootPort, { ...ROOT, agree: false }, STAYS, other({ synced: false })],
  [Prt.RootPort, { ...ROOT, agree: false }, STAYS, other({ updtInfo: true })], // beyond
  [Prt.RootPort, { ...ROOT, agree: false }, STAYS, other({ learn: false, forward: false })], // some core not shut
  [Prt.RootPort, { ...ROOT, ...SHUT }, Prt.Reroot],
  [Prt.RootPort, { ...ROOT, ...SHUT, reRoot: true }, Prt.RootLearn],
  [Prt.RootPort, { ...ROOT, ...SHUT, reRoot: true }, STAYS, other({ rrWhile: RUNS })],
  [Prt.RootPort, { ...ROOT, ...SHUT, reRoot: true, rbWhile: RUNS }, STAYS],
  [Prt.RootPort, { ...ROOT, ...SHUT, reRoot: true }, STAYS, undefined, "stp"],
  [Prt.RootPort, { ...ROOT, ...SHUT, reRoot: true, rbWhile: RUNS, fdWhile: OUT }, Prt.RootLearn],
  [Prt.RootPort, { ...ROOT, ...LEARNS, reRoot: true }, Prt.RootForward],
  [Prt.RootPort, { ...ROOT, reRoot: true }, Prt.Rerooted],
  // 17.29.3
  [Prt.DesignatedPort, {}, STAYS],
  [Prt.DesignatedPort, { ...WAITS, proposing: false }, Prt.DesignatedPropose],
  [Prt.DesignatedPort, { ...WAITS, proposing: false, operEdge: true }, Prt.DesignatedLearn],
  [Prt.DesignatedPort, WAITS, STAYS],
  [Prt.DesignatedPort, { ...WAITS, synced: false }, Prt.DesignatedSynced],
  [Prt.DesignatedPort, { synced: false }, Prt.DesignatedSynced],
  [Prt.DesignatedPort, { agreed: false, operEdge: true, synced: false }, Prt.DesignatedSynced],
  [Prt.DesignatedPort, { sync: true }, Prt.DesignatedSynced],
  [Prt.DesignatedPort, { agreed: false, synced: false, sync: true }, Prt.DesignatedDiscard],
  [Prt.DesignatedPort, { agreed: false, disputed: true }, Prt.DesignatedDiscard],
  [Prt.DesignatedPort, { operEdge: true, disputed: true }, STAYS],
  [Prt.DesignatedPort, { reRoot: true, rrWhile: RUNS }, Prt.DesignatedDiscard],
  [Prt.DesignatedPort, { reRoot: true, rrWhile: OUT }, Prt.DesignatedRetired],
  [Prt.DesignatedPort, { ...WAITS, fdWhile: OUT }, Prt.DesignatedLearn],
  [Prt.DesignatedPort, { ...WAITS, agreed: true }, Prt.DesignatedLearn],
  [Prt.DesignatedPort, { ...WAITS, ...LEARNS, fdWhile: OUT }, Prt.DesignatedForward],
  [Prt.DesignatedPort, { ...WAITS, agreed: true, sync: true, synced: false }, Prt.DesignatedSynced],
  [Prt.DesignatedPort, { ...WAITS, agreed: true }, STAYS, other({ rrWhile: RUNS })], // beyond
  [Prt.DesignatedPort, { ...WAITS, operEdge: true }, Prt.DesignatedLearn, other({ rrWhile: RUNS })],
  [Prt.DesignatedPort, { agreed: false, rrWhile: RUNS }, Prt.DesignatedPropose], // beyond
  // 17.29.4
  [Prt.BlockPort, as(Role.Alternate), STAYS],
  [Prt.BlockPort, as(Role.Alternate, SHUT), Prt.AlternatePort],
  [Prt.AlternatePort, ALTERNATE, STAYS],
  [Prt.AlternatePort, { ...ALTERNATE, sync: true }, Prt.AlternatePort],
  [Prt.AlternatePort, { ...ALTERNATE, reRoot: true }, Prt.AlternatePort],
  [Prt.AlternatePort, { ...ALTERNATE, synced: false }, Prt.AlternatePort],
  [Prt.AlternatePort, { ...ALTERNATE, proposed: true, agree: false }, Prt.AlternateProposed],
  [Prt.AlternatePort, { ...ALTERNATE, proposed: true }, Prt.AlternateAgreed],
  [Prt.AlternatePort, { ...ALTERNATE, agree: false }, Prt.AlternateAgreed],
  [Prt.AlternatePort, { ...ALTERNATE, agree: false }, STAYS, other({ synced: false })],
]);

test("BR-7 17.29: entry of every state that does something", () => {
  entered(prt, Prt.InitPort, {}).is({
    role: Role.Disabled,
    learn: false,
    synced: false,
    sync: true,
    reRoot: true,
  });
  entered(prt, Prt.DisabledPort, { sync: true, reRoot: true, synced: false }).is({
    sync: false,
    reRoot: false,
    synced: true,
  });
  entered(prt, Prt.RootLearn, LEARNS).is({ fdWhile: NOW + 2000, learn: true });
  entered(prt, Prt.RootLearn, { sendRSTP: false }).is({ fdWhile: NOW + 15_000 });
  entered(prt, Prt.RootForward, LEARNS).is({ forward: true, fdWhile: -1 });
  entered(prt, Prt.RootAgreed, { proposed: true, sync: true }).is({
    proposed: false,
    sync: false,
    agree: true,
    newInfo: true,
  });
  const proposed = entered(prt, Prt.RootProposed, { proposed: true });
  proposed.is({ proposed: false, sync: true });
  assert.equal(proposed.other.sync, true);
  assert.equal(entered(prt, Prt.Reroot, {}).other.reRoot, true);
  entered(prt, Prt.Rerooted, { reRoot: true }).is({ reRoot: false });
  entered(prt, Prt.DesignatedPropose, {}).is({
    proposing: true,
    newInfo: true,
    edgeDelayWhile: NOW + 3000,
  });
  entered(prt, Prt.DesignatedPropose, { config: { pointToPoint: "off" } }).is({
    edgeDelayWhile: NOW + 20_000,
  });
  entered(prt, Prt.DesignatedSynced, { rrWhile: RUNS, sync: true, synced: false }).is({
    rrWhile: -1,
    sync: false,
    synced: true,
  });
  entered(prt, Prt.DesignatedForward, { agreed: false }).is({
    forward: true,
    fdWhile: -1,
    agreed: true,
  });
  entered(prt, Prt.DesignatedForward, { agreed: true, sendRSTP: false }).is({ agreed: false });
  entered(prt, Prt.DesignatedDiscard, { disputed: true }).is({
    learn: false,
    forward: false,
    disputed: false,
    fdWhile: NOW + 2000,
  });
  entered(prt, Prt.DesignatedDiscard, { hasNeighbour: true }).is({ fdWhile: NOW + 15_000 }); // beyond
  entered(prt, Prt.DesignatedDiscard, { config: { pointToPoint: "off" } }).is({
    fdWhile: NOW + 15_000,
  }); // beyond
  entered(prt, Prt.BlockPort, as(Role.Backup)).is({
    role: Role.Backup,
    learn: false,
    forward: false,
  });
  entered(
    prt,
    Prt.AlternatePort,
    as(Role.Alternate, { sync: true, reRoot: true, synced: false }),
  ).is({
    fdWhile: NOW + 2000,
    sync: false,
    reRoot: false,
    synced: true,
  });
  entered(prt, Prt.BackupPort, as(Role.Backup)).is({ rbWhile: NOW + 4000 });
  entered(prt, Prt.AlternateAgreed, { proposed: true }).is({
    proposed: false,
    agree: true,
    newInfo: true,
  });
  assert.equal(entered(prt, Prt.AlternateProposed, {}).other.sync, true);
});
