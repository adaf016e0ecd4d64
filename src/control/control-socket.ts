// The control socket's file: whether it can be had, and how it is made so that its owner alone (or one group) may open
// it. unix(7).

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  unlinkSync,
} from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import { ControlError, errnoOf } from "./errors.ts";

/** sun_path of unix(7) holds 108 bytes with its end. */
const PATH_LIMIT = 107;

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

/** Listens on the socket: 0600, or 0660 when a group (by name or number) may use it too. Returns its whole path. */
export async function listenOnSocket(
  server: Server,
  path: string,
  group: string | undefined,
): Promise<string> {
  const socket = resolve(path);
  const gid = group === undefined ? undefined : groupId(group);
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
    return socket;
  } catch (error) {
    server.close();
    throw error instanceof ControlError ? error : listenError(socket, error);
  } finally {
    process.umask(mask);
  }
}

/** Removes the socket's file. */
export function removeSocket(socket: string): void {
  if (existsSync(socket)) unlinkSync(socket);
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
