// Words to the service manager (sd_notify(3)): one datagram to the Unix socket that NOTIFY_SOCKET names. Node.js has no
// datagrams on Unix sockets, so the call is made here.

import * as c from "./constants.ts";
import * as sys from "./ffi.ts";

/** struct sockaddr_un (unix(7)): the family, then at most 108 bytes of path. */
const PATH_AT = 2;
const PATH_ROOM = 108;

/** Sends lines of NAME=VALUE to the socket at `path` ("@name": abstract); false when nobody takes them. */
export function notify(path: string, lines: readonly string[]): boolean {
  const name = new TextEncoder().encode(path);
  if (name.length >= PATH_ROOM || !/^[/@]/.test(path)) return false;
  const text = new TextEncoder().encode(lines.join("\n"));
  const message = new sys.Block(text.length);
  message.u8.set(text);
  const address = new sys.Block(PATH_AT + PATH_ROOM);
  address.view.setUint16(0, c.AF_UNIX, true);
  address.u8.set(name, PATH_AT);
  const isAbstract = path.startsWith("@");
  if (isAbstract) address.u8[PATH_AT] = 0;
  // A path ends with its zero byte; an abstract name is as long as the address says.
  const length = PATH_AT + name.length + (isAbstract ? 0 : 1);
  const fd = sys.socket(c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sent = sys.sendto(fd, message.at, text.length, c.MSG_NOSIGNAL, address.at, length);
  sys.close(fd);
  return sent === text.length;
}
