// The routes of the API: GET /api/v1/OBJECT for every object of `show`, and the changes. Errors are RFC 9457 problem
// documents. server.ts loads this with the first request: an appliance that nobody asks does without the framework.

import { Readable } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Actions, type Words } from "./actions.ts";
import { ControlError, ERROR_CODES, ERRORS, type ErrorCode } from "./errors.ts";
import { NdActions } from "./nd-actions.ts";
import type { ServeOptions } from "./server.ts";
import { type Query, type Row, show } from "./show.ts";

/** Longest request body: a static entry in words. */
const BODY_LIMIT = 65_536;

/** The API over a server that somebody else has opened. */
export function routes(options: ServeOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  const actions = new Actions(options.appliance);
  const nd = new NdActions(options.appliance);
  app.addHook("onSend", (_request, reply, payload, next) => {
    reply.header("linkloom-cores", String(options.appliance.config.cores.count));
    next(null, payload);
  });
  app.setErrorHandler((error, _request, reply) => problem(reply, error));
  app.setNotFoundHandler((request, reply) => {
    const what = `There is no ${request.method} ${request.url.split("?")[0]}`;
    problem(reply, new ControlError("not-found", what, "GET /api/v1/OBJECT shows an object"));
  });
  app.get<{ Params: { object: string } }>("/api/v1/:object", async (request, reply) => {
    const slices = show(options, request.params.object, query(request) as Query);
    const text = jsonText(slices[Symbol.asyncIterator]());
    // The first slice is made before the status goes out, so that a dead core is an error and not half a table.
    const first = await text.next();
    reply.type("application/json; charset=utf-8");
    return reply.send(Readable.from(resume(first, text)));
  });
  const body = (request: FastifyRequest): Words => (request.body ?? {}) as Words;
  app.post("/api/v1/arp", (request) => actions.addArp(body(request)));
  app.delete("/api/v1/arp", (request) => actions.clearArp(query(request)));
  app.delete<{ Params: { address: string } }>("/api/v1/arp/:address", (request) =>
    actions.removeArp({ ...query(request), address: request.params.address }),
  );
  app.post("/api/v1/arp/announce", (request) => actions.announce(body(request)));
  app.post("/api/v1/nd", (request) => nd.add(body(request)));
  app.delete("/api/v1/nd", (request) => nd.clear(query(request)));
  app.delete<{ Params: { address: string } }>("/api/v1/nd/:address", (request) =>
    nd.remove({ ...query(request), address: request.params.address }),
  );
  app.post("/api/v1/nd/announce", (request) => nd.announce(body(request)));
  app.post("/api/v1/bridge", (request) => actions.addStation(body(request)));
  app.delete("/api/v1/bridge", (request) => actions.clearStations(query(request)));
  app.delete<{ Params: { mac: string } }>("/api/v1/bridge/:mac", (request) =>
    actions.removeStation({ ...query(request), mac: request.params.mac }),
  );
  app.post("/api/v1/ping", (request) => actions.ping(body(request)));
  return app;
}

/** The words of the query; each once. */
function query(request: FastifyRequest): Words {
  const words = request.query as Words;
  const twice = Object.keys(words).find((word) => typeof words[word] !== "string");
  if (twice === undefined) return words;
  throw new ControlError("value-invalid", `"${twice}" is given more than once`, "give it once");
}

/** An iteration whose first step was taken already. */
async function* resume<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** A JSON array, written slice by slice; ends with an error when a core fails on the way. */
async function* jsonText(slices: AsyncIterator<Row[]>): AsyncGenerator<string> {
  let separator = "[";
  for (let step = await slices.next(); step.done !== true; step = await slices.next()) {
    if (step.value.length === 0) continue;
    const text = JSON.stringify(step.value);
    yield separator + text.slice(1, -1);
    separator = ",\n";
  }
  yield separator === "[" ? "[]\n" : "]\n";
}

/** RFC 9457, with our code and hint. */
function problem(reply: FastifyReply, error: unknown): void {
  const known = error as { code?: string; hint?: string; statusCode?: number; message?: string };
  const isOurs = (ERROR_CODES as readonly string[]).includes(known.code ?? "");
  const client =
    known.statusCode !== undefined && known.statusCode >= 400 && known.statusCode < 500;
  const code: ErrorCode = isOurs
    ? (known.code as ErrorCode)
    : client
      ? "usage"
      : "operation-failed";
  const status = isOurs ? ERRORS[code].status : (known.statusCode ?? 500);
  void reply
    .code(status)
    .type("application/problem+json")
    .send({
      type: `urn:linkloom:error:${code}`,
      title: ERRORS[code].meaning,
      status,
      detail: known.message ?? String(error),
      code,
      hint: known.hint ?? "",
    });
}
