// The routes of the API: GET /api/v1/OBJECT for every object of `show`, the operations of control/operations.ts, the
// stream of events, the OpenAPI document, metrics. server.ts loads this with the first request that may pass.

import { Readable } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Words } from "../control/actions.ts";
import { ControlError } from "../control/errors.ts";
import { LATER_OBJECTS, OBJECTS } from "../control/objects.ts";
import { OPERATIONS, type Operation } from "../control/operations.ts";
import { PAST_NAMES } from "../control/past-list.ts";
import { iso, momentOf, readAt } from "../control/past-view.ts";
import type { Serving } from "../control/serving.ts";
import { type Query, type Row, show } from "../control/show.ts";
import { eventStream } from "./events.ts";
import { type Handler, handlersOf } from "./handlers.ts";
import { problemHeaders, problemOf, SAFE } from "./problem.ts";
import { Streams } from "./streams.ts";

/** Longest body of a change: a static entry in words; and of a configuration: a hundred thousand routes are 5 MB. */
const BODY_LIMIT = 65_536;
const YAML_LIMIT = 16 * 1024 * 1024;
/** Longest name or address in a path. */
const PARAM_LIMIT = 256;

/** The API over a server that somebody else has opened. */
export function routes(serving: Serving, streams: Streams = new Streams()): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PARAM_LIMIT },
    // What is wrong with a URL itself is told as everything else is.
    frameworkErrors: (error, _request, reply) => problem(reply, error),
  });
  // Text would be read as a body of its own kind; a configuration is YAML and nothing else.
  app.removeContentTypeParser("text/plain");
  for (const type of ["application/yaml", "application/x-yaml", "text/yaml"]) {
    app.addContentTypeParser(
      type,
      { parseAs: "string", bodyLimit: YAML_LIMIT },
      (_request, text, done) => done(null, { yaml: text }),
    );
  }
  app.addHook("onSend", (_request, reply, payload, next) => {
    reply.header("linkloom-cores", String(serving.appliance.config.cores.count));
    reply.headers(SAFE);
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    next(null, payload);
  });
  app.addHook("onClose", () => streams.close());
  app.setErrorHandler((error, _request, reply) => problem(reply, error));
  addObjects(app, serving, streams);
  addOperations(app, serving, streams);
  addDocuments(app, serving);
  app.setNotFoundHandler((request, reply) => notFound(request, reply));
  return app;
}

/** Paths that exist, with their methods: for 405 and its Allow (RFC 9110 15.5.6). */
const KNOWN: readonly { pattern: RegExp; method: string }[] = [
  ...[...OBJECTS.map(({ name }) => `api/v1/${name}`), "api/v1", "api/v1/openapi.json"],
  "api/v1/config.schema.json",
  "metrics",
  "healthz",
]
  .map((path) => ({ pattern: new RegExp(`^/${path}/?$`), method: "GET" }))
  .concat(
    OPERATIONS.map(({ path, method }) => ({
      pattern: new RegExp(`^/api/v1/${path.replaceAll(/:[a-z]+/g, "[^/]+")}$`),
      method,
    })),
  );

function notFound(request: FastifyRequest, reply: FastifyReply): void {
  const [path = ""] = request.url.split("?");
  const methods = new Set(
    KNOWN.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method),
  );
  if (methods.size === 0) {
    const what = `There is no ${request.method} ${path}`;
    problem(reply, new ControlError("not-found", what, "GET /api/v1 lists what there is"));
    return;
  }
  if (methods.has("GET")) methods.add("HEAD");
  const allowed = [...methods].sort().join(", ");
  reply.header("allow", allowed);
  const what = `${request.method} is no method of ${path}`;
  problem(reply, new ControlError("method-not-allowed", what, `there are ${allowed}`));
}

function addObjects(app: FastifyInstance, serving: Serving, streams: Streams): void {
  const later = LATER_OBJECTS.map((name) => ({ name }));
  for (const { name } of [...OBJECTS, ...later]) {
    app.route({
      method: ["GET", "HEAD"],
      url: `/api/v1/${name}`,
      handler: async (request, reply) => {
        if (name === "events" && wantsEvents(request)) {
          return eventStream(request, reply, serving.appliance, streams, query(request));
        }
        const words = thenWords(serving, name, query(request) as Query, reply);
        return sendRows(request, reply, show(serving, name, words));
      },
    });
  }
}

/** A query of the past: its moment is settled here, and the answer says when its rows were read. */
function thenWords(serving: Serving, name: string, words: Query, reply: FastifyReply): Query {
  const { at } = words;
  if (at === undefined || !PAST_NAMES.includes(name)) return words;
  const time = momentOf(serving.past, at);
  reply.header("linkloom-at", iso(readAt(serving.past, name, time)));
  return { ...words, at: iso(time) };
}

const wantsEvents = (request: FastifyRequest): boolean =>
  /\btext\/event-stream\b/.test(request.headers.accept ?? "");

async function sendRows(
  request: FastifyRequest,
  reply: FastifyReply,
  slices: AsyncIterable<Row[]>,
): Promise<FastifyReply> {
  const text = jsonText(slices[Symbol.asyncIterator]());
  // The first slice is made before the status goes out, so that a dead core is an error and not half a table.
  const first = await text.next();
  reply.type("application/json; charset=utf-8");
  if (request.method === "HEAD") {
    await text.return(undefined);
    return reply.send("");
  }
  return reply.send(Readable.from(resume(first, text)));
}

function addOperations(app: FastifyInstance, serving: Serving, streams: Streams): void {
  const handlers = handlersOf(serving);
  for (const operation of OPERATIONS) {
    const handler = handlers[operation.id];
    if (handler === undefined) continue;
    app.route({
      method: operation.method,
      url: `/api/v1/${operation.path}`,
      bodyLimit: operation.yaml === true ? YAML_LIMIT : BODY_LIMIT,
      handler: (request, reply) => operate(operation, handler, request, reply, streams),
    });
  }
}

async function operate(
  operation: Operation,
  handler: Handler,
  request: FastifyRequest,
  reply: FastifyReply,
  streams: Streams,
): Promise<unknown> {
  const by = request.raw.socket.remoteAddress === undefined ? "the socket" : "HTTP";
  const answer = handler({
    words: wordsOf(operation, request),
    text: textOf(operation, request),
    by,
  });
  if (!(answer instanceof Readable)) return answer;
  streams.open(
    reply.raw,
    () => answer.destroy(),
    () => answer.push(null),
  );
  reply.type(operation.stream ?? "application/octet-stream");
  return reply.send(answer);
}

/** The configuration that a request carries. */
function textOf(operation: Operation, request: FastifyRequest): string {
  if (operation.yaml !== true) return "";
  const { yaml } = (request.body ?? {}) as { yaml?: unknown };
  if (typeof yaml === "string") return yaml;
  throw new ControlError("media-type", "The body is no YAML", "send it as application/yaml");
}

/** Words of the path, the query and the body; each may say only what its operation knows there. */
function wordsOf(operation: Operation, request: FastifyRequest): Words {
  const given: Record<string, unknown> = {};
  const { body } = request;
  if (operation.yaml !== true && body !== undefined && body !== null) {
    if (typeof body !== "object" || Array.isArray(body) || "yaml" in body) {
      throw new ControlError("media-type", "The body is no JSON object", "send application/json");
    }
  }
  const fromBody = operation.yaml === true ? {} : ((body ?? {}) as Words);
  const sources = { path: request.params as Words, query: query(request), body: fromBody };
  for (const [place, words] of Object.entries(sources)) {
    const known = operation.parameters.filter((one) => one.in === place).map(({ name }) => name);
    for (const [word, value] of Object.entries(words)) {
      if (!known.includes(word)) {
        const hint = known.length === 0 ? "there is none" : `there are ${known.join(", ")}`;
        throw new ControlError("value-invalid", `"${word}" is not known here`, hint);
      }
      if (typeof value === "object" && value !== null) {
        throw new ControlError("value-invalid", `"${word}" is no single value`, "write one word");
      }
      given[word] = value;
    }
  }
  return given;
}

function addDocuments(app: FastifyInstance, serving: Serving): void {
  const json = async (reply: FastifyReply, make: () => Promise<string>): Promise<FastifyReply> =>
    reply.type("application/json; charset=utf-8").send(await make());
  const method = ["GET", "HEAD"];
  app.route({
    method,
    url: "/api/v1",
    handler: (_request, reply) =>
      json(reply, async () =>
        JSON.stringify({
          objects: OBJECTS,
          later: LATER_OBJECTS,
          operations: OPERATIONS,
          past: PAST_NAMES,
        }),
      ),
  });
  app.route({
    method,
    url: "/api/v1/openapi.json",
    handler: async (_request, reply) => {
      const { document } = await import("./documents.ts");
      return json(reply, () => document("openapi"));
    },
  });
  app.route({
    method,
    url: "/api/v1/config.schema.json",
    handler: async (_request, reply) => {
      const { document } = await import("./documents.ts");
      return json(reply, () => document("configuration"));
    },
  });
  app.route({
    method,
    url: "/healthz",
    handler: async (_request, reply) => {
      const cores = serving.appliance.cores();
      const well = cores.every(({ state }) => state === "online");
      return reply.code(well ? 200 : 503).send({ status: well ? "ok" : "failed" });
    },
  });
  app.route({
    method,
    url: "/metrics",
    handler: async (_request, reply) => {
      if (serving.metrics === false) {
        const hint = "write api: {metrics: true}";
        throw new ControlError("not-found", "Metrics are switched off", hint);
      }
      const { metricsText } = await import("./metrics.ts");
      const { type, text } = await metricsText(serving);
      return reply.type(type).send(text);
    },
  });
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

function problem(reply: FastifyReply, error: unknown): void {
  const document = problemOf(error);
  void reply.code(document.status).headers(problemHeaders(document)).send(JSON.stringify(document));
}
