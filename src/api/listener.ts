// Where HTTP is: one listener with its gate. A reload may put it elsewhere or give it other tokens: the new one is open
// before the old one ends, the old one's answers under way are finished, and its streams end as streams do. What cannot
// be opened leaves everything as it was.

import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { isIP } from "node:net";
import { ControlError, errnoOf } from "../control/errors.ts";
import { Gate } from "./gate.ts";
import { openTokens } from "./tokens.ts";

/** Connections at once, and how long a request may take to arrive. Our choice: an operator and a few scrapers. */
const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT = 30_000;
/** How long a kept connection waits for its next request. */
const KEEP_ALIVE = 10_000;
/** How long answers of a listener that is closed may take to their end. Our choice: a table of 65,536 rows in time. */
const LAST_WORDS = 5000;

export interface HttpOptions {
  /** "127.0.0.1:7474", "[::1]:7474". */
  readonly address: string;
  /** Where the tokens are, or are made; null: none is taken. */
  readonly tokenFile: string | null;
  /** The lab: who has no token may read. */
  readonly openForReading: boolean;
}

/** Answers a request that came through a gate; the socket of the machine has none. */
export type Handler = (
  gate: Gate | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) => void;

/** A step that is ready: to be kept, or to be taken back. */
export interface Step {
  commit(): Promise<void>;
  undo(): Promise<void>;
}

export function makeServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): HttpServer {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT, keepAliveTimeout: KEEP_ALIVE },
    handler,
  );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

/** The host and the port of "127.0.0.1:7474" or "[::1]:7474". */
function splitAddress(address: string): { host: string; port: number } {
  const [, six, name = "", port = ""] = /^(?:\[([^\]]+)\]|(.+)):(\d+)$/.exec(address) ?? [];
  return { host: six ?? name, port: Number(port) };
}

/** True for an address that only this machine reaches. */
export function isLoopback(address: string): boolean {
  const { host } = splitAddress(address);
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function gateOf({ address, tokenFile, openForReading }: HttpOptions): Gate {
  const isOpen = openForReading && isLoopback(address);
  if (tokenFile === null && !isOpen) {
    throw new ControlError("usage", `${address} is served to nobody`, "name a token file");
  }
  return new Gate({
    tokens: tokenFile === null ? null : openTokens(tokenFile),
    openForReading: isOpen,
    host: splitAddress(address).host.toLowerCase(),
    now: () => performance.now(),
  });
}

async function listen(server: HttpServer, address: string): Promise<void> {
  const { host, port } = splitAddress(address);
  await new Promise<void>((listening, failed) => {
    const refuse = (error: Error): void => failed(listenError(address, error));
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      listening();
    });
  });
}

/** Takes no more connections; resolves when the port is free, with those that are open still at work. */
function unlisten(server: HttpServer): void {
  if (server.listening) server.close();
  server.closeIdleConnections();
}

/** One place where HTTP is. */
class Place {
  readonly options: HttpOptions;
  readonly server: HttpServer;
  gate: Gate;

  constructor(options: HttpOptions, handler: Handler) {
    this.options = options;
    this.gate = gateOf(options);
    this.server = makeServer((request, response) => handler(this.gate, request, response));
  }

  get url(): string {
    const bound = this.server.address();
    const { address } = this.options;
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    return `http://${address.replace(/:\d+$/, "")}:${port}`;
  }
}

export class Listener {
  readonly #handler: Handler;
  /** Ends the streams that a server's clients have open, as streams end. */
  readonly #endStreams: (server: HttpServer) => void;
  #place: Place | undefined;

  constructor(handler: Handler, endStreams: (server: HttpServer) => void) {
    this.#handler = handler;
    this.#endStreams = endStreams;
  }

  /** "http://127.0.0.1:7474", or "" without HTTP. */
  get url(): string {
    return this.#place?.url ?? "";
  }

  async open(options: HttpOptions): Promise<void> {
    const place = new Place(options, this.#handler);
    await listen(place.server, options.address);
    this.#place = place;
  }

  /** Makes ready what is wanted from now on; rejects with everything as it was. */
  async prepare(wanted: HttpOptions | undefined): Promise<Step> {
    const old = this.#place;
    if (wanted === undefined) return this.#step(old, undefined);
    if (old !== undefined && wanted.address === old.options.address) {
      return this.#otherGate(old, wanted);
    }
    const place = new Place(wanted, this.#handler);
    try {
      await listen(place.server, wanted.address);
    } catch (error) {
      // The old one may be what is in the way: all addresses and one of them share a port.
      if (old === undefined || !sharesPort(old.options.address, wanted.address)) throw error;
      if (!(await this.#inItsPlace(old, place))) throw error;
    }
    return this.#step(old, place);
  }

  /** The same place with its file of tokens read anew: who has an old token must show another. */
  #otherGate(place: Place, wanted: HttpOptions): Step {
    const { gate } = place;
    const next = gateOf(wanted);
    const isOther = wanted.tokenFile !== place.options.tokenFile;
    return {
      commit: () => {
        place.gate = next;
        if (isOther) this.#endStreams(place.server);
        return Promise.resolve();
      },
      undo: () => {
        place.gate = gate;
        return Promise.resolve();
      },
    };
  }

  /** Lets the old one go first; false with the old one back. */
  async #inItsPlace(old: Place, place: Place): Promise<boolean> {
    unlisten(old.server);
    const isOpen = await listen(place.server, place.options.address).then(
      () => true,
      () => false,
    );
    if (!isOpen) await listen(old.server, old.options.address);
    return isOpen;
  }

  #step(old: Place | undefined, next: Place | undefined): Step {
    this.#place = next;
    return {
      commit: () => {
        if (old !== undefined) this.#retire(old);
        return Promise.resolve();
      },
      undo: async () => {
        this.#place = old;
        if (next !== undefined) this.#retire(next);
        if (old !== undefined && !old.server.listening) {
          await listen(old.server, old.options.address);
        }
      },
    };
  }

  /** Whoever asked is answered, streams end, and then nobody is left. */
  #retire({ server }: Place): void {
    this.#endStreams(server);
    unlisten(server);
    setTimeout(() => server.closeAllConnections(), LAST_WORDS).unref();
  }

  close(): void {
    this.#place?.server.close();
    this.#place?.server.closeAllConnections();
  }
}

const sharesPort = (one: string, other: string): boolean =>
  splitAddress(one).port === splitAddress(other).port;

function listenError(address: string, cause: unknown): ControlError {
  const errno = errnoOf(cause);
  const hint =
    errno === "EADDRINUSE"
      ? 'another program has it: name another by api: {http: "127.0.0.1:PORT"}, or null for none'
      : 'name another by api: {http: "HOST:PORT"}, or null for none';
  return new ControlError("socket-failed", `Cannot listen on ${address}: ${errno}`, hint, {
    cause,
  });
}
