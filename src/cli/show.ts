// `linkloom show OBJECT`: asks the appliance, prints a table or its JSON, once or again and again.

import type { Command } from "commander";
import { ControlError } from "../control/errors.ts";
import {
  HASH_FIELDS,
  MEMBER_FIELDS,
  MOMENT_FIELDS,
  OBJECTS,
  type ObjectShape,
  PLAN_FIELDS,
  RULE_FIELDS,
} from "../control/objects.ts";
import { AT_SUMMARY, PAST_NAMES } from "../control/past-list.ts";
import { parseDuration } from "../control/words.ts";
import { ask } from "./client.ts";
import { print, wantsColour } from "./io.ts";
import { formatTable, type Row } from "./table.ts";

/** Options that every command has. */
export interface Globals {
  readonly socket?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Screen cleared, cursor at the top (ECMA-48 CUP and ED). */
const CLEAR = "\u001b[H\u001b[J";
/** How often --watch asks again when it does not say. */
const WATCH = "1s";

/** Flags of the filters; an address is a word of its own, rules and hash belong to steering. */
const FLAGS: Readonly<Record<string, readonly [flag: string, text: string]>> = {
  core: ["--core <number>", "this core's copy only, unfolded"],
  vlan: ["--vlan <number>", "this VLAN only"],
  channel: ["--channel <name>", "this channel only"],
  port: ["--port <name>", "this port only"],
  bridge: ["--bridge <name>", "this bridge only"],
  interface: ["--interface <name>", "this interface only"],
  reason: ["--reason <name>", "this reason only"],
  subject: ["--subject <text>", "what has this text in its subject"],
  limit: ["--limit <number>", "the newest so many"],
  moments: ["--moments", "the moments that are kept, and what was read at each"],
  rules: ["--rules", "the rules, in the order in which they are tried"],
  plan: ["--plan", "which buckets would move to make loads alike, and each core's load then"],
  hash: ["--hash <tuple>", "where a tuple goes: tcp,192.0.2.1:1000,192.0.2.2:80"],
};

type Options = Globals & Readonly<Record<string, string | boolean | undefined>>;

/** Adds `show` with one word for each object. */
export function addShow(program: Command): void {
  const show = program.command("show").description("show a table of every core");
  for (const shape of OBJECTS) {
    const command = show.command(shape.name).description(shape.summary);
    if (shape.filters.includes("address"))
      command.argument("[address]", "a MAC, an address or a prefix");
    for (const filter of shape.filters) {
      const flag = FLAGS[filter];
      if (flag !== undefined) command.option(...flag);
    }
    if (PAST_NAMES.includes(shape.name)) command.option("--at <moment>", AT_SUMMARY);
    command.option("-w, --watch [interval]", `again and again, every ${WATCH} or interval`);
    command.action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const address = shape.filters.includes("address")
        ? (given[0] as string | undefined)
        : undefined;
      await showObject(shape, address, self.optsWithGlobals<Options>());
    });
  }
}

async function showObject(
  shape: ObjectShape,
  address: string | undefined,
  options: Options,
): Promise<void> {
  const { watch } = options;
  if (watch === undefined || watch === false) {
    await print(await render(shape, address, options));
    return;
  }
  const interval = parseDuration(watch === true ? WATCH : watch);
  if (interval === undefined || interval < 100) {
    throw new ControlError(
      "usage",
      `"${watch}" is no interval`,
      "write --watch 500ms or --watch 2s",
    );
  }
  const screen = process.stdout.isTTY === true && options.json !== true;
  for (;;) {
    const text = await render(shape, address, options);
    await print(screen ? CLEAR + text : text);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

async function render(
  shape: ObjectShape,
  address: string | undefined,
  options: Options,
): Promise<string> {
  const query: Record<string, string | undefined> = {};
  for (const filter of shape.filters) {
    const value = filter === "address" ? address : options[filter];
    if (typeof value === "string") query[filter] = value;
    else if (value === true) query[filter] = "true";
  }
  if (typeof options["at"] === "string") query["at"] = options["at"];
  const answer = await ask(options.socket, { method: "GET", path: shape.name, query });
  if (options.json === true) return answer.body;
  const table = formatTable(JSON.parse(answer.body) as Row[], {
    shape: shapeOf(shape, options),
    cores: answer.cores,
    fold: options["core"] === undefined,
    colour: wantsColour(),
  });
  return answer.at === "" ? table : `${table}, as read at ${answer.at}`;
}

/** The fields of what an object shows under its options. */
function shapeOf(shape: ObjectShape, options: Options): ObjectShape {
  if (options["hash"] !== undefined) {
    return { ...shape, fields: shape.name === "channels" ? MEMBER_FIELDS : HASH_FIELDS };
  }
  if (options["moments"] === true) return { ...shape, fields: MOMENT_FIELDS };
  if (options["plan"] === true) return { ...shape, fields: PLAN_FIELDS };
  return options["rules"] === true ? { ...shape, fields: RULE_FIELDS } : shape;
}
