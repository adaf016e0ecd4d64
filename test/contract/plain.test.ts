// The contract of ports on the drivers that need no kernel: memory links and capture files.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEADROOM, OFFLOAD } from "../../src/engine/frame.ts";
import { Arena, Planner } from "../../src/lib/arena.ts";
import { MEMORY_ROOM, MemoryPort, planMemoryLink } from "../../src/ports/memory.ts";
import { PcapPort, planPcap } from "../../src/ports/pcap.ts";
import { Batch, BURST } from "../../src/ports/port.ts";
import { openCapture } from "../../src/wire/capture.ts";
import * as pcapng from "../../src/wire/pcapng.ts";
import { contract, type Driver, planSend, type Rig } from "./suite.ts";

const SLOTS = 2048;

const memory: Driver = {
  name: "memory",
  ringFrames: SLOTS,
  hasLink: true,
  longest: MEMORY_ROOM,
  start(frames): Rig {
    const planner = new Planner();
    const plan = planMemoryLink(planner, SLOTS);
    const room = planSend(planner);
    const far = planSend(planner);
    const arena = Arena.create(planner.size);
    const port = new MemoryPort(arena, plan, 0, { side: "core", mac: 0x02000000000a });
    const world = new MemoryPort(arena, plan, 0, { side: "world" });
    const batch = new Batch(BURST);
    const offer = (list: readonly Uint8Array[]): void => {
      for (let from = 0; from < list.length; from += BURST) {
        const burst = list.slice(from, from + BURST);
        for (const [index, bytes] of burst.entries()) {
          // Odd and even places: the copy must not depend on the alignment.
          const start = far + index * 2048 + HEADROOM + (index & 3) - 4;
          arena.u8.fill(0, start - OFFLOAD, start);
          arena.u8.set(bytes, start);
          batch.start[index] = start;
          batch.end[index] = start + bytes.length;
        }
        batch.count = burst.length;
        world.send(batch);
      }
    };
    offer(frames);
    return {
      arena,
      port,
      room,
      offer,
      collect() {
        const got: Uint8Array[] = [];
        for (;;) {
          world.receive(batch);
          if (batch.count === 0) return got;
          for (let index = 0; index < batch.count; index++) {
            got.push(arena.u8.slice(batch.start[index] as number, batch.end[index] as number));
          }
          world.release();
        }
      },
      setLink: (up) => world.setUp(up),
      close() {
        port.close();
        world.close();
      },
    };
  },
};

const pcap = (ending: string): Driver => ({
  name: `pcap (${ending})`,
  ringFrames: 0,
  hasLink: false,
  longest: 1518,
  start(frames): Rig {
    const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
    const file = join(folder, "in.pcapng");
    const out = join(folder, `out.${ending}`);
    const stamp = { interface: 0, seconds: 1, nanos: 2, direction: 0, comments: [] };
    writeFileSync(
      file,
      Buffer.concat([
        pcapng.sectionHeader("test"),
        pcapng.interfaceBlock("eth0"),
        ...frames.map((bytes) =>
          pcapng.packetBlock({ ...stamp, originalLength: bytes.length }, bytes),
        ),
      ]),
    );
    const planner = new Planner();
    const plan = planPcap(planner, 1);
    const room = planSend(planner);
    const arena = Arena.create(planner.size);
    const config = { driver: "pcap", file, out, mac: 0x02000000000a } as const;
    const port = new PcapPort(config, arena, plan, 0);
    let seen = 0;
    return {
      arena,
      port,
      room,
      collect() {
        const bytes = new Uint8Array(readFileSync(out));
        const reader = openCapture(bytes);
        const got: Uint8Array[] = [];
        for (let record = reader.next(); record !== undefined; record = reader.next()) {
          got.push(bytes.slice(record.start, record.end));
        }
        const fresh = got.slice(seen);
        seen = got.length;
        return fresh;
      },
      close() {
        port.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
});

contract(memory);
contract(pcap("pcapng"));
contract(pcap("pcap"));
