// Rows from the statistics segment (engine/counter.ts): cores, ports, bus, drops, steering. Reading stops nobody.

import { PEER_HIGH_WATER, PEER_RESYNCS } from "../core/bus.ts";
import {
  CORE_AT,
  CoreCounter,
  DROP_AT,
  PEER_AT,
  PEER_COUNTERS,
  PORT_AT,
  PORT_COUNTERS,
  PortCounter,
} from "../engine/counter.ts";
import { DROP_NAMES } from "../engine/drop.ts";
import { MESSAGE_NAMES, MESSAGE_TYPES } from "../engine/message.ts";
import { ROLE_NAMES } from "../engine/role.ts";
import { formatMac } from "../wire/text.ts";
import type { Appliance } from "./appliance-port.ts";

type Row = Record<string, unknown>;

const cores = (appliance: Appliance): number[] =>
  Array.from({ length: appliance.config.cores.count }, (_, core) => core);

/** `show cores`. */
export function coreRows(appliance: Appliance): Row[] {
  const masters = appliance.masters();
  return appliance.cores().map((status) => {
    const counters = appliance.counters(status.core);
    const count = (counter: number): number => counters[CORE_AT + counter] ?? 0;
    return {
      core: status.core,
      state: status.state,
      roles: ROLE_NAMES.filter((_, role) => masters[role] === status.core),
      "frames-received": count(CoreCounter.FramesReceived),
      "frames-sent": count(CoreCounter.FramesSent),
      "messages-sent": count(CoreCounter.MessagesSent),
      "messages-received": count(CoreCounter.MessagesReceived),
      load: Math.round(status.load * 1000) / 1000,
      "heartbeat-age-ms": Math.round(status.heartbeatAgeMs),
      restarts: status.restarts,
    };
  });
}

/** `show ports`: the sum over all cores, or one core's share. */
export function portRows(appliance: Appliance, core: number): Row[] {
  const { common } = appliance.config;
  const states = appliance.ports();
  const blocks = (core < 0 ? cores(appliance) : [core]).map((index) => appliance.counters(index));
  const rows = common.ports.map(({ name, mac }, port) => {
    const sum = (counter: number): number =>
      blocks.reduce(
        (total, block) => total + (block[PORT_AT + port * PORT_COUNTERS + counter] ?? 0),
        0,
      );
    const state = states[port];
    const channel = common.channels.find(({ ports }) => ports.includes(port));
    return {
      port: name,
      driver: state?.driver ?? "",
      interface: state?.interface ?? "",
      link: state?.up === true ? "up" : "down",
      mac: formatMac(mac),
      channel: channel?.name ?? "",
      "frames-received": sum(PortCounter.FramesReceived),
      "frames-sent": sum(PortCounter.FramesSent),
      "bytes-received": sum(PortCounter.BytesReceived),
      "bytes-sent": sum(PortCounter.BytesSent),
      drops: sum(PortCounter.Drops),
    };
  });
  return rows.filter(({ port }) => port !== "");
}

/** `show bus`: pairs and types that carried anything; a pair that was full is there in any case. */
export function busRows(appliance: Appliance): Row[] {
  const rows: Row[] = [];
  const all = cores(appliance);
  for (const from of all) {
    for (const to of all) {
      if (from === to) continue;
      const sender = appliance.counters(from).subarray(PEER_AT + to * PEER_COUNTERS);
      const receiver = appliance.counters(to).subarray(PEER_AT + from * PEER_COUNTERS);
      for (const [type, name] of MESSAGE_NAMES.entries()) {
        const sent = sender[type] ?? 0;
        const received = receiver[MESSAGE_TYPES + type] ?? 0;
        if (sent === 0 && received === 0) continue;
        rows.push({
          from,
          to,
          type: name,
          sent,
          received,
          "high-water": sender[PEER_HIGH_WATER] ?? 0,
          resyncs: sender[PEER_RESYNCS] ?? 0,
        });
      }
    }
  }
  return rows;
}

/** `show drops`: reasons that were ever met. */
export function dropRows(appliance: Appliance): Row[] {
  return cores(appliance).flatMap((core) => {
    const counters = appliance.counters(core);
    return DROP_NAMES.map((reason, index) => ({
      core,
      reason,
      count: counters[DROP_AT + index] ?? 0,
    })).filter(({ count }) => count > 0);
  });
}

/** `show steering`: the indirection table; frames are counted where they were looked up, by a core or the kernel. */
export function steeringRows(appliance: Appliance): Row[] {
  const frames = appliance.bucketFrames();
  return Array.from(appliance.buckets(), (core, bucket) => ({
    bucket,
    core,
    frames: frames[bucket] ?? 0,
  }));
}
