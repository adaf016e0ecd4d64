// `linkloom replay`: plays a capture through N cores in virtual time (OPS-4). The frames' own times drive the clock,
// the cores are those of the product over memory ports, and nothing is drawn at random but by a fixed seed: the same
// file gives the same output, on any machine, with no privilege.

import type { ApplianceConfig } from "../core/config.ts";
import type { ToldEvent } from "../core/told.ts";
import { FRAME_ROOM } from "../engine/frame.ts";
import type { Millis, PortId } from "../lib/units.ts";
import { Cluster } from "../sim/cluster.ts";
import { openCapture } from "../wire/capture.ts";
import { type CaptureReader, type CaptureRecord, LINK_ETHERNET } from "../wire/record.ts";

/** A frame that left the appliance. */
export interface SentFrame {
  readonly port: PortId;
  readonly core: number;
  /** Milliseconds of virtual time since the capture's first frame. */
  readonly at: Millis;
  readonly bytes: Uint8Array;
}

export interface ReplayResult {
  readonly cluster: Cluster;
  readonly sent: readonly SentFrame[];
  readonly events: readonly ToldEvent[];
  /** Time of the first frame: seconds since 1970 and nanoseconds. */
  readonly origin: { readonly seconds: number; readonly nanos: number };
  readonly played: number;
  /** Frames that were not played, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** What broke the file off, if anything: the frames before it were played. */
  readonly fault: string | undefined;
}

export interface ReplayOptions {
  readonly config: ApplianceConfig;
  /** The port of a capture interface, by its index and name; -1 = not played. */
  readonly portOf: (index: number, name: string) => PortId;
  /** How long the appliance runs on after the last frame. */
  readonly tail?: Millis;
  readonly seed?: number;
}

/** Longest gap between two frames that is played in full; time jumps over the rest of a longer one. */
const LONGEST_GAP: Millis = 3_600_000;
/** Our choice: one retry and the failure of an ARP request are still seen. */
const TAIL: Millis = 5000;

/** Plays a whole capture. */
export function replay(bytes: Uint8Array, options: ReplayOptions): ReplayResult {
  const reader = openCapture(bytes);
  const sent: SentFrame[] = [];
  const events: ToldEvent[] = [];
  const skipped: Record<string, number> = {};
  const cluster = new Cluster(options.config, {
    seed: options.seed ?? 1,
    onFrame: (port, core, view, start, end) => {
      const copy = new Uint8Array(view.buffer.slice(start, end) as ArrayBuffer);
      sent.push({ port, core, at: cluster.now, bytes: copy });
    },
  });
  const skip = (reason: string): void => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  let origin: { seconds: number; nanos: number } | undefined;
  let played = 0;
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    origin ??= { seconds: record.seconds, nanos: record.nanos };
    const reason = playable(record, reader);
    const port = options.portOf(record.interface, reader.interfaces[record.interface]?.name ?? "");
    if (reason !== "" || port < 0) {
      skip(reason === "" ? "no-port" : reason);
      continue;
    }
    runUntil(cluster, millisSince(origin, record));
    events.push(...cluster.takeEvents());
    if (cluster.inject(port, bytes.subarray(record.start, record.end))) played++;
    else skip("queue-full");
    cluster.settle();
  }
  runUntil(cluster, cluster.now + (options.tail ?? TAIL));
  cluster.settle();
  events.push(...cluster.takeEvents());
  return {
    cluster,
    sent,
    events,
    origin: origin ?? { seconds: 0, nanos: 0 },
    played,
    skipped,
    fault:
      reader.fault === undefined ? undefined : `${reader.fault.text} at byte ${reader.fault.at}`,
  };
}

/** Why a record cannot be played, "" when it can. */
function playable(record: CaptureRecord, reader: CaptureReader): string {
  if (reader.interfaces[record.interface]?.linkType !== LINK_ETHERNET) return "not-ethernet";
  if (record.end - record.start < record.originalLength) return "cut-short";
  return record.end - record.start > FRAME_ROOM ? "oversize" : "";
}

function millisSince(origin: { seconds: number; nanos: number }, record: CaptureRecord): Millis {
  return (record.seconds - origin.seconds) * 1000 + (record.nanos - origin.nanos) / 1e6;
}

/** Gaps longer than this are played in coarser steps: no timer of the engines is that fine. */
const FINE: Millis = 1000;
const COARSE_STEP: Millis = 10;

/** Turns the cores every millisecond of virtual time; never backwards, as some captures are. */
function runUntil(cluster: Cluster, until: Millis): void {
  if (until - cluster.now > LONGEST_GAP) cluster.now = until - LONGEST_GAP;
  const gap = until - cluster.now;
  if (gap > FINE) cluster.run(gap - FINE, undefined, COARSE_STEP);
  if (gap > 0) cluster.run(until - cluster.now);
}
