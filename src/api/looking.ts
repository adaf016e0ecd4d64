// Live traces and captures: what the cores show (core/observer.ts), chosen by filters, as lines of JSON or as pcapng
// with core, class and reason of each frame as its comment. A reader that is too slow loses records, never slows a
// core.

import { Readable } from "node:stream";
import type { Words } from "../control/actions.ts";
import type { Appliance, ObserveRequest, SeenRecord } from "../control/appliance-port.ts";
import { ControlError } from "../control/errors.ts";
import { CLASS_NAMES } from "../core/observer.ts";
import { DROP_NAMES } from "../engine/drop.ts";
import { FIELDS, MESSAGE_NAMES } from "../engine/message.ts";
import { formatNote } from "../wire/capture.ts";
import { describe } from "../wire/describe.ts";
import { interfaceBlock, packetBlock, sectionHeader } from "../wire/pcapng.ts";
import { Direction } from "../wire/record.ts";

/** Bytes kept of a frame where nobody says; tcpdump's default. */
const SNAP = 262_144;
/** Of a frame that is only described: its headers. */
const SNAP_TRACE = 256;
/** Bytes that may wait for a reader. Our choice. */
const BACKLOG = 8 * 1024 * 1024;
/** Longest look: a day. Our choice. */
const LONGEST_SECONDS = 86_400;

/** What a look is for: chosen by words, made into bytes. */
interface Look {
  readonly request: ObserveRequest;
  readonly limit: number;
  readonly seconds: number;
  readonly head: Uint8Array | undefined;
  /** The bytes of a record, with how many were lost before it; undefined when it is not wanted. */
  readonly encode: (record: SeenRecord, lost: number) => Uint8Array | string | undefined;
}

/** Opens a look as a stream. Checks every word first. */
function open(appliance: Appliance, look: Look): Readable {
  let left = look.limit;
  let lost = 0;
  const stream = new Readable({ read: () => {}, highWaterMark: BACKLOG });
  if (look.head !== undefined) stream.push(look.head);
  const stop = appliance.observe(
    look.request,
    (record) => {
      if (left <= 0 || stream.destroyed) return;
      if (stream.readableLength > BACKLOG) {
        lost++;
        return;
      }
      const bytes = look.encode(record, lost);
      if (bytes === undefined) return;
      lost = 0;
      stream.push(bytes);
      left--;
      if (left === 0) end();
    },
    (count) => {
      lost += count;
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    stop();
    clearTimeout(timer);
    if (!stream.destroyed && !stream.readableEnded) stream.push(null);
  };
  if (look.seconds > 0) timer = setTimeout(end, look.seconds * 1000);
  stream.once("close", () => {
    stop();
    clearTimeout(timer);
  });
  return stream;
}

/** `trace frames`. */
export function traceFrames(appliance: Appliance, words: Words): Readable {
  const choose = frameFilter(appliance, words);
  const { ports } = appliance.config.common;
  return open(appliance, {
    ...common(appliance, words, { frames: true, messages: false, snap: SNAP_TRACE }),
    head: undefined,
    encode: (record, lost) => {
      const text = describeFrame(record);
      if (!choose(record, text)) return undefined;
      const row = {
        time: new Date(record.time).toISOString(),
        core: record.core,
        port: ports[record.number]?.name ?? "",
        direction: record.kind === "sent" ? "out" : "in",
        class: CLASS_NAMES[record.class] ?? "",
        reason: DROP_NAMES[record.reason] ?? "",
        length: record.length,
        frame: text,
        ...(lost > 0 ? { lost } : {}),
      };
      return `${JSON.stringify(row)}\n`;
    },
  });
}

/** `capture`. */
export function capture(appliance: Appliance, words: Words): Readable {
  const choose = frameFilter(appliance, words);
  const snap = numberOf(words, "snap", 14, SNAP) ?? SNAP;
  const { ports } = appliance.config.common;
  // Every port is an interface of the file, so that its number is the port's.
  const head = [sectionHeader("Linkloom"), ...ports.map(({ name }) => interfaceBlock(name))];
  return open(appliance, {
    ...common(appliance, words, { frames: true, messages: false, snap }),
    head: Buffer.concat(head),
    encode: (record, lost) => {
      if (!choose(record, words["match"] === undefined ? "" : describeFrame(record))) {
        return undefined;
      }
      const note = formatNote(
        record.core,
        CLASS_NAMES[record.class] ?? "",
        DROP_NAMES[record.reason] ?? "",
      );
      const seconds = Math.floor(record.time / 1000);
      const stamp = {
        interface: record.number,
        seconds,
        nanos: Math.round((record.time - seconds * 1000) * 1e6),
        originalLength: record.length,
        direction: record.kind === "sent" ? Direction.Out : Direction.In,
        comments: lost > 0 ? [note, `lost=${lost}`] : [note],
      };
      return packetBlock(stamp, record.bytes);
    },
  });
}

/** `trace bus`. */
export function traceBus(appliance: Appliance, words: Words): Readable {
  const type = oneOf(words, "type", MESSAGE_NAMES);
  return open(appliance, {
    ...common(appliance, words, { frames: false, messages: true, snap: 0 }),
    head: undefined,
    encode: (record, lost) => {
      const name = MESSAGE_NAMES[record.number] ?? String(record.number);
      if (type !== undefined && name !== type) return undefined;
      const { bytes } = record;
      const row = {
        time: new Date(record.time).toISOString(),
        from: bytes[1] ?? 0,
        to: record.core,
        type: name,
        fields: Buffer.from(bytes.slice(FIELDS))
          .toString("hex")
          .replace(/(?:00)+$/, ""),
        ...(lost > 0 ? { lost } : {}),
      };
      return `${JSON.stringify(row)}\n`;
    },
  });
}

function common(
  appliance: Appliance,
  words: Words,
  wanted: Omit<ObserveRequest, "core">,
): Pick<Look, "request" | "limit" | "seconds"> {
  const core = numberOf(words, "core", 0, appliance.config.cores.count - 1) ?? -1;
  return {
    request: { ...wanted, core },
    limit: numberOf(words, "limit", 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY,
    seconds: numberOf(words, "seconds", 1, LONGEST_SECONDS) ?? 0,
  };
}

function describeFrame(record: SeenRecord): string {
  const copy = record.bytes.slice();
  return describe(new DataView(copy.buffer), 0, copy.length);
}

function frameFilter(
  appliance: Appliance,
  words: Words,
): (record: SeenRecord, text: string) => boolean {
  const names = appliance.config.common.ports.map(({ name }) => name);
  const named = oneOf(words, "port", names);
  const port = named === undefined ? -1 : names.indexOf(named);
  const direction = oneOf(words, "direction", ["in", "out"]);
  const name = oneOf(words, "reason", DROP_NAMES);
  const reason = name === undefined ? -1 : DROP_NAMES.indexOf(name);
  const dropped = oneOf(words, "dropped", ["true", "false"]) === "true";
  const match = words["match"];
  return (record, text) => {
    if (port >= 0 && record.number !== port) return false;
    if (direction !== undefined && (record.kind === "sent") !== (direction === "out")) return false;
    if (reason >= 0 && record.reason !== reason) return false;
    if (dropped && record.reason < 0) return false;
    return typeof match !== "string" || text.includes(match);
  };
}

function numberOf(words: Words, word: string, least: number, most: number): number | undefined {
  const text = words[word];
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(String(text)) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new ControlError("value-invalid", `"${String(text)}" is no ${word}`, `${least} to ${most}`);
}

function oneOf<const W extends string>(
  words: Words,
  word: string,
  known: readonly W[],
): W | undefined {
  const text = words[word];
  if (text === undefined) return undefined;
  const found = known.find((one) => one === text && one !== "");
  if (found !== undefined) return found;
  const some = known.filter((one) => one !== "").slice(0, 12);
  const hint = `one of ${some.join(", ")}${known.length > some.length ? ", ..." : ""}`;
  throw new ControlError("value-invalid", `"${String(text)}" is no ${word}`, hint);
}
