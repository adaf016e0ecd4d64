// BPDUs that leave (IEEE 802.1D-2004 17.21.19 to 17.21.21), through the channel's sink: of an aggregate one member
// sends.

import type { ChannelSink } from "../engine/inside.ts";
import type { Out } from "../engine/out.ts";
import * as bpdu from "../wire/bpdu.ts";
import type { BridgeVariables, Port, Role } from "./port.ts";

/** Role in the flags by role (9.2.9). */
const ROLE_BITS: Readonly<Record<Role, number>> = {
  0: bpdu.RoleBits.Unknown,
  1: bpdu.RoleBits.Root,
  2: bpdu.RoleBits.Designated,
  3: bpdu.RoleBits.Alternate,
  4: bpdu.RoleBits.Alternate,
};

const contentOf = (port: Port, flags: number): bpdu.Content => {
  const { designatedPriority: vector, designatedTimes: times } = port;
  return {
    flags,
    rootPriority: vector.rootPriority,
    rootAddress: vector.rootAddress,
    rootPathCost: vector.cost,
    bridgePriority: vector.bridgePriority,
    bridgeAddress: vector.bridgeAddress,
    portId: vector.portId,
    messageAge: times.messageAge,
    maxAge: times.maxAge,
    helloTime: times.helloTime,
    forwardDelay: times.forwardDelay,
  };
};

/** Sends a BPDU of a kind of wire/bpdu.ts; counts it. */
export function send(
  out: Out,
  channels: ChannelSink,
  bridge: BridgeVariables,
  port: Port,
  kind: number,
): void {
  if (port.config.bpduFilter) return;
  const start = out.scratch(bpdu.FRAME);
  if (start < 0) return;
  const { counts } = port;
  const isChange = port.tcWhile > bridge.now ? bpdu.Flag.TopologyChange : 0;
  let end: number;
  if (kind === bpdu.Kind.Tcn) {
    counts.tcnSent++;
    end = bpdu.writeTcn(out.view, start, port.mac);
  } else if (kind === bpdu.Kind.Config) {
    counts.configSent++;
    const flags = isChange | (port.tcAck ? bpdu.Flag.TopologyChangeAck : 0);
    end = bpdu.writeConfig(out.view, start, port.mac, contentOf(port, flags));
  } else {
    counts.rstSent++;
    const flags =
      isChange |
      ROLE_BITS[port.role] |
      (port.agree ? bpdu.Flag.Agreement : 0) |
      (port.proposing ? bpdu.Flag.Proposal : 0) |
      (port.learning ? bpdu.Flag.Learning : 0) |
      (port.forwarding ? bpdu.Flag.Forwarding : 0);
    end = bpdu.writeRst(out.view, start, port.mac, contentOf(port, flags));
  }
  channels.send(port.config.channel, start, end);
}
