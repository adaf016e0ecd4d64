// What people ask of the flow distributor: its rules in words, and where a tuple would go. The prediction is not a
// second implementation: a frame with the tuple is made and given to a distributor of the same configuration.

import type { ApplianceConfig } from "../core/config.ts";
import { ROLE_NAMES } from "../engine/role.ts";
import { Classifier, HASH_TYPE_NAMES } from "../steering/classify.ts";
import type { AddressMatch, Masked, RuleConfig } from "../steering/config.ts";
import { builtInRole, Distributor } from "../steering/distributor.ts";
import { toeplitzTable } from "../steering/toeplitz.ts";
import { setMac } from "../wire/bytes.ts";
import { EtherType } from "../wire/ethernet.ts";
import { formatIpv4, formatIpv6, parseMac } from "../wire/text.ts";
import type { Appliance } from "./appliance-port.ts";
import { ControlError } from "./errors.ts";
import { type Address, parseAddress } from "./network.ts";

type Row = Record<string, unknown>;

/** The frame starts here, so that the four bytes before it may be anything. */
export const TUPLE_START = 64;
const START = TUPLE_START;
const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  sctp: 132,
};

/** A tuple as people write it, read. */
interface Tuple {
  protocol: number;
  addresses: Address[];
  macs: number[];
  numbers: number[];
}

/** Reads `tcp,192.0.2.1:1000,192.0.2.2:80`, `192.0.2.1,192.0.2.2`, or two MACs and a VLAN. */
function readTuple(text: string): Tuple {
  const tuple: Tuple = { protocol: -1, addresses: [], macs: [], numbers: [] };
  for (const word of text.split(/[\s,]+/).filter((part) => part !== "")) {
    const split = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(word) ?? /^\[(.+)\]:(\d+)$/.exec(word);
    const mac = parseMac(word);
    const address = parseAddress(split?.[1] ?? word);
    if (mac !== undefined) tuple.macs.push(mac);
    else if (address !== undefined) tuple.addresses.push(address);
    else if (PROTOCOLS[word] !== undefined) tuple.protocol = PROTOCOLS[word];
    else if (/^\d{1,5}$/.test(word) && Number(word) <= 65535) tuple.numbers.push(Number(word));
    else throw badTuple(`"${word}" is no address, port or protocol`);
    if (split !== null) tuple.numbers.push(Number(split[2]));
  }
  return tuple;
}

function badTuple(what: string): ControlError {
  const hint = "write tcp,192.0.2.1:1000,192.0.2.2:80 or 192.0.2.1,192.0.2.2 or MAC,MAC,VLAN";
  return new ControlError("value-invalid", what, hint);
}

/** Writes a frame with the tuple at START of the view; returns its end. */
function writeFrame(view: DataView, tuple: Tuple): number {
  const [source, destination] = tuple.addresses;
  if (tuple.macs.length === 2 && tuple.addresses.length === 0) {
    setMac(view, START, tuple.macs[1] as number);
    setMac(view, START + 6, tuple.macs[0] as number);
    view.setUint16(START + 12, EtherType.Vlan);
    view.setUint16(START + 14, tuple.numbers[0] ?? 0);
    view.setUint16(START + 16, 0x88b5); // IEEE 802 local experimental type 1: nothing that a rule knows.
    return START + 60;
  }
  if (source === undefined || destination === undefined || tuple.addresses.length > 2) {
    throw badTuple("a tuple has two addresses");
  }
  if ((source.ipv4 === undefined) !== (destination.ipv4 === undefined)) {
    throw badTuple("the addresses are of two families");
  }
  const ports = tuple.numbers.length;
  if (ports !== 0 && ports !== 2) throw badTuple("a tuple has no ports, or two");
  // Without a protocol: TCP when there are ports, else one that has none (253, RFC 3692).
  const protocol = tuple.protocol >= 0 ? tuple.protocol : ports === 2 ? 6 : 253;
  setMac(view, START, 0x020000000002);
  setMac(view, START + 6, 0x020000000001);
  const l3 = START + 14;
  const l4 = l3 + (source.ipv4 === undefined ? 40 : 20);
  if (source.ipv4 !== undefined && destination.ipv4 !== undefined) {
    view.setUint16(START + 12, EtherType.Ipv4);
    view.setUint16(l3, 0x4500);
    view.setUint16(l3 + 2, l4 + 20 - l3);
    view.setUint8(l3 + 8, 64);
    view.setUint8(l3 + 9, protocol);
    view.setUint32(l3 + 12, source.ipv4);
    view.setUint32(l3 + 16, destination.ipv4);
  } else {
    view.setUint16(START + 12, EtherType.Ipv6);
    view.setUint8(l3, 0x60);
    view.setUint16(l3 + 4, 20);
    view.setUint8(l3 + 6, protocol);
    view.setUint8(l3 + 7, 64);
    for (let word = 0; word < 4; word++) {
      view.setUint32(l3 + 8 + word * 4, source.ipv6?.[word] ?? 0);
      view.setUint32(l3 + 24 + word * 4, destination.ipv6?.[word] ?? 0);
    }
  }
  view.setUint16(l4, tuple.numbers[0] ?? 0);
  view.setUint16(l4 + 2, tuple.numbers[1] ?? 0);
  view.setUint8(l4 + 12, 0x50); // A TCP header of 20 bytes.
  return l4 + 20;
}

/** Writes a frame with a tuple as people write it; it starts at TUPLE_START. Returns its end. */
export function tupleFrame(view: DataView, text: string): number {
  return writeFrame(view, readTuple(text));
}

/** Where the frames of a tuple go: hash, bucket and core, as the cores themselves find it. */
export function predict(appliance: Appliance, text: string, port: number): Row {
  const view = new DataView(new ArrayBuffer(256));
  const end = tupleFrame(view, text);
  return { tuple: text, ...predictAt(appliance, view, end, port) };
}

/** Where a frame goes. */
export function predictFrame(appliance: Appliance, frame: Uint8Array, port: number): Row {
  const bytes = new Uint8Array(START + frame.length);
  bytes.set(frame, START);
  return predictAt(appliance, new DataView(bytes.buffer), bytes.length, port);
}

function predictAt(appliance: Appliance, view: DataView, end: number, port: number): Row {
  const { steering } = appliance.config;
  const buckets = Uint8Array.from({ length: 128 }, (_, bucket) => appliance.buckets()[bucket] ?? 0);
  const loads = new Float64Array(steering.cores);
  const masters = appliance.masters();
  const distributor = new Distributor(
    steering,
    0,
    { buckets, loads },
    { master: (role) => masters[role] ?? 0 },
    new Float64Array(128),
  );
  const { hash, type } = distributor.hashOf(view, START, end);
  const bucket = distributor.bucketOf(port, view, START, end);
  const rule = distributor.ruleOf(port, view, START, end);
  const classifier = new Classifier(toeplitzTable(steering.key));
  classifier.read(view, START, end);
  const role = builtInRole(classifier, view, START);
  return {
    "hash-type": HASH_TYPE_NAMES[type] ?? String(type),
    hash: `0x${hash.toString(16).padStart(8, "0")}`,
    bucket: bucket < 0 ? null : bucket,
    core: distributor.pick(port, view, START, end, 0),
    reason:
      role >= 0 ? `the ${ROLE_NAMES[role]} master treats what it is` : steeredBy(bucket, rule),
  };
}

const steeredBy = (bucket: number, rule: number): string =>
  bucket >= 0 ? "its bucket" : rule >= 0 ? `rule ${rule}` : "the port's scheme";

/** The rules in the order in which they are tried, the built-in ones first. */
export function ruleRows(config: ApplianceConfig): Row[] {
  const builtIn: Row[] = [
    { rule: null, match: "ether-type arp or rarp", to: "role arp", origin: "built-in" },
    { rule: null, match: "ether-type slow (LACP)", to: "role link", origin: "built-in" },
    {
      rule: null,
      match: "destination 01:80:c2:00:00:00 (BPDU)",
      to: "role link",
      origin: "built-in",
    },
    {
      rule: null,
      match: "ICMPv6 neighbor advertisement",
      to: "owner of its target",
      origin: "built-in",
    },
  ];
  const own = config.steering.rules.map((rule, index) => ({
    rule: index,
    match: describeMatch(rule, config),
    to: rule.role === undefined ? `core ${rule.core}` : `role ${ROLE_NAMES[rule.role]}`,
    origin: "configured",
  }));
  return [...builtIn, ...own];
}

function describeMatch(rule: RuleConfig, config: ApplianceConfig): string {
  const masked = (value: Masked | undefined, hex = false): string => {
    const text = (number: number): string =>
      hex ? `0x${number.toString(16).padStart(4, "0")}` : String(number);
    if (value === undefined) return "";
    return typeof value === "number" ? text(value) : `${text(value.value)}/${text(value.mask)}`;
  };
  const prefix = (match: AddressMatch | undefined): string => {
    if (match === undefined) return "";
    const address = match.ipv4 === undefined ? formatIpv6(...match.ipv6) : formatIpv4(match.ipv4);
    return match.length === (match.ipv4 === undefined ? 128 : 32)
      ? address
      : `${address}/${match.length}`;
  };
  const port = rule.port === undefined ? "" : (config.common.ports[rule.port]?.name ?? "");
  const fields: [string, string][] = [
    ["port", port],
    ["ether-type", masked(rule.etherType, true)],
    ["vlan", masked(rule.vlan)],
    ["protocol", masked(rule.protocol)],
    ["source", prefix(rule.source)],
    ["source-port", masked(rule.sourcePort)],
    ["destination", prefix(rule.destination)],
    ["destination-port", masked(rule.destinationPort)],
  ];
  return fields
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
