// The command line's side of the control socket: one HTTP request per command, errors in the words of the server.

import { request } from "node:http";
import {
  ConfigError,
  ControlError,
  ERROR_CODES,
  type ErrorCode,
  errnoOf,
  type Fault,
} from "../control/errors.ts";
import { clientSockets } from "./socket.ts";

export interface Answer {
  readonly body: string;
  /** Cores of the appliance that answered. */
  readonly cores: number;
  /** When the rows were read, where the past was asked for; else "". */
  readonly at: string;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below /api/v1/. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** A configuration, instead of a body; its faults are told by the name of its file. */
  readonly yaml?: string;
  readonly file?: string;
}

/** Asks the appliance; `socket` is what --socket said. Throws a ControlError for whatever is not success. */
export async function ask(socket: string | undefined, call: Call): Promise<Answer> {
  const chunks: Buffer[] = [];
  const head = await onSocket(socket, (path) =>
    exchange(path, call, undefined, (chunk) => {
      chunks.push(chunk);
      return Promise.resolve();
    }),
  );
  return { body: Buffer.concat(chunks).toString("utf8"), ...head };
}

/** Follows an answer that does not end by itself; `each` gets it piece by piece, the next when it is done. */
export async function follow(
  socket: string | undefined,
  call: Call,
  signal: AbortSignal,
  each: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  await onSocket(socket, (path) => exchange(path, call, signal, each));
}

async function onSocket<T>(
  socket: string | undefined,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const sockets = clientSockets(socket);
  for (const path of sockets) {
    try {
      return await work(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT" || errno === "ECONNREFUSED") continue;
      if (errno === "EACCES" || errno === "EPERM") throw denied(path, error);
      if (errno === "") throw error;
      throw broken(path, errno, error);
    }
  }
  const hint = "start one by: linkloom run -c FILE, or name its socket by --socket";
  throw new ControlError("no-appliance", `No appliance answers on ${sockets.join(" or ")}`, hint);
}

const denied = (path: string, cause: unknown): ControlError =>
  new ControlError(
    "not-permitted",
    `Cannot open ${path}`,
    "run as the user that runs the appliance",
    { cause },
  );

const broken = (path: string, errno: string, cause: unknown): ControlError =>
  new ControlError(
    "no-appliance",
    `The appliance on ${path} broke off: ${errno}`,
    "it may have stopped",
    { cause },
  );

const NOTHING: Omit<Answer, "body"> = { cores: 0, at: "" };

function exchange(
  socketPath: string,
  call: Call,
  signal: AbortSignal | undefined,
  each: (chunk: Buffer) => Promise<void>,
): Promise<Omit<Answer, "body">> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) query.set(key, value);
  }
  const path = `/api/v1/${call.path}${query.size > 0 ? `?${query}` : ""}`;
  const text = call.yaml ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  const type = call.yaml === undefined ? "application/json" : "application/yaml";
  const headers = text === undefined ? {} : { "content-type": type };
  return new Promise((resolve, reject) => {
    const options = { socketPath, path, method: call.method, headers };
    const asked = request(options, (response) => {
      const read = async (): Promise<void> => {
        const good = (response.statusCode ?? 500) < 400;
        const chunks: Buffer[] = [];
        for await (const chunk of response as AsyncIterable<Buffer>) {
          if (good) await each(chunk);
          else chunks.push(chunk);
        }
        if (!good) throw problemError(Buffer.concat(chunks).toString("utf8"), call.file);
        const { "linkloom-cores": cores = 0, "linkloom-at": at = "" } = response.headers;
        resolve({ cores: Number(cores), at: String(at) });
      };
      read().catch((error: unknown) =>
        signal?.aborted === true ? resolve(NOTHING) : reject(error),
      );
    });
    signal?.addEventListener("abort", () => asked.destroy(), { once: true });
    asked.on("error", (error) => (signal?.aborted === true ? resolve(NOTHING) : reject(error)));
    asked.end(text);
  });
}

/** The server's problem document as an error. */
function problemError(body: string, file: string | undefined): ControlError {
  try {
    const { code, detail, hint, faults } = JSON.parse(body) as Record<string, string> & {
      faults?: readonly Fault[];
    };
    if (file !== undefined && faults !== undefined) return new ConfigError(file, faults);
    const known = (ERROR_CODES as readonly string[]).includes(code ?? "");
    return new ControlError(
      known ? (code as ErrorCode) : "operation-failed",
      detail ?? body,
      hint ?? "",
    );
  } catch (cause) {
    const hint = "is it another program's socket?";
    return new ControlError("operation-failed", `Unknown answer: ${body.slice(0, 80)}`, hint, {
      cause,
    });
  }
}
