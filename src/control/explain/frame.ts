// `explain frame HEX --port PORT`: what the appliance would do with a frame on a port, step by step, with nothing
// changed. What becomes of it is not described here but played by copies of the cores (rehearsal.ts); this file makes
// sentences of what they did.

import type { Drop } from "../../engine/drop.ts";
import { FRAME_ROOM, MIN_FRAME } from "../../engine/frame.ts";
import { ROLE_NAMES } from "../../engine/role.ts";
import { parseHex } from "../../wire/text.ts";
import type { Appliance } from "../appliance-port.ts";
import { coreList } from "../core-list.ts";
import { ControlError } from "../errors.ts";
import { describeEvent } from "../event-text.ts";
import { predictFrame } from "../steering-view.ts";
import type { Asked } from "./asked.ts";
import { dropWords } from "./drop-words.ts";
import { type Headers, headersOf, relationOf, tagOf, textOf } from "./frame-text.ts";
import { placeLines, stationLines, wayLines } from "./frame-way.ts";
import { type OnCore, type Rehearsed, rehearse, type Sent } from "./rehearsal.ts";

/** The longest frame that is played: what a buffer holds. */
const LONGEST: number = FRAME_ROOM;
/** Questions that wait at most: each is some tens of milliseconds of the control core. Our choice. */
const MOST_WAITING = 4;

/** A frame that would leave. */
export interface SentRow {
  readonly port: string;
  readonly core: number;
  /** null: untagged. */
  readonly vlan: number | null;
  /** "forwarded": the frame itself; "routed": with new addresses; "own": the appliance's word because of it. */
  readonly what: "forwarded" | "routed" | "own";
  readonly frame: string;
  readonly hex: string;
}

/** What would become of a frame. */
export interface FrameAnswer {
  readonly lines: readonly string[];
  readonly frame: string;
  readonly port: string;
  readonly core: number;
  readonly cores: readonly OnCore[];
  readonly sent: readonly SentRow[];
}

/** What was asked, as words. */
export interface FrameQuestion {
  readonly frame?: unknown;
  readonly port?: unknown;
  readonly core?: unknown;
}

let waiting = 0;
let turn: Promise<unknown> = Promise.resolve();

/** Plays the frame and says what became of it. Throws a ControlError for what is no frame, port or core. */
export async function explainFrame(
  appliance: Appliance,
  asked: Asked,
  question: FrameQuestion,
): Promise<FrameAnswer> {
  const frame = frameOf(question.frame);
  const port = portOf(appliance, question.port);
  const given = coreOf(appliance, question.core);
  if (waiting >= MOST_WAITING) {
    throw new ControlError("too-many", "Too many frames are being explained", "ask one by one");
  }
  waiting++;
  const mine = turn.then(() => play(appliance, asked, { frame, port, given }));
  turn = mine.catch(() => undefined);
  try {
    return await mine;
  } finally {
    waiting--;
  }
}

/** The bytes of a frame in hex. */
function frameOf(given: unknown): Uint8Array {
  const hint =
    "write its bytes in hex from the destination MAC on, without the checksum at its end";
  const refuse = (what: string): ControlError => new ControlError("value-invalid", what, hint);
  if (typeof given !== "string" || given.trim() === "") throw refuse("There is no frame");
  const digits = given.replaceAll(/[\s:-]/g, "").replace(/^0x/i, "");
  const bad = /[^0-9a-f]/i.exec(digits);
  if (bad !== null) throw refuse(`"${bad[0]}" is no hex digit (character ${bad.index + 1})`);
  if (digits.length % 2 !== 0)
    throw refuse(`The frame has half a byte: ${digits.length} hex digits`);
  const bytes = parseHex(digits);
  if (bytes === undefined) throw refuse("The frame is not hex");
  if (bytes.length < MIN_FRAME) {
    throw refuse(`${bytes.length} bytes are no frame: a header has ${MIN_FRAME}`);
  }
  if (bytes.length > LONGEST) {
    throw refuse(`${bytes.length} bytes are more than a frame may have: ${LONGEST}`);
  }
  return bytes;
}

function portOf({ config }: Appliance, given: unknown): number {
  const { ports } = config.common;
  const port = ports.findIndex(({ name }) => name === given && name !== "");
  if (port >= 0) return port;
  const names = ports.map(({ name }) => name).filter((name) => name !== "");
  const hint = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
  if (typeof given !== "string" || given === "") {
    throw new ControlError("value-invalid", "The port is missing", hint);
  }
  throw new ControlError("not-found", `There is no port "${given}"`, hint);
}

/** The core whose queue it comes to; undefined: the one that steering chooses. */
function coreOf(appliance: Appliance, given: unknown): number | undefined {
  if (given === undefined || given === null) return undefined;
  const { count } = appliance.config.cores;
  const core = /^\d{1,2}$/.test(String(given)) ? Number(given) : -1;
  if (core >= 0 && core < count) return core;
  throw new ControlError("value-invalid", `"${String(given)}" is no core`, `0 to ${count - 1}`);
}

interface Play {
  readonly frame: Uint8Array;
  readonly port: number;
  readonly given: number | undefined;
}

async function play(appliance: Appliance, asked: Asked, what: Play): Promise<FrameAnswer> {
  const { frame, port, given } = what;
  const { config } = appliance;
  const headers = headersOf(frame);
  const steered = predictFrame(appliance, frame, port);
  const core = given ?? Number(steered["core"]);
  const played = await rehearse(appliance, frame, port, core);
  const context = { appliance, asked, headers, port, core, before: played.before };
  const sent = played.sent.map((one) => sentRow(appliance, frame, one));
  const name = config.common.ports[port]?.name ?? "";
  const lines = [
    `On ${name}: ${textOf(frame)}.`,
    steeringLine(appliance, steered, given),
    ...(await placeLines(context)),
    ...stationLines(context),
    ...(await wayLines(context, played)),
    ...becameLines(appliance, played),
    ...sentLines(sent),
    ...tellLines(appliance, played),
    "Copies of the cores played this; nothing was sent and nothing changed.",
  ];
  return { lines, frame: textOf(frame), port: name, core, cores: played.cores, sent };
}

function steeringLine(
  appliance: Appliance,
  steered: Record<string, unknown>,
  given: number | undefined,
): string {
  const { core, bucket, hash, reason } = steered;
  const type = steered["hash-type"];
  const over = `its hash over ${type} is ${hash}, bucket ${bucket}`;
  const why = bucket === null ? String(reason) : `${over}, which is core ${core}'s`;
  if (appliance.config.cores.count === 1) return "The one core treats it.";
  const belongs = `It belongs to core ${core}: ${why}.`;
  if (given === undefined || given === core) return belongs;
  return `${belongs} Here it comes to core ${given}'s queue.`;
}

/** What the cores made of it. */
const CLASS_WORDS: Readonly<Record<string, string>> = {
  bpdu: "takes it as a frame of spanning tree",
  lag: "takes it as a frame of link aggregation",
  bcast: "treats it as a broadcast",
  mcast: "treats it as a multicast",
  local: "takes it in: it is for the appliance",
  channel: "forwards it to the channel of its destination",
  unknown: "floods it: nobody knows its destination",
  taken: "takes it in by the port's interface or a protocol",
};

function becameLines(appliance: Appliance, { cores }: Rehearsed): string[] {
  const lines: string[] = [];
  for (const one of cores) {
    const { core, class: name, drops, handedTo } = one;
    if (name === "") continue;
    const reasons = drops.map(dropWords).join("; ");
    if (name === "handover") {
      lines.push(
        `Core ${core} hands it to core ${coreList(handedTo)}${roleOf(appliance, handedTo)}.`,
      );
    } else if (name === "drop") {
      lines.push(`Core ${core} gives it up, counted as ${reasons}.`);
      lines.push(...adviceOf(drops));
    } else {
      lines.push(`Core ${core} ${CLASS_WORDS[name] ?? `classes it as ${name}`}.`);
      if (drops.length > 0) lines.push(`Counted on the way: ${reasons}.`);
    }
  }
  return lines;
}

function roleOf(appliance: Appliance, [core]: readonly number[]): string {
  const roles = ROLE_NAMES.filter((_, role) => appliance.masters()[role] === core);
  return roles.length === 0 ? "" : `, the ${roles.join(" and ")} master`;
}

/** Where to look when it was given up for something that another explanation tells. */
function adviceOf(drops: OnCore["drops"]): string[] {
  const has = (...names: (keyof typeof Drop)[]): boolean =>
    names.some((one) => drops.includes(one));
  if (has("stp-discarding")) return ["Why: linkloom explain stp BRIDGE CHANNEL."];
  if (has("lag-blocked", "lacp-no-channel")) return ["Why: linkloom explain lacp CHANNEL."];
  if (has("shut", "mac-limit", "isolated", "storm", "storm-multicast", "storm-unicast")) {
    return ["Limits and what they did: linkloom show protection."];
  }
  return has("vr-not-active") ? ["Who has it now: linkloom show vmac."] : [];
}

function sentRow(appliance: Appliance, frame: Uint8Array, { core, port, bytes }: Sent): SentRow {
  const before: Headers = headersOf(frame);
  return {
    port: appliance.config.common.ports[port]?.name ?? "",
    core,
    vlan: tagOf(bytes),
    what: relationOf(before, frame, bytes),
    frame: textOf(bytes),
    hex: Buffer.from(bytes).toString("hex"),
  };
}

function sentLines(sent: readonly SentRow[]): string[] {
  const lines: string[] = [];
  const same = sent.filter(({ what }) => what === "forwarded");
  if (same.length > 0) {
    const ways = same.map(
      ({ port, vlan }) => `${port} ${vlan === null ? "untagged" : `tagged ${vlan}`}`,
    );
    lines.push(`It leaves by ${ways.join(", ")}.`);
  }
  for (const { what, port, frame } of sent) {
    if (what === "routed") lines.push(`It is routed, and leaves by ${port}: ${frame}.`);
    else if (what === "own") lines.push(`The appliance sends on ${port}: ${frame}.`);
  }
  if (sent.length === 0) lines.push("Nothing leaves.");
  return lines;
}

/** What the cores tell each other and people. */
function tellLines(appliance: Appliance, { cores, events }: Rehearsed): string[] {
  const lines: string[] = [];
  const single = appliance.config.cores.count === 1;
  for (const { core, messages } of single ? [] : cores) {
    const told = Object.entries(messages).map(([type, count]) => `${count} ${type}`);
    if (told.length > 0) lines.push(`Core ${core} tells the others: ${told.join(", ")}.`);
  }
  for (const event of events) {
    const raw = { ...event, sequence: 0, time: Date.now() };
    const { cause, subject, from, to, evidence } = describeEvent(raw, appliance.config);
    const change = [from, to].filter((word) => word !== "").join(" to ");
    lines.push(
      `Event: ${[cause, subject, change, evidence].filter((word) => word !== "").join(", ")}.`,
    );
  }
  return lines;
}
