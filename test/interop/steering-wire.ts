// Run inside a namespace with the veth pair sa - sb: sends random frames into sa and prints, as JSON, on which
// socket of a fanout group at sb each arrived and which core the distributor names. Arguments: ebpf or classic,
// seed, frames.

import * as fc from "fast-check";
import {
  Block,
  bind,
  close,
  ifNametoindex,
  recvfrom,
  sendto,
  socket,
} from "../../src/ports/linux/ffi.ts";
import { buildClassic } from "../../src/steering/classic.ts";
import { defaultSteering, type SteeringConfig } from "../../src/steering/config.ts";
import { Distributor } from "../../src/steering/distributor.ts";
import { STATE_BUCKETS_AT, STATE_FRAMES_AT } from "../../src/steering/indirection.ts";
import { frameOf, rules, shapes } from "../fixtures/steering-frames.ts";
import { joinFanout, load } from "./steering-bpf.ts";

const CORES = 4;
const MASTERS = [2, 3];
const [kind, seed, frames] = process.argv.slice(2) as [string, string, string];
const sample = { seed: Number(seed), numRuns: 1 };
const list = fc.sample(fc.array(rules, { minLength: 6, maxLength: 6 }), sample)[0] ?? [];
const config: SteeringConfig = { ...defaultSteering(CORES), rules: list };
const buckets = new Uint8Array(128).map((_, bucket) => (bucket * 7 + (bucket >> 3)) % CORES);

const ETH_P_ALL = 0x0300;
const address = new Block(64);
function addressOf(name: string): number {
  address.u8.fill(0);
  address.view.setUint16(0, 17, true);
  address.view.setUint16(2, ETH_P_ALL, true);
  address.view.setInt32(4, ifNametoindex(name), true);
  return address.at;
}

const loaded = kind === "ebpf" ? load(config, buckets, MASTERS, 1) : null;
if (typeof loaded === "number" || (loaded !== null && loaded.fd < 0)) {
  console.log(JSON.stringify({ refused: loaded }));
  process.exit(0);
}
const program = loaded === null ? buildClassic(config, buckets, MASTERS, 1).bytes : loaded.fd;

const sockets: number[] = [];
for (let core = 0; core < CORES; core++) {
  const fd = socket(17, 3, ETH_P_ALL);
  if (bind(fd, addressOf("sb"), 20) < 0) throw new Error("bind");
  if (!joinFanout(fd, 77, program, core === 0)) throw new Error("fanout");
  sockets.push(fd);
}
const sender = socket(17, 3, 0);
addressOf("sa");

const receive = new Block(4096);
const result = {
  sent: 0,
  wrong: [] as string[],
  lost: 0,
  kernelFrames: 0,
  moved: -1,
  cores: [0, 0, 0, 0],
};

/** The socket that has a frame, or -1; empties all. */
function landed(): number {
  let found = -1;
  for (let n = 0; n < 1000 && found < 0; n++) {
    for (const [core, fd] of sockets.entries()) {
      if (recvfrom(fd, receive.at, 4096, 0x40, 0, 0) >= 0) found = core;
    }
  }
  return found;
}

const distributor = new Distributor(
  config,
  0,
  { buckets, loads: new Float64Array(CORES) },
  { master: (role: number): number => MASTERS[role] as number },
  new Float64Array(128),
);
const buffer = new Block(4096);
function send(frame: Uint8Array): number {
  buffer.u8.set(frame);
  if (sendto(sender, buffer.at, frame.length, 0, address.at, 20) < 0) return -2;
  return landed();
}

let last = frameOf(fc.sample(shapes, sample)[0] as never);
for (const shape of fc.sample(shapes, { seed: Number(seed), numRuns: Number(frames) })) {
  // Frames of 0x9100 are as untagged to the kernel as to us. Every third frame is cut somewhere.
  const whole = frameOf(shape);
  const isCut = shape.tail % 3 === 0;
  // The kernel itself drops a frame that ends within two bytes of its tag.
  const least =
    shape.tag >= 0 || shape.etherType === 0x8100 || shape.etherType === 0x88a8 ? 20 : 14;
  const frame = isCut
    ? whole.slice(0, least + ((shape.from >>> 3) % (whole.length - least)))
    : whole;
  const expected = distributor.pick(1, new DataView(frame.buffer), 0, frame.length, 0);
  const core = send(frame);
  if (core === -2) continue;
  result.sent++;
  if (core < 0) result.lost++;
  else if (core !== expected)
    result.wrong.push(`${core} instead of ${expected}: ${Buffer.from(frame).toString("hex")}`);
  else result.cores[core] = (result.cores[core] as number) + 1;
  if (distributor.bucketOf(1, new DataView(frame.buffer), 0, frame.length) >= 0) last = frame;
}

if (loaded !== null) {
  for (let bucket = 0; bucket < 128; bucket++) {
    result.kernelFrames += loaded.state.getUint32(STATE_FRAMES_AT + bucket * 8, true);
  }
  // One byte in the mapped page moves the bucket at once.
  const bucket = distributor.bucketOf(1, new DataView(last.buffer), 0, last.length);
  const to = ((buckets[bucket] as number) + 1) % CORES;
  loaded.state.setUint8(STATE_BUCKETS_AT + bucket, to);
  result.moved = send(last) === to ? 1 : 0;
}
for (const fd of sockets) close(fd);
console.log(JSON.stringify(result));
