// Serves the API: on the control socket, whose file says who may use it, and on HTTP with tokens, on loopback unless
// the configuration says otherwise. The framework is loaded with the first request that passes the gate: an appliance
// that nobody asks does without it.

import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { isIP } from "node:net";
import type { FastifyInstance } from "fastify";
import { listenOnSocket, removeSocket } from "../control/control-socket.ts";
import { ControlError, errnoOf } from "../control/errors.ts";
import type { Serving } from "../control/serving.ts";
import { Gate } from "./gate.ts";
import { sendProblem } from "./problem.ts";
import { openTokens } from "./tokens.ts";

/** Connections at once, and how long a request may take to arrive. Our choice: an operator and a few scrapers. */
const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT = 30_000;
/** How long a kept connection waits for its next request. */
const KEEP_ALIVE = 10_000;

export interface HttpOptions {
  /** "127.0.0.1:7474", "[::1]:7474". */
  readonly address: string;
  /** Where the tokens are, or are made; null: none is taken. */
  readonly tokenFile: string | null;
  /** The lab: who has no token may read. */
  readonly openForReading: boolean;
}

export interface ServeOptions extends Serving {
  readonly socket: string;
  /** A group that may use the socket too, by name or number; else only the owner may. */
  readonly group?: string | undefined;
  readonly http?: HttpOptions | undefined;
  /** Answers what is no API: the page. False when there is no such thing. */
  readonly page?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

export interface Server {
  readonly socket: string;
  /** "http://127.0.0.1:7474", or "" without HTTP. */
  readonly http: string;
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves the API until `close`. Refuses when somebody listens already. */
export async function serve(options: ServeOptions): Promise<Server> {
  let app: Promise<FastifyInstance> | undefined;
  const handle = (gate: Gate | undefined): Handler => {
    return (request, response) => {
      const isHead = request.method === "HEAD";
      if (gate !== undefined && options.page?.(request, response) === true) return;
      const refusal = gate?.refuses(request);
      if (refusal !== undefined) {
        // Whoever sends a long body to a closed door must not be read.
        if (request.headers["content-length"] !== undefined) response.shouldKeepAlive = false;
        sendProblem(response, refusal, isHead);
        return;
      }
      app ??= openRoutes(options);
      app.then(
        (ready) => ready.routing(request, response),
        (error: Error) => response.destroy(error),
      );
    };
  };
  const onSocket = makeServer(handle(undefined));
  const socket = await listenOnSocket(onSocket, options.socket, options.group);
  let onHttp: { server: HttpServer; url: string } | undefined;
  try {
    if (options.http !== undefined) onHttp = await openHttp(options.http, handle);
  } catch (error) {
    onSocket.close();
    removeSocket(socket);
    throw error;
  }
  return {
    socket,
    http: onHttp?.url ?? "",
    close: async () => {
      for (const server of [onSocket, onHttp?.server]) {
        server?.close();
        server?.closeAllConnections();
      }
      await (await app)?.close();
      removeSocket(socket);
    },
  };
}

function makeServer(handler: Handler): HttpServer {
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

async function openHttp(
  options: HttpOptions,
  handle: (gate: Gate) => Handler,
): Promise<{ server: HttpServer; url: string }> {
  const { address, tokenFile } = options;
  const { host, port } = splitAddress(address);
  const gate = new Gate({
    tokens: tokenFile === null ? null : openTokens(tokenFile),
    openForReading: options.openForReading && isLoopback(address),
    host: host.toLowerCase(),
    now: () => performance.now(),
  });
  if (tokenFile === null && !(options.openForReading && isLoopback(address))) {
    throw new ControlError("usage", `${address} is served to nobody`, "name a token file");
  }
  const server = makeServer(handle(gate));
  await new Promise<void>((listening, failed) => {
    server.once("error", (error) => failed(listenError(address, error)));
    server.listen(port, host, listening);
  });
  const bound = server.address();
  const real = typeof bound === "object" && bound !== null ? bound.port : port;
  return { server, url: `http://${address.replace(/:\d+$/, "")}:${real}` };
}

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

/** Loads the framework: some twenty megabytes that an appliance need not have until somebody asks. */
async function openRoutes(options: ServeOptions): Promise<FastifyInstance> {
  const { routes } = await import("./routes.ts");
  const app = routes(options);
  await app.ready();
  return app;
}
