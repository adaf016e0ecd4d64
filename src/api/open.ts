// From a configuration to an open API: where HTTP listens, with which tokens. Where the file says nothing about it, an
// appliance serves 127.0.0.1:7474 if it can; where the file asks for it, not being able to is an error.

import type { Configuration } from "../control/configuration.ts";
import { twoLines } from "../control/errors.ts";
import type { Past } from "../control/past.ts";
import { besideSocket } from "../control/run.ts";
import type { Serving } from "../control/serving.ts";
import { pageOf } from "./page.ts";
import { type HttpOptions, type ServeOptions, type Server, serve } from "./server.ts";

/** Where HTTP is when nobody says (02: `run` and `lab` serve it by default). */
const DEFAULT_HTTP = "127.0.0.1:7474";

export interface OpenOptions {
  readonly socket: string;
  readonly group?: string | undefined;
  readonly warn: (line: string) => void;
}

/** The past begins so long after the API: what only the start needs is not in its way. Our choice. */
const PAST_AFTER = 500;
/** Bytes of the past where nobody says; the schema's default. */
const PAST_BYTES = 8 * 1024 * 1024;

/** Serves an appliance of a file. */
export async function openApi(
  serving: Serving,
  { api }: Pick<Configuration, "api">,
  options: OpenOptions,
): Promise<Server> {
  const address = api === undefined ? DEFAULT_HTTP : api.http;
  if (address === null) return serve(optionsOf(serving, options));
  const tokenFile = api?.["token-file"] ?? besideSocket(options.socket, "tokens");
  const http: HttpOptions = { address, tokenFile, openForReading: false };
  const past = api === undefined ? PAST_BYTES : api.past;
  return open(serving, http, options, { isWanted: api !== undefined, past });
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
  const isWanted = options.http !== undefined;
  return open(serving, http, options, { isWanted, past: PAST_BYTES });
}

async function open(
  serving: Serving,
  http: HttpOptions,
  options: OpenOptions,
  { isWanted, past }: { readonly isWanted: boolean; readonly past: number | null },
): Promise<Server> {
  const keeper = new Keeper(serving, past);
  try {
    const server = await serve(optionsOf(serving, options, { http, page: pageOf() }, keeper));
    keeper.start();
    const close = async (): Promise<void> => {
      keeper.close();
      await server.close();
    };
    return { socket: server.socket, http: server.http, close };
  } catch (error) {
    const { what, why } = twoLines(error);
    // A socket that cannot be had fails again, and says so.
    const server = isWanted ? undefined : await serve(optionsOf(serving, options));
    if (server === undefined) throw error;
    options.warn(`linkloom: no HTTP: ${what}`);
    options.warn(`  ${why}`);
    return server;
  }
}

/** Keeps the past while HTTP is served; loaded when it begins, so that who does not serve does without. */
class Keeper {
  readonly #serving: Serving;
  readonly #limit: number | null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  past: Past | undefined;

  constructor(serving: Serving, limit: number | null) {
    this.#serving = serving;
    this.#limit = limit;
  }

  start(): void {
    if (this.#limit === null) return;
    this.#timer = setTimeout(() => void this.#begin(this.#limit ?? 0), PAST_AFTER);
    this.#timer.unref();
  }

  async #begin(limit: number): Promise<void> {
    const { Past } = await import("../control/past.ts");
    if (this.#closed) return;
    this.past = new Past({ shown: this.#serving, limit });
    this.past.start();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.past?.close();
  }
}

/** What the server works by: it still asks what runs now. */
function optionsOf(
  serving: Serving,
  { socket, group }: OpenOptions,
  more: Pick<ServeOptions, "http" | "page"> = {},
  keeper?: Keeper,
): ServeOptions {
  const { appliance, configurations, history, metrics, compatMetrics } = serving;
  return {
    ...{ socket, group, ...more },
    ...{ appliance, configurations, history, metrics, compatMetrics },
    get configuration(): unknown {
      return serving.configuration;
    },
    get past(): Past | undefined {
      return keeper?.past;
    },
  };
}
