// From a configuration to an open API: where HTTP listens, with which tokens. Where the file says nothing about it, an
// appliance serves 127.0.0.1:7474 if it can; where the file asks for it, not being able to is an error.

import type { Configuration } from "../control/configuration.ts";
import { twoLines } from "../control/errors.ts";
import { besideSocket } from "../control/run.ts";
import type { Serving } from "../control/serving.ts";
import { pageOf } from "./page.ts";
import { type HttpOptions, type Server, serve } from "./server.ts";

/** Where HTTP is when nobody says (02: `run` and `lab` serve it by default). */
const DEFAULT_HTTP = "127.0.0.1:7474";

export interface OpenOptions {
  readonly socket: string;
  readonly group?: string | undefined;
  readonly warn: (line: string) => void;
}

/** Serves an appliance of a file. */
export async function openApi(
  serving: Serving,
  { api }: Pick<Configuration, "api">,
  options: OpenOptions,
): Promise<Server> {
  const address = api === undefined ? DEFAULT_HTTP : api.http;
  if (address === null) return serve({ ...servingOf(serving), ...options, http: undefined });
  const tokenFile = api?.["token-file"] ?? besideSocket(options.socket, "tokens");
  const http: HttpOptions = { address, tokenFile, openForReading: false };
  return open(serving, http, options, api !== undefined);
}

/** Serves a lab: who is on this machine may read without a token; with none, nobody may change. */
export function openLab(
  serving: Serving,
  options: OpenOptions & { readonly http?: string; readonly tokenFile?: string | undefined },
): Promise<Server> {
  const http: HttpOptions = {
    address: options.http ?? DEFAULT_HTTP,
    tokenFile: options.tokenFile ?? null,
    openForReading: true,
  };
  return open(serving, http, options, options.http !== undefined);
}

async function open(
  serving: Serving,
  http: HttpOptions,
  options: OpenOptions,
  isWanted: boolean,
): Promise<Server> {
  const { socket, group } = options;
  const all = { ...servingOf(serving), socket, group, page: pageOf() };
  try {
    return await serve({ ...all, http });
  } catch (error) {
    const { what, why } = twoLines(error);
    // A socket that cannot be had fails again, and says so.
    const server = isWanted ? undefined : await serve(all);
    if (server === undefined) throw error;
    options.warn(`linkloom: no HTTP: ${what}`);
    options.warn(`  ${why}`);
    return server;
  }
}

/** A copy that still asks the original what runs now. */
function servingOf(serving: Serving): Serving {
  const { appliance, configurations, history, metrics, compatMetrics } = serving;
  return {
    appliance,
    configurations,
    history,
    metrics,
    compatMetrics,
    get configuration(): unknown {
      return serving.configuration;
    },
  };
}
