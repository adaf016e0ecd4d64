// How a lab is shown until its time is over or somebody ends it: a live screen where there is a terminal, a line a
// second elsewhere, JSON on demand; and how a person acts on it, by keys on a screen, by lines of words elsewhere.

import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Millis } from "../lib/units.ts";
import type { RunningAppliance } from "../runtime/appliance.ts";
import type { LabOptions } from "./lab.ts";

const LINE_STEP: Millis = 1000;
/** What a terminal is told (ECMA-48, xterm's other screen): all of it, then line by line, so that nothing flickers. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_RIGHT = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** One look at the network, in each of the ways that it is shown. */
export interface Look {
  readonly json: () => unknown;
  readonly lines: () => readonly string[];
  /** What fits into so many rows. */
  readonly screen: (rows: number) => readonly string[];
}

export interface Play {
  readonly clock: RunningAppliance["clock"];
  /** Where the control socket and the page are. */
  readonly where: string;
  /** How often the screen is drawn. */
  readonly step: Millis;
  /** `elapsed`: since the beginning. */
  readonly look: (elapsed: Millis) => Promise<Look>;
  readonly key?: ((key: string) => void) | undefined;
  /** The answer to a line of words. */
  readonly command?: ((words: readonly string[]) => string) | undefined;
}

/** Shows the lab to its end. */
export async function present(options: LabOptions, play: Play): Promise<void> {
  const { output, json } = options;
  const live = output.isTTY && !json;
  const quit = new AbortController();
  const signal = AbortSignal.any([options.aborted, quit.signal]);
  const unhook = live
    ? takeKeys(options, () => quit.abort(), play.key)
    : takeLines(options, play.command);
  if (live) output.write(ENTER);
  else if (!json) output.write(`linkloom lab ${options.name}: ${play.where}\n`);
  const began = play.clock.now();
  const length = (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  try {
    while (!signal.aborted) {
      const rest = length - (play.clock.now() - began);
      if (rest <= 0) break;
      await pause(Math.min(live ? play.step : LINE_STEP, rest), signal);
      const look = await play.look(play.clock.now() - began);
      if (live) draw(output, look);
      else output.write(`${json ? JSON.stringify(look.json()) : look.lines().join("\n")}\n`);
    }
  } finally {
    unhook();
    if (live) output.write(LEAVE);
  }
}

/** Takes keys one by one; q and Ctrl-C end the lab. Returns how to stop. */
function takeKeys({ input }: LabOptions, quit: () => void, onKey: Play["key"]): () => void {
  if (!input.isTTY) return () => {};
  const take = (bytes: Buffer): void => {
    if (bytes.includes("q") || bytes[0] === 3) quit();
    else onKey?.(bytes.toString());
  };
  input.setRawMode(true);
  input.on("data", take);
  input.resume();
  return () => {
    input.off("data", take);
    input.setRawMode(false);
    input.pause();
  };
}

/** Takes lines of words, and answers each by one. Returns how to stop. */
function takeLines({ input, output }: LabOptions, onWords: Play["command"]): () => void {
  if (onWords === undefined) return () => {};
  const lines = createInterface({ input });
  lines.on("line", (text) => {
    if (text.trim() !== "") output.write(`${onWords(text.trim().split(/\s+/))}\n`);
  });
  return () => lines.close();
}

async function pause(millis: Millis, signal: AbortSignal): Promise<void> {
  await delay(millis, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function draw(output: NodeJS.WriteStream, look: Look): void {
  const rows = output.rows ?? 24;
  const columns = output.columns ?? 80;
  const lines = look.screen(rows).slice(0, rows);
  const text = lines.map((one) => cut(one, columns) + CLEAR_RIGHT).join("\r\n");
  output.write(HOME + text + CLEAR_BELOW);
}

/** Cuts a line to the terminal's width; colour codes take no room. */
function cut(text: string, columns: number): string {
  let width = 0;
  let result = "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the terminal's colour codes.
  for (const part of text.split(/(\u001b\[\d+m)/)) {
    if (part.startsWith("\u001b")) result += part;
    else {
      result += part.slice(0, Math.max(0, columns - width));
      width += part.length;
    }
  }
  return result;
}
