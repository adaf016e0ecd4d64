// Slow protocols (IEEE 802.3-2005 annex 43B), EtherType 0x8809, always to 01-80-C2-00-00-02 and untagged. `at` is the
// first byte behind the type: the subtype, then the subtype's version.

import type { Offset } from "../lib/units.ts";

/** Bytes that every slow protocol has. */
export const LENGTH = 2;
export const Subtype = { Lacp: 1, Marker: 2, Oam: 3, Ossp: 10 } as const;

export const isValid = (_view: DataView, at: Offset, end: Offset): boolean => end - at >= LENGTH;
export const subtype = (view: DataView, at: Offset): number => view.getUint8(at);
export const version = (view: DataView, at: Offset): number => view.getUint8(at + 1);
