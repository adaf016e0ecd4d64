// Serves the API: on the control socket, whose file says who may use it, and on HTTP with tokens, on loopback unless
// the configuration says otherwise. The framework is loaded with the first request that passes the gate: an appliance
// that nobody asks does without it.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { listenOnSocket, removeSocket } from "../control/control-socket.ts";
import type { Serving } from "../control/serving.ts";
import { type Handler, type HttpOptions, Listener, makeServer, type Step } from "./listener.ts";
import { sendProblem } from "./problem.ts";
import { Streams } from "./streams.ts";

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
  /** Makes ready another place for HTTP, or none; rejects with everything as it was. */
  prepare(http: HttpOptions | undefined): Promise<Step>;
  close(): Promise<void>;
}

/** Serves the API until `close`. Refuses when somebody listens already. */
export async function serve(options: ServeOptions): Promise<Server> {
  let app: Promise<FastifyInstance> | undefined;
  const streams = new Streams();
  const handle: Handler = (gate, request, response) => {
    const isHead = request.method === "HEAD";
    if (gate !== undefined && options.page?.(request, response) === true) return;
    const refusal = gate?.refuses(request);
    if (refusal !== undefined) {
      // Whoever sends a long body to a closed door must not be read.
      if (request.headers["content-length"] !== undefined) response.shouldKeepAlive = false;
      sendProblem(response, refusal, isHead);
      return;
    }
    app ??= openRoutes(options, streams);
    app.then(
      (ready) => ready.routing(request, response),
      (error: Error) => response.destroy(error),
    );
  };
  const onSocket = makeServer((request, response) => handle(undefined, request, response));
  const socket = await listenOnSocket(onSocket, options.socket, options.group);
  const listener = new Listener(handle, (server) => streams.endOf(server));
  try {
    if (options.http !== undefined) await listener.open(options.http);
  } catch (error) {
    onSocket.close();
    removeSocket(socket);
    throw error;
  }
  return {
    socket,
    get http(): string {
      return listener.url;
    },
    prepare: (http) => listener.prepare(http),
    close: async () => {
      onSocket.close();
      onSocket.closeAllConnections();
      listener.close();
      await (await app)?.close();
      removeSocket(socket);
    },
  };
}

/** Loads the framework: some twenty megabytes that an appliance need not have until somebody asks. */
async function openRoutes(options: ServeOptions, streams: Streams): Promise<FastifyInstance> {
  const { routes } = await import("./routes.ts");
  const app = routes(options, streams);
  await app.ready();
  return app;
}
