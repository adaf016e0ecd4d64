// What stands behind a length field instead of a type: the LLC header (IEEE 802.2), with which BPDUs come (IEEE
// 802.1D-2004 9). `at` is the first byte behind the length field.
//
//   0        1        2        3
//   +--------+--------+--------+-----------------
//   | DSAP   | SSAP   | control| BPDU: protocol id 2, version 1, type 1, ...
//   +--------+--------+--------+-----------------

import type { Offset } from "../lib/units.ts";

/** Bytes of the header. */
export const LENGTH = 3;
/** Bytes of the shortest BPDU, a topology change notification. */
const BPDU_MIN = 4;
/** 42 42 03: the bridge group's service access points and "unnumbered information". */
const BPDU_SAPS = 0x4242;
const UNNUMBERED = 0x03;

/** Types of BPDUs. */
export const BpduType = { Config: 0x00, Rapid: 0x02, TopologyChange: 0x80 } as const;

export const isValid = (_view: DataView, at: Offset, end: Offset): boolean => end - at >= LENGTH;
export const dsap = (view: DataView, at: Offset): number => view.getUint8(at);
export const ssap = (view: DataView, at: Offset): number => view.getUint8(at + 1);
export const control = (view: DataView, at: Offset): number => view.getUint8(at + 2);

/** True when the bytes are an LLC frame of the spanning tree with room for version and type. */
export function isBpdu(view: DataView, at: Offset, end: Offset): boolean {
  return (
    end - at >= LENGTH + BPDU_MIN &&
    view.getUint16(at) === BPDU_SAPS &&
    control(view, at) === UNNUMBERED &&
    view.getUint16(at + LENGTH) === 0
  );
}
/** Of a BPDU: 0 STP, 2 RSTP, 3 MSTP; only after `isBpdu`. */
export const bpduVersion = (view: DataView, at: Offset): number => view.getUint8(at + LENGTH + 2);
export const bpduType = (view: DataView, at: Offset): number => view.getUint8(at + LENGTH + 3);
