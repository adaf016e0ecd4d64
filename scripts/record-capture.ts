// Makes captures/first-light.pcapng: what the stations of the lab "first-light" send in their first seconds, per port,
// in virtual time. The same seed gives the same file; run it again when the lab's network changes.
//   node scripts/record-capture.ts

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { check } from "../src/control/check.ts";
import { compile } from "../src/control/compile.ts";
import { derivedMac } from "../src/control/machine.ts";
import {
  FIRST_LIGHT_BEHAVIOUR,
  FIRST_LIGHT_PORTS,
  FIRST_LIGHT_STRANGERS,
  firstLightConfig,
  populateFirstLight,
} from "../src/lab/first-light.ts";
import { Cluster } from "../src/sim/cluster.ts";
import { type Behaviour, World } from "../src/sim/world.ts";
import { interfaceBlock, packetBlock, sectionHeader } from "../src/wire/pcapng.ts";
import { Direction } from "../src/wire/record.ts";

/**
 * Longer than duplicate detection of the appliance's addresses (2 s at most, RFC 4862 5.4.2), so that IPv6 is in it, at
 * a pace that keeps the file below 195 KB.
 */
const DURATION = 3200;
const BEHAVIOUR: Behaviour = { ...FIRST_LIGHT_BEHAVIOUR, pace: 400, ipv6: 1 / 2, ipv6After: 2100 };
const SEED = 2;
/** 2026-01-01T00:00:00Z: any fixed time. */
const EPOCH = 1_767_225_600;

const { configuration } = check(firstLightConfig(2));
if (configuration === undefined) throw new Error("the lab's configuration has faults");
const { config } = compile(configuration, {
  link: () => undefined,
  derivedMac: (driver, port) => derivedMac(`linkloom ${driver} ${port}`),
});
const blocks: Uint8Array[] = [sectionHeader("linkloom record-capture")];
for (let port = 0; port < FIRST_LIGHT_PORTS; port++) blocks.push(interfaceBlock(`p${port}`));
const cluster = new Cluster(config);
const world = new World(
  FIRST_LIGHT_PORTS,
  SEED,
  BEHAVIOUR,
  (port, view, start, end) => {
    const frame = new Uint8Array(view.buffer.slice(start, end) as ArrayBuffer);
    const stamp = {
      interface: port,
      seconds: EPOCH + Math.floor(cluster.now / 1000),
      nanos: Math.round((cluster.now % 1000) * 1e6),
      originalLength: frame.length,
      direction: Direction.In,
      comments: [],
    };
    blocks.push(packetBlock(stamp, frame));
    cluster.inject(port, frame);
  },
  FIRST_LIGHT_STRANGERS,
);
populateFirstLight(world);
cluster.onFrame = (port, _core, view, start, end) =>
  world.deliver(port, view, start, end, cluster.now);
cluster.run(DURATION, (now) => world.tick(now));
const directory = fileURLToPath(new URL("../captures/", import.meta.url));
writeFileSync(`${directory}first-light.pcapng`, Buffer.concat(blocks));
writeFileSync(`${directory}first-light.yaml`, firstLightConfig(2));
