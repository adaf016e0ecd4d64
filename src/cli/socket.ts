// Where the control socket is: --socket, else $LINKLOOM_SOCKET, else /run/linkloom/control.sock, else
// $XDG_RUNTIME_DIR/linkloom.sock.

import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";

const SYSTEM = "/run/linkloom/control.sock";

function userSocket(): string | undefined {
  const directory = process.env["XDG_RUNTIME_DIR"];
  return directory === undefined || directory === "" ? undefined : `${directory}/linkloom.sock`;
}

/** The sockets that a client tries, in their order. */
export function clientSockets(named: string | undefined): string[] {
  const one = named ?? process.env["LINKLOOM_SOCKET"];
  if (one !== undefined && one !== "") return [one];
  const user = userSocket();
  return user === undefined ? [SYSTEM] : [SYSTEM, user];
}

/** The socket that a new appliance makes: the system's where it may, else the user's. */
export function serverSocket(named: string | undefined): string {
  const one = named ?? process.env["LINKLOOM_SOCKET"];
  if (one !== undefined && one !== "") return one;
  const user = userSocket();
  return user === undefined || mayWrite(dirname(SYSTEM)) ? SYSTEM : user;
}

/** True when a file can be made in the directory, or the directory itself. */
function mayWrite(directory: string): boolean {
  const place = existsSync(directory) ? directory : dirname(directory);
  try {
    accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
