// What the tests of faults share: a router between two hosts, or a bridge, faults on purpose, pings all the while,
// and a TCP connection that must live through everything.

import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Appliance, type Pings, type Rig, type Started, until } from "./rig.ts";

/** What the specification allows the flows of a dead core. */
export const PAUSE = 350;

/** Sends numbered lines and reads them back; says how many, and the longest wait. Ends when its input does. */
const CLIENT = `
import socket, sys, time
s = socket.create_connection((sys.argv[1], 7000), timeout=60)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
f = s.makefile("rwb")
print("ready", flush=True)
n, worst, end = 0, 0.0, None
import select
while True:
    if select.select([sys.stdin], [], [], 0)[0]: break
    began = time.monotonic()
    line = b"%d %s\\n" % (n, b"x" * 500)
    f.write(line); f.flush()
    if f.readline() != line: print("corrupt", n); sys.exit(1)
    worst = max(worst, time.monotonic() - began)
    n += 1
    time.sleep(0.005)
s.close()
print("lines", n, "worst", int(worst * 1000), flush=True)
`;
const SERVER = `
import socket
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("0.0.0.0", 7000)); l.listen(); print("ready", flush=True)
c, _ = l.accept()
while True:
    data = c.recv(65536)
    if not data: break
    c.sendall(data)
`;

/** One TCP connection from host to host. */
export class Connection {
  readonly #client: Started;

  private constructor(client: Started) {
    this.#client = client;
  }

  static async open(rig: Rig, from: string, to: string, address: string): Promise<Connection> {
    const server = rig.start(to, "/usr/bin/python3", "-c", SERVER);
    await until("the TCP server", () => server.output().includes("ready"));
    const client = rig.startWith(from, "/usr/bin/python3", "-c", CLIENT, address);
    await until("the TCP connection", () => client.output().includes("ready"));
    return new Connection(client);
  }

  /**
   * Ends it in good order; lines that came back, and the longest wait for one in milliseconds. Throws when it broke.
   */
  async close(): Promise<{ lines: number; worst: number }> {
    this.#client.child.stdin?.end("\n");
    const text = await this.#client.ended;
    const [, lines, worst] = /lines (\d+) worst (\d+)/.exec(text) ?? [];
    if (lines === undefined) throw new Error(`the TCP connection broke: ${text}`);
    return { lines: Number(lines), worst: Number(worst) };
  }
}

const BRIDGE = `bridges:
  br0:
    table-size: 65536
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 1}
`;

export type Fault = "throw" | "block" | "heap" | "terminate";

/** A router of so many cores between the hosts a (10.0.0.1) and b (10.0.1.1). */
export class Router {
  readonly rig: Rig;
  readonly appliance: Appliance;
  readonly #faults: string;
  readonly #config: string;

  private constructor(rig: Rig, appliance: Appliance, faults: string, config: string) {
    this.#config = config;
    this.rig = rig;
    this.appliance = appliance;
    this.#faults = faults;
  }

  /**
   * `more` goes behind the number of cores; `bridged`: a's port is a bridge's; `environment`: the appliance's, beside
   * the faults' socket.
   */
  static async start(
    rig: Rig,
    cores: number,
    more = "",
    bridged = false,
    environment: Readonly<Record<string, string>> = {},
    before: readonly string[] = [],
  ): Promise<Router> {
    await rig.mute("sw");
    for (const [n, name] of ["a", "b"].entries()) {
      await rig.host(name);
      await rig.cable(name, "eth0", "sw", `p${n}`);
      await rig.address(name, "eth0", `10.0.${n}.1/24`);
      await rig.in(name, "ip", "route", "add", "default", "via", `10.0.${n}.254`);
    }
    const faults = join(rig.directory, "faults.sock");
    const config = `cores: {count: ${cores}${more}}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
${bridged ? BRIDGE : ""}interfaces:
  i0: {${bridged ? "bridge: br0, vlan: 1" : "channel: p0"}, addresses: [10.0.0.254/24]}
  i1: {channel: p1, addresses: [10.0.1.254/24]}
`;
    const variables = { ...environment, LINKLOOM_FAULTS: faults };
    const appliance = await rig.linkloomWith(variables, "sw", config, [], before);
    const router = new Router(rig, appliance, faults, config);
    await until("the first answer", async () => (await rig.ping("a", "10.0.1.1", 1)) === 1, 30_000);
    return router;
  }

  /** The same appliance once more, after its process has ended. */
  static async restart(rig: Rig, before: Router): Promise<Router> {
    const appliance = await rig.linkloom("sw", before.#config);
    return new Router(rig, appliance, before.#faults, before.#config);
  }

  fault(what: Fault, core: number, millis = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#faults, () => socket.end(`${what} ${core} ${millis}\n`));
      socket.on("data", () => {});
      socket.on("close", () => resolve());
      socket.on("error", reject);
    });
  }

  async states(): Promise<string[]> {
    return (await this.appliance.show("cores")).map(({ state }) => String(state));
  }

  /** Restarts of each core. */
  async restarts(): Promise<number[]> {
    return (await this.appliance.show("cores")).map(({ restarts }) => Number(restarts));
  }

  /** Waits until every core serves and has its buckets. */
  async settled(): Promise<void> {
    await until(
      "every core to be online",
      async () => (await this.states()).every((state) => state === "online"),
      60_000,
    );
    const cores = (await this.states()).length;
    await until(
      "every core to have its buckets",
      async () => {
        const owners = (await this.appliance.show("steering")).map(({ core }) => core);
        return new Set(owners).size === cores;
      },
      30_000,
    );
  }

  /** Pings every 10 ms in both directions around `act`; milliseconds that were lost, the worst one. */
  async during(act: () => Promise<void>): Promise<{ lostMs: number; pings: Pings[] }> {
    const running = [
      this.rig.startPing("a", "10.0.1.1"),
      this.rig.startPing("b", "10.0.0.1"),
      this.rig.startPing("a", "10.0.0.254"),
    ];
    await delay(500);
    await act();
    await delay(300);
    const pings = await Promise.all(running.map((ping) => ping.stop()));
    // A lost ping stands for the time to the next one. (The longest silence, which is printed, is that of a busy
    // machine's scheduler, too.)
    const lostMs = Math.max(...pings.map(({ lost }) => lost * 10));
    return { lostMs, pings };
  }
}
