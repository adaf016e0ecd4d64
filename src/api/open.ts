// From a configuration to an open API: where HTTP listens, with which tokens. Where the file says nothing about it, an
// appliance serves 127.0.0.1:7474 if it can; where the file asks for it, not being able to is an error.

import type { Configuration } from "../control/configuration.ts";
import { twoLines } from "../control/errors.ts";
import type { Past } from "../control/past.ts";
import { besideSocket } from "../control/run.ts";
import type { Serving } from "../control/serving.ts";
import type { HttpOptions, Step } from "./listener.ts";
import { pageOf } from "./page.ts";
import { type ServeOptions, type Server, serve } from "./server.ts";

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

/** An API that follows the configuration: `prepare` makes ready what a new one wants of it. */
export interface Opened extends Omit<Server, "prepare"> {
  prepare(configuration: Pick<Configuration, "api">): Promise<Step>;
}

/** Where a configuration wants HTTP; undefined: nowhere. */
function httpOf({ api }: Pick<Configuration, "api">, socket: string): HttpOptions | undefined {
  const address = api === undefined ? DEFAULT_HTTP : api.http;
  if (address === null) return undefined;
  const tokenFile = api?.["token-file"] ?? besideSocket(socket, "tokens");
  return { address, tokenFile, openForReading: false };
}

const pastOf = ({ api }: Pick<Configuration, "api">): number | null =>
  api === undefined ? PAST_BYTES : api.past;

/** Serves an appliance of a file. */
export async function openApi(
  serving: Serving,
  configuration: Pick<Configuration, "api">,
  options: OpenOptions,
): Promise<Opened> {
  const { socket, warn } = options;
  const wanted = { isWanted: configuration.api !== undefined, past: pastOf(configuration) };
  const { server, keeper } = await open(serving, httpOf(configuration, socket), options, wanted);
  return {
    socket: server.socket,
    get http(): string {
      return server.http;
    },
    close: () => server.close(),
    prepare: async (after) => {
      const http = httpOf(after, socket);
      const step = await server.prepare(http).catch((error: unknown) => {
        if (after.api !== undefined) throw error;
        tellNone(error, warn);
        return server.prepare(undefined);
      });
      const commit = async (): Promise<void> => {
        keeper.keep(http === undefined ? null : pastOf(after));
        await step.commit();
      };
      return { commit, undo: () => step.undo() };
    },
  };
}

/** Serves a lab: who is on this machine may read without a token; with none, nobody may change. */
export async function openLab(
  serving: Serving,
  options: OpenOptions & { readonly http?: string; readonly tokenFile?: string | undefined },
): Promise<Server> {
  const http: HttpOptions = {
    address: options.http ?? DEFAULT_HTTP,
    tokenFile: options.tokenFile ?? null,
    openForReading: true,
  };
  const isWanted = options.http !== undefined;
  return (await open(serving, http, options, { isWanted, past: PAST_BYTES })).server;
}

async function open(
  serving: Serving,
  http: HttpOptions | undefined,
  options: OpenOptions,
  { isWanted, past }: { readonly isWanted: boolean; readonly past: number | null },
): Promise<{ server: Server; keeper: Keeper }> {
  const keeper = new Keeper(serving);
  const all = optionsOf(serving, options, { page: pageOf() }, keeper);
  let server: Server;
  try {
    server = await serve(http === undefined ? all : withHttp(all, http));
    if (http !== undefined) keeper.keep(past);
  } catch (error) {
    // A socket that cannot be had fails again, and says so.
    if (isWanted) throw error;
    server = await serve(all);
    tellNone(error, options.warn);
  }
  const close = async (): Promise<void> => {
    keeper.close();
    await server.close();
  };
  const closing: Server = {
    socket: server.socket,
    get http(): string {
      return server.http;
    },
    prepare: (other) => server.prepare(other),
    close,
  };
  return { server: closing, keeper };
}

function tellNone(error: unknown, warn: (line: string) => void): void {
  const { what, why } = twoLines(error);
  warn(`linkloom: no HTTP: ${what}`);
  warn(`  ${why}`);
}

/** The same options, whose getters still ask what runs now. */
const withHttp = (all: ServeOptions, http: HttpOptions): ServeOptions =>
  Object.create(all, { http: { value: http, enumerable: true } }) as ServeOptions;

/** Keeps the past while HTTP is served; loaded when it begins, so that who does not serve does without. */
class Keeper {
  readonly #serving: Serving;
  #limit: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  past: Past | undefined;

  constructor(serving: Serving) {
    this.#serving = serving;
  }

  /** Keeps so many bytes from now on; null: none. What was kept stays where nothing changes. */
  keep(limit: number | null): void {
    if (limit === this.#limit) return;
    this.close();
    this.#limit = limit;
    if (limit === null) return;
    this.#timer = setTimeout(() => void this.#begin(limit), PAST_AFTER);
    this.#timer.unref();
  }

  async #begin(limit: number): Promise<void> {
    const { Past } = await import("../control/past.ts");
    if (this.#limit !== limit) return;
    this.past = new Past({ shown: this.#serving, limit });
    this.past.start();
  }

  close(): void {
    this.#limit = null;
    clearTimeout(this.#timer);
    this.past?.close();
    this.past = undefined;
  }
}

/** What the server works by: it still asks what runs now. */
function optionsOf(
  serving: Serving,
  { socket, group }: OpenOptions,
  more: Pick<ServeOptions, "http" | "page"> = {},
  keeper?: Keeper,
): ServeOptions {
  const { appliance, configurations, history, compatMetrics } = serving;
  return {
    ...{ socket, group, ...more },
    ...{ appliance, configurations, history, compatMetrics },
    get metrics(): boolean | undefined {
      return serving.metrics;
    },
    get configuration(): unknown {
      return serving.configuration;
    },
    get past(): Past | undefined {
      return keeper?.past;
    },
  };
}
