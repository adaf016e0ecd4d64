// What each operation of control/operations.ts does.

import type { Readable } from "node:stream";
import { Actions, type Words } from "../control/actions.ts";
import type { Configurations } from "../control/configurations.ts";
import { CoreActions } from "../control/core-actions.ts";
import { ControlError } from "../control/errors.ts";
import { askedOf, explain } from "../control/explain/explain.ts";
import { explainFrame } from "../control/explain/frame.ts";
import { GroupActions } from "../control/groups-actions.ts";
import { NdActions } from "../control/nd-actions.ts";
import type { Serving } from "../control/serving.ts";
import { VrActions } from "../control/vr-actions.ts";
import { parseDuration } from "../control/words.ts";
import { capture, traceBus, traceFrames } from "./looking.ts";

/** What a handler gets: words of path, query and body in one, and the body's text where it is a file. */
export interface Asked {
  readonly words: Words;
  readonly text: string;
  /** Who asks, for the history. */
  readonly by: string;
}

/** Answers with data, or with a stream of its operation's media type. */
export type Handler = (asked: Asked) => Promise<unknown> | Readable;

/** A handler for every operation, by its id. */
export function handlersOf(serving: Serving): Readonly<Record<string, Handler>> {
  const actions = new Actions(serving.appliance);
  const nd = new NdActions(serving.appliance);
  const vr = new VrActions(serving.appliance);
  const groups = new GroupActions(serving.appliance);
  const cores = new CoreActions(serving.appliance);
  return {
    "arp-add": ({ words }) => actions.addArp(words),
    "arp-clear": ({ words }) => actions.clearArp(words),
    "arp-remove": ({ words }) => actions.removeArp(words),
    "arp-announce": ({ words }) => actions.announce(words),
    "nd-add": ({ words }) => nd.add(words),
    "nd-clear": ({ words }) => nd.clear(words),
    "nd-remove": ({ words }) => nd.remove(words),
    "nd-announce": ({ words }) => nd.announce(words),
    "bridge-add": ({ words }) => actions.addStation(words),
    "bridge-clear": ({ words }) => actions.clearStations(words),
    "bridge-remove": ({ words }) => actions.removeStation(words),
    "stp-clear": ({ words }) => actions.clearStp(words),
    "groups-clear": ({ words }) => groups.clearGroups(words),
    "shut-clear": ({ words }) => groups.clearShut(words),
    "vr-priority": ({ words }) => vr.setPriority(words),
    explain: async ({ words }) => {
      const { object, name } = words as { object: string; name: string };
      return { lines: await explain(serving, object, name) };
    },
    "explain-frame": async ({ words }) => explainFrame(serving.appliance, askedOf(serving), words),
    "vmac-clear": ({ words }) => vr.clearVmacs(words),
    "core-set": ({ words }) => cores.setCore(words),
    "master-set": ({ words }) => cores.setMaster(words),
    ping: ({ words }) => actions.ping(words),
    "trace-bus": ({ words }) => traceBus(serving.appliance, words),
    "trace-frames": ({ words }) => traceFrames(serving.appliance, words),
    capture: ({ words }) => capture(serving.appliance, words),
    ...configurationHandlers(serving),
  };
}

function configurationHandlers(serving: Serving): Readonly<Record<string, Handler>> {
  const keeper = (): Configurations => {
    if (serving.configurations !== undefined) return serving.configurations;
    const hint = "run an appliance of a file: linkloom run -c FILE";
    throw new ControlError("not-found", "This appliance has no configuration file", hint);
  };
  return {
    "config-text": async ({ words }) => {
      const { number } = words as { number?: string };
      const text = keeper().text(number === undefined ? undefined : Number(number));
      if (text !== undefined) return { text };
      const hint = "linkloom show history lists the numbers";
      throw new ControlError("not-found", `There is no configuration ${number}`, hint);
    },
    "config-plan": async ({ text }) => keeper().plan({ text }),
    "config-apply": async ({ words, text, by }) => {
      const confirm = words["confirm"];
      const millis = confirm === undefined ? undefined : parseDuration(confirm);
      if (confirm !== undefined && millis === undefined) {
        const hint = "units are ms, s, m and h: 60s";
        throw new ControlError("value-invalid", `"${String(confirm)}" is no duration`, hint);
      }
      return keeper().apply({ text }, by, { confirm: millis, save: isTrue(words["save"]) });
    },
    "config-save": async () => keeper().save(),
    "config-file": async () => {
      const state = keeper().fileState();
      if (state !== undefined) return state;
      const hint = "run the appliance of a file: linkloom run -c FILE";
      throw new ControlError("not-found", "This appliance has no configuration file", hint);
    },
    "config-confirm": async () => keeper().confirm(),
    "config-rollback": async ({ words, by }) => {
      const { to } = words as { to?: unknown };
      if (to !== undefined && (!Number.isInteger(Number(to)) || Number(to) < 1 || to === "")) {
        const hint = "linkloom show history lists the numbers";
        throw new ControlError("value-invalid", `"${String(to)}" is no number`, hint);
      }
      return keeper().rollback(to === undefined ? undefined : Number(to), by);
    },
  };
}

/** A flag of a query. */
function isTrue(word: unknown): boolean {
  if (word === undefined || word === "false" || word === false) return false;
  if (word === "true" || word === true) return true;
  throw new ControlError("value-invalid", `"${String(word)}" is no flag`, "write true or false");
}
