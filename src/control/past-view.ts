// What `show OBJECT --at MOMENT` and `show past` answer, from whoever keeps the past.

import { ControlError } from "./errors.ts";
import { parseMoment } from "./past-list.ts";
import type { Then } from "./past-store.ts";

type Row = Record<string, unknown>;

/** The past as it is kept (past.ts). Times are milliseconds since 1970 on the appliance's clock, that of its events. */
export interface PastReader {
  now(): number;
  /** The oldest and the newest moment; undefined before the first. */
  span(): { readonly oldest: number; readonly newest: number } | undefined;
  /** An object as it was; a text: why it is not kept; undefined: nothing is known of it then. */
  at(object: string, time: number): Then | string | undefined;
  /** The rows of `show past`, and of `show past --moments`. */
  overview(): Row[];
  moments(): Row[];
}

/** A request may be so much ahead of the appliance's clock, for people's clocks differ. Our choice. */
const AHEAD = 1000;

export const iso = (time: number): string => new Date(time).toISOString();

/** The span in words, for errors. */
function spanText(past: PastReader | undefined): string {
  const span = past?.span();
  if (span === undefined) return "the past is kept where HTTP is served and api.past has room";
  return `kept is ${iso(span.oldest)} to ${iso(span.newest)}`;
}

/** The time that `at` names; refuses what is no moment, and what is not kept, each with the span that is. */
export function momentOf(past: PastReader | undefined, text: string): number {
  const now = past?.now() ?? Date.now();
  const time = parseMoment(text, now);
  if (time === undefined) {
    const what = `"${text.slice(0, 40)}" is no moment`;
    const hint = `write 2026-11-23T20:15:00Z, or -10m for ten minutes ago; ${spanText(past)}`;
    throw new ControlError("value-invalid", what, hint);
  }
  const span = past?.span();
  if (past === undefined) {
    throw new ControlError("not-kept", "The past is not kept here", spanText(past));
  }
  if (span === undefined) {
    throw new ControlError("not-kept", "Nothing is kept yet", "the first moment comes in seconds");
  }
  if (time >= span.oldest && time <= now + AHEAD) return time;
  const shown = Math.abs(time) < 8.64e15 ? iso(time) : text;
  const what = time > now ? `${shown} is to come` : `${shown} is not kept`;
  throw new ControlError("not-kept", what, spanText(past));
}

/** An object's rows as they were. */
export function rowsThen(past: PastReader | undefined, object: string, time: number): Row[] {
  const then = past?.at(object, time);
  if (then !== undefined && typeof then !== "string") return then.rows.map((row) => ({ ...row }));
  const what = `${object} is not kept from ${iso(time)}`;
  const hint = then ?? "it was not read until then; linkloom show past says since when";
  throw new ControlError("not-kept", what, hint);
}

/** When the rows of an answer were read. */
export function readAt(past: PastReader | undefined, object: string, time: number): number {
  const then = past?.at(object, time);
  return then === undefined || typeof then === "string" ? time : then.time;
}
