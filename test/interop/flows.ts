// Many TCP connections that each say something again and again: `flows.ts server PORT` gives everything back,
// `flows.ts client HOST PORT COUNT MILLIS` tells as JSON how many live, and the longest silence of each and of all
// together.

import { connect, createServer, type Socket } from "node:net";

/** How often each flow says something. */
const PACE = 200;
/** A flow that was heard so long ago lives; how long at most the others are waited for. */
const RECENT = 3000;
const PATIENCE = 20_000;

interface Flow {
  readonly socket: Socket;
  heard: number;
  longest: number;
  ended: boolean;
}

function serve(port: number): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen({ port, host: "0.0.0.0", backlog: 2048 }, () =>
    process.stdout.write("listening\n"),
  );
}

function report(flows: readonly Flow[], longest: number): void {
  const now = performance.now();
  const gaps = flows.map((flow) => Math.max(flow.longest, now - flow.heard)).sort((a, b) => a - b);
  const result = {
    flows: flows.length,
    alive: flows.filter((flow) => !flow.ended && now - flow.heard < RECENT).length,
    longestGapMs: Math.round(gaps.at(-1) ?? 0),
    medianGapMs: Math.round(gaps[Math.floor(gaps.length / 2)] ?? 0),
    silenceOfAllMs: Math.round(longest),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

function ask(host: string, port: number, count: number): void {
  const flows: Flow[] = [];
  let last = 0;
  let longest = 0;
  let connected = 0;
  const open = (): void => {
    const socket = connect({ host, port, noDelay: true });
    const flow: Flow = { socket, heard: performance.now(), longest: 0, ended: false };
    flows.push(flow);
    socket.on("connect", () => {
      flow.heard = performance.now();
      if (++connected === count) process.stdout.write("connected\n");
    });
    socket.on("data", () => {
      const now = performance.now();
      flow.longest = Math.max(flow.longest, now - flow.heard);
      flow.heard = now;
      if (last > 0 && connected >= count) longest = Math.max(longest, now - last);
      last = now;
    });
    const end = (): void => {
      flow.ended = true;
    };
    socket.on("error", end);
    socket.on("close", end);
  };
  const opening = setInterval(() => {
    for (let n = 0; n < 50 && flows.length < count; n++) open();
    if (flows.length === count) clearInterval(opening);
  }, 20);
  setInterval(() => {
    for (const flow of flows) if (!flow.ended && flow.socket.writable) flow.socket.write("x");
  }, PACE);
  // TCP tries ever more slowly after a silence: flows have time to be heard before they count as dead.
  const finish = (): void => {
    const end = performance.now() + PATIENCE;
    const look = setInterval(() => {
      const now = performance.now();
      const heard = flows.every((flow) => flow.ended || now - flow.heard < RECENT);
      if (!heard && now < end) return;
      clearInterval(look);
      report(flows, longest);
    }, 100);
  };
  process.on("SIGTERM", finish);
  process.on("SIGINT", finish);
}

const [, , kind = "", ...words] = process.argv;
if (kind === "server") serve(Number(words[0]));
else ask(words[0] ?? "", Number(words[1]), Number(words[2]));
