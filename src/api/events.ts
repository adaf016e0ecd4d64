// Events as they happen: server-sent events (WHATWG HTML 9.2). Each has an id of this run and its place in the history;
// who comes back with the last one it saw (Last-Event-ID, or ?since=) misses nothing that the history still holds, and
// is told when it did. A client that reads too slowly is closed and comes back the same way.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Words } from "../control/actions.ts";
import type { Appliance, RawEvent } from "../control/appliance-port.ts";
import { ControlError } from "../control/errors.ts";
import { describeEvent } from "../control/event-text.ts";
import { SAFE } from "./problem.ts";
import type { Streams } from "./streams.ts";

/** How often new events are looked for; a person does not notice it. Our choice. */
const INTERVAL = 100;
/** A comment this often shows that the stream lives, also through proxies that close idle ones. Our choice. */
const HEARTBEAT = 15_000;
/** Bytes that may wait for a client. Our choice: many seconds of events. */
const BACKLOG = 1024 * 1024;
/** Events written at once. */
const BURST = 512;

/** Opens the stream on a response that the framework no longer cares for. */
export function eventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  appliance: Appliance,
  streams: Streams,
  words: Words,
): FastifyReply {
  const stranger = Object.keys(words).find((word) => !["since", "subject", "core"].includes(word));
  if (stranger !== undefined) {
    const hint = "there are since, subject, core";
    throw new ControlError("value-invalid", `"${stranger}" does not filter the stream`, hint);
  }
  const last = request.headers["last-event-id"] ?? words["since"];
  const since = startOf(appliance, typeof last === "string" ? last : undefined);
  const response = reply.raw;
  const head = {
    ...SAFE,
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "linkloom-cores": String(appliance.config.cores.count),
  };
  if (request.method === "HEAD") {
    reply.hijack();
    response.writeHead(200, head).end();
    return reply;
  }
  let timer: NodeJS.Timeout | undefined;
  streams.open(response, () => clearInterval(timer));
  reply.hijack();
  response.writeHead(200, head);
  response.write("retry: 1000\n\n");
  let seen = since;
  let beat = 0;
  const turn = (): void => {
    const fresh = appliance.events(seen, BURST);
    const [first] = fresh;
    if (first !== undefined && first.sequence > seen + 1) {
      const lost = first.sequence - seen - 1;
      response.write(`event: gap\ndata: ${JSON.stringify({ lost })}\n\n`);
    }
    for (const event of fresh) {
      seen = event.sequence;
      const text = eventText(event, appliance, words);
      if (text !== "") response.write(text);
    }
    beat += INTERVAL;
    if (beat >= HEARTBEAT) {
      beat = 0;
      response.write(`id: ${idOf(appliance, seen)}\n:\n\n`);
    }
    if (response.writableLength > BACKLOG) response.destroy();
  };
  timer = setInterval(turn, INTERVAL);
  turn();
  return reply;
}

const idOf = (appliance: Appliance, sequence: number): string =>
  `${appliance.startedAt.toString(36)}-${sequence}`;

/** The sequence after which to begin: the last seen of this run; after a restart all that is kept; else new ones. */
function startOf(appliance: Appliance, last: string | undefined): number {
  if (last === undefined) return newest(appliance);
  const [, run, sequence] = /^([0-9a-z]{1,16})-(\d{1,15})$/.exec(last) ?? [];
  if (run === undefined) {
    const hint = "send the id of an event of this stream, or 0-0 for all that is kept";
    throw new ControlError("value-invalid", `"${last.slice(0, 40)}" is no id of an event`, hint);
  }
  const known = run === appliance.startedAt.toString(36);
  const first = (appliance.events(0, 1)[0]?.sequence ?? 1) - 1;
  if (!known) return first;
  return Math.min(Number(sequence), newest(appliance));
}

const newest = (appliance: Appliance): number =>
  appliance.events(0, Number.MAX_SAFE_INTEGER).at(-1)?.sequence ?? 0;

function eventText(event: RawEvent, appliance: Appliance, words: Words): string {
  const row = describeEvent(event, appliance.config);
  if (words["core"] !== undefined && String(row.core) !== words["core"]) return "";
  if (words["subject"] !== undefined && !row.subject.includes(String(words["subject"]))) return "";
  return `id: ${idOf(appliance, event.sequence)}\nevent: event\ndata: ${JSON.stringify(row)}\n\n`;
}
