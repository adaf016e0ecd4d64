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
import { createServer, type Server as HttpServer } from "node:http";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import type { FastifyInstance } from "fastify";
import { ControlError, errnoOf } from "./errors.ts";
import type { Shown } from "./show.ts";

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
  let app: Promise<FastifyInstance> | undefined;
  const server = createServer((request, response) => {
    app ??= openRoutes(options);
    app.then(
      (ready) => ready.routing(request, response),
      (error: Error) => response.destroy(error),
    );
  });
  await listen(server, socket, gid);
  return {
    socket,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await (await app)?.close();
      if (existsSync(socket)) unlinkSync(socket);
    },
  };
}

/** Loads the framework: some twenty megabytes that an appliance need not have until somebody asks. */
async function openRoutes(options: ServeOptions): Promise<FastifyInstance> {
  const { routes } = await import("./routes.ts");
  const app = routes(options);
  await app.ready();
  return app;
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

async function listen(server: HttpServer, socket: string, gid: number | undefined): Promise<void> {
  const mask = process.umask(0o177);
  try {
    mkdirSync(dirname(socket), { recursive: true, mode: 0o755 });
    await claimSocket(socket);
    await new Promise<void>((listening, failed) => {
      server.once("error", failed).listen(socket, listening);
    });
    if (gid !== undefined) {
      chownSync(socket, process.getuid?.() ?? 0, gid);
      chmodSync(socket, 0o660);
    }
  } catch (error) {
    server.close();
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
