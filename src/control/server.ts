// The API on the control socket: /api/v1/OBJECT for every object of `show`, and the changes. HTTP over a Unix socket
// that only its owner (or one group) may open, so there is no token. Errors are RFC 9457 problem documents.

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  unlinkSync,
} from "node:fs";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Actions, type Words } from "./actions.ts";
import { ControlError, ERROR_CODES, ERRORS, type ErrorCode, errnoOf } from "./errors.ts";
import { type Query, type Row, type Shown, show } from "./show.ts";

/** Longest request body: a static entry in words. */
const BODY_LIMIT = 65_536;
/** sun_path of unix(7) holds 108 bytes with its end. */
const PATH_LIMIT = 107;

export interface ServeOptions extends Shown {
  readonly socket: string;
  /** A group that may use the socket too, by name or number; else only the owner may. */
  readonly group?: string | undefined;
}

export interface Server {
  readonly socket: string;
  close(): Promise<void>;
}

/** Serves the API until `close`. Refuses when somebody listens on the socket already. */
export async function serve(options: ServeOptions): Promise<Server> {
  const socket = resolve(options.socket);
  const gid = options.group === undefined ? undefined : groupId(options.group);
  const app = routes(options);
  await listen(app, socket, gid);
  return {
    socket,
    close: async () => {
      await app.close();
      if (existsSync(socket)) unlinkSync(socket);
    },
  };
}

/** Makes sure that the socket can be had: nobody listens, and a leftover of a dead process is gone. */
export async function claimSocket(path: string): Promise<void> {
  const socket = resolve(path);
  if (Buffer.byteLength(socket) > PATH_LIMIT) {
    const hint = `a socket's path has at most ${PATH_LIMIT} bytes: name a shorter one by --socket`;
    throw new ControlError("socket-failed", `Cannot listen on ${socket}`, hint);
  }
  const file = lstatSync(socket, { throwIfNoEntry: false });
  if (file === undefined) return;
  if (!file.isSocket()) {
    const hint = "it is a file of another kind: name another path by --socket";
    throw new ControlError("socket-failed", `Cannot listen on ${socket}`, hint);
  }
  const answer = await new Promise<string>((tell) => {
    const client = connect(socket);
    client.once("connect", () => tell(""));
    client.once("error", (error) => tell(errnoOf(error)));
    client.once("close", () => client.destroy());
    client.unref();
    setTimeout(() => tell("ETIMEDOUT"), 1000).unref();
  });
  // Only a refused connection proves that nobody is behind it.
  if (answer === "ECONNREFUSED") {
    unlinkSync(socket);
    return;
  }
  if (answer === "ENOENT") return;
  const inUse = answer === "" || answer === "ETIMEDOUT";
  throw new ControlError(
    inUse ? "socket-in-use" : "socket-failed",
    inUse ? `An appliance listens on ${socket} already` : `Cannot listen on ${socket}: ${answer}`,
    inUse
      ? "stop it, or name another socket by --socket"
      : "remove the file, or name another by --socket",
  );
}

async function listen(
  app: FastifyInstance,
  socket: string,
  gid: number | undefined,
): Promise<void> {
  const mask = process.umask(0o177);
  try {
    mkdirSync(dirname(socket), { recursive: true, mode: 0o755 });
    await claimSocket(socket);
    await app.listen({ path: socket });
    if (gid !== undefined) {
      chownSync(socket, process.getuid?.() ?? 0, gid);
      chmodSync(socket, 0o660);
    }
  } catch (error) {
    await app.close();
    throw error instanceof ControlError ? error : listenError(socket, error);
  } finally {
    process.umask(mask);
  }
}

function listenError(socket: string, cause: unknown): ControlError {
  const errno = errnoOf(cause);
  const denied = errno === "EACCES" || errno === "EPERM";
  const hint = denied ? "name a socket that you may make, by --socket" : "name another by --socket";
  const code = denied ? "not-permitted" : "socket-failed";
  return new ControlError(code, `Cannot listen on ${socket}: ${errno || String(cause)}`, hint, {
    cause,
  });
}

/** A group's number, by number or by its name in /etc/group. */
function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${group}:`));
  const gid = Number(line?.split(":")[2]);
  if (Number.isInteger(gid)) return gid;
  throw new ControlError(
    "value-invalid",
    `There is no group "${group}"`,
    "name one of /etc/group, or its number",
  );
}

function routes(options: ServeOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  const actions = new Actions(options.appliance);
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
