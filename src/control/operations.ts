// What may be changed, and what is asked beside the objects of `show`: one list for the server, the command line, the
// page and the OpenAPI document. Plain data; api/handlers.ts says what each does. To add one: an entry here, a handler
// there.

import type { Kind } from "./fields.ts";

/** One word of a request. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "body";
  readonly kind: Kind;
  readonly required?: true;
  readonly summary: string;
}

export interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below /api/v1/, parts that vary with a colon. */
  readonly path: string;
  readonly summary: string;
  /** What a token must allow. Frames and messages are somebody's traffic: looking needs the right to write. */
  readonly rights: "read" | "write";
  readonly parameters: readonly Parameter[];
  /** The body is a configuration file as it stands: application/yaml. */
  readonly yaml?: true;
  /** Media type of the answer where it is not JSON: a stream that ends when the client goes. */
  readonly stream?: "application/x-ndjson" | "application/x-pcapng";
}

const path = (name: string, kind: Kind, summary: string): Parameter => ({
  name,
  in: "path",
  kind,
  required: true,
  summary,
});
const query = (name: string, kind: Kind, summary: string): Parameter => ({
  name,
  in: "query",
  kind,
  summary,
});
const body = (name: string, kind: Kind, summary: string, required?: true): Parameter => ({
  name,
  in: "body",
  kind,
  summary,
  ...(required === undefined ? {} : { required }),
});

const change = (
  id: string,
  method: Operation["method"],
  where: string,
  summary: string,
  parameters: readonly Parameter[],
): Operation => ({ id, method, path: where, summary, rights: "write", parameters });

const ON = "on this interface only";

/** What chooses the frames of a trace or a capture. */
const FRAMES: readonly Parameter[] = [
  query("port", "text", "frames of this port only"),
  query("core", "core", "what this core sees only"),
  query("direction", "direction", "only frames that came in, or that leave"),
  query("dropped", "flag", "only frames that were given up"),
  query("reason", "text", "only frames given up for this reason"),
  query("match", "text", "only frames whose description has this text"),
  query("limit", "count", "ends after so many"),
  query("seconds", "count", "ends after so long"),
];

export const OPERATIONS: readonly Operation[] = [
  change("arp-add", "POST", "arp", "adds a static ARP entry", [
    body("address", "ipv4", "an IPv4 address", true),
    body("mac", "mac", "its MAC", true),
    body("interface", "text", "the interface; left out, the one whose subnet has the address"),
  ]),
  change("arp-clear", "DELETE", "arp", "forgets learned ARP entries; static ones stay", [
    query("address", "ipv4", "this address only"),
    query("interface", "text", ON),
  ]),
  change("arp-remove", "DELETE", "arp/:address", "removes an ARP entry", [
    path("address", "ipv4", "its address"),
    query("interface", "text", ON),
  ]),
  change("arp-announce", "POST", "arp/announce", "sends gratuitous ARP of own addresses", [
    body("address", "ipv4", "one of the appliance's addresses"),
    body("all", "flag", "all of them"),
  ]),
  change("nd-add", "POST", "nd", "adds a static IPv6 neighbour", [
    body("address", "ipv6", "an IPv6 address", true),
    body("mac", "mac", "its MAC", true),
    body("interface", "text", "the interface; left out, the one on whose link it is"),
  ]),
  change("nd-clear", "DELETE", "nd", "forgets learned IPv6 neighbours; static ones stay", [
    query("address", "ipv6", "this address only"),
    query("interface", "text", ON),
  ]),
  change("nd-remove", "DELETE", "nd/:address", "removes an IPv6 neighbour", [
    path("address", "ipv6", "its address"),
    query("interface", "text", ON),
  ]),
  change("nd-announce", "POST", "nd/announce", "sends unsolicited neighbour advertisements", [
    body("interface", "text", "of this interface only"),
  ]),
  change("bridge-add", "POST", "bridge", "adds a static station", [
    body("mac", "mac", "the station's MAC", true),
    body("vlan", "vlan", "its VLAN; left out, 1"),
    body("channel", "text", "where its frames go", true),
    body("bridge", "text", "the bridge, when there are several"),
  ]),
  change("bridge-clear", "DELETE", "bridge", "forgets learned stations; static ones stay", [
    query("mac", "mac", "this station only"),
    query("vlan", "vlan", "in this VLAN only"),
    query("channel", "text", "on this channel only"),
    query("bridge", "text", "of this bridge only"),
  ]),
  change("bridge-remove", "DELETE", "bridge/:mac", "removes a static station", [
    path("mac", "mac", "the station's MAC"),
    query("vlan", "vlan", "its VLAN; left out, 1"),
    query("bridge", "text", "the bridge, when there are several"),
  ]),
  change("stp-clear", "DELETE", "stp", "opens what BPDU guard shut, and looks for RSTP anew", [
    query("channel", "text", "on this channel only"),
  ]),
  change("groups-clear", "DELETE", "groups", "takes groups away until hosts report again", [
    query("address", "text", "this group only"),
    query("vlan", "vlan", "in this VLAN only"),
    query("bridge", "text", "of this bridge only"),
  ]),
  change("shut-clear", "DELETE", "protection", "opens channels that protection shut", [
    query("channel", "text", "this channel only"),
  ]),
  change("vr-priority", "POST", "vr/:name/priority", "sets the priority of a virtual router", [
    path("name", "text", "the virtual router's name"),
    body("priority", "any", "1 to 254; auto: the configuration's again", true),
  ]),
  {
    id: "explain",
    method: "GET",
    path: "explain/:object/:name",
    summary: "why a thing is as it is, in sentences",
    rights: "read",
    parameters: [
      path("object", "text", "arp, nd, stp, group, vr or lacp"),
      path("name", "text", "its name: an address, br0 p1, gw10, LA/1"),
    ],
  },
  {
    id: "explain-frame",
    method: "POST",
    path: "explain/frame",
    summary: "what the appliance would do with a frame; copies of the cores play it",
    rights: "read",
    parameters: [
      body("frame", "any", "its bytes in hex, from the destination MAC on", true),
      body("port", "text", "the port that it comes to", true),
      body("core", "core", "the core whose queue it comes to; left out, where steering puts it"),
    ],
  },
  change("vmac-clear", "DELETE", "vmac", "forgets virtual MACs that were heard", [
    query("interface", "text", ON),
    query("vrid", "count", "this VRID only"),
  ]),
  change("core-set", "POST", "cores/:core", "takes a core out of service, or into it again", [
    path("core", "core", "its number"),
    body("state", "text", "online or offline", true),
  ]),
  change("master-set", "POST", "roles/:role", "gives a role to a core", [
    path("role", "text", "arp or link"),
    body("core", "any", "a core that is online; auto: the configuration's again", true),
  ]),
  change("ping", "POST", "ping", "sends one ICMP echo from the appliance", [
    body("address", "text", "an address; a link-local one as fe80::9%INTERFACE", true),
    body("size", "count", "bytes of payload; left out, 56"),
    body("timeout", "duration", "how long to wait; left out, 1s"),
  ]),
  {
    id: "config-text",
    method: "GET",
    path: "config/text",
    summary: "the configuration that runs as its author wrote it, secrets included",
    rights: "write",
    parameters: [query("number", "count", "an earlier one, by its number in the history")],
  },
  {
    id: "config-plan",
    method: "POST",
    path: "config/plan",
    summary: "says what a configuration would change, and whom that disturbs; changes nothing",
    rights: "read",
    parameters: [],
    yaml: true,
  },
  {
    id: "config-apply",
    method: "PUT",
    path: "config",
    summary: "takes over a configuration; what is unchanged stays undisturbed",
    rights: "write",
    parameters: [
      query("confirm", "duration", "goes back by itself unless confirmed within this time"),
      query("save", "flag", "writes it to the file of run -c, once it is confirmed"),
    ],
    yaml: true,
  },
  change("config-save", "POST", "config/save", "writes what runs to the file of run -c", []),
  {
    id: "config-file",
    method: "GET",
    path: "config/file",
    summary: "the file of run -c, and whether it says what runs",
    rights: "read",
    parameters: [],
  },
  change("config-confirm", "POST", "config/confirm", "keeps the change that waits", []),
  change("config-rollback", "POST", "config/rollback", "goes back to an earlier configuration", [
    body("to", "count", "its number in the history; left out, the one before"),
  ]),
  {
    id: "trace-bus",
    method: "GET",
    path: "trace/bus",
    summary: "the messages between the cores as they arrive, one JSON object a line",
    rights: "write",
    parameters: [
      query("core", "core", "what this core receives only"),
      query("type", "text", "messages of this type only"),
      query("limit", "count", "ends after so many"),
      query("seconds", "count", "ends after so long"),
    ],
    stream: "application/x-ndjson",
  },
  {
    id: "trace-frames",
    method: "GET",
    path: "trace/frames",
    summary: "the frames as the cores treat them, one JSON object a line",
    rights: "write",
    parameters: FRAMES,
    stream: "application/x-ndjson",
  },
  {
    id: "capture",
    method: "GET",
    path: "capture",
    summary: "a live capture: pcapng with core, class and reason of each frame as its comment",
    rights: "write",
    parameters: [...FRAMES, query("snap", "count", "keeps so many bytes of each frame")],
    stream: "application/x-pcapng",
  },
];
