// What capture files of both formats (pcap.ts, pcapng.ts) have in common: records, readers and the fault that a reader
// reports instead of throwing. Pure: bytes in, records out; files are the caller's business.

import * as pcap from "./pcap.ts";
import * as pcapng from "./pcapng.ts";
import type { CaptureReader } from "./record.ts";

/** A reader for whichever format the first bytes name; an unknown one gives a reader with a fault and no records. */
export function openCapture(bytes: Uint8Array): CaptureReader {
  return pcapng.isPcapng(bytes) ? new pcapng.PcapngReader(bytes) : new pcap.PcapReader(bytes);
}

/** The comment on a captured frame: which core had it, how it was classed, and why it was dropped, if it was. */
export function formatNote(core: number, frameClass: string, reason: string): string {
  const dropped = reason === "" ? "" : ` reason=${reason}`;
  return `core=${core} class=${frameClass}${dropped}`;
}
