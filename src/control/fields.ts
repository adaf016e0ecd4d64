// What the fields and words of the API are: one type and one phrase for each name, wherever it stands. The OpenAPI
// document and the page read it; a field that is not here may be anything.

/** A JSON Schema fragment; the API's documents are made of them. */
export type Schema = Readonly<Record<string, unknown>>;

/** Types of fields and words. */
export type Kind =
  | "any"
  | "text"
  | "flag"
  | "count"
  | "number"
  | "core"
  | "vlan"
  | "share"
  | "millis"
  | "mac"
  | "ipv4"
  | "ipv6"
  | "duration"
  | "time"
  | "words"
  | "direction";

const count = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

export const KINDS: Readonly<Record<Kind, Schema>> = {
  any: {},
  text: { type: "string", maxLength: 4096 },
  flag: { type: "boolean" },
  count,
  number: { type: "number" },
  core: { type: "integer", minimum: 0, maximum: 63 },
  vlan: { type: "integer", minimum: 1, maximum: 4094 },
  share: { type: "number", minimum: 0, maximum: 1 },
  millis: { type: "number" },
  mac: { type: "string", examples: ["02:00:00:00:00:09"] },
  ipv4: { type: "string", examples: ["192.0.2.9"] },
  ipv6: { type: "string", examples: ["2001:db8::9"] },
  duration: {
    type: "string",
    pattern: "^[0-9]{1,12}(\\.[0-9]{1,6})?(us|ms|s|m|h)$",
    examples: ["200ms"],
  },
  time: { type: "string", format: "date-time" },
  words: { type: "array", items: { type: "string" } },
  direction: { enum: ["in", "out"] },
};

interface Field {
  readonly kind: Kind;
  /** null where the row has no such thing. */
  readonly nullable?: true;
  readonly summary: string;
}

const field = (kind: Kind, summary: string): Field => ({ kind, summary });
const maybe = (kind: Kind, summary: string): Field => ({ kind, nullable: true, summary });

/** By name; an object's own meaning of a name is `object.name`. */
export const FIELDS: Readonly<Record<string, Field>> = {
  core: maybe("core", "the core whose view this is"),
  state: field("text", "the state, in a word"),
  roles: field("words", "what the core alone does for all"),
  "frames-received": field("count", "frames received since the start"),
  "frames-sent": field("count", "frames sent since the start"),
  "bytes-received": field("count", "bytes received since the start"),
  "bytes-sent": field("count", "bytes sent since the start"),
  "messages-sent": field("count", "messages sent to other cores since the start"),
  "messages-received": field("count", "messages of other cores since the start"),
  load: field("share", "share of the time that the core was busy, over about a second"),
  "heartbeat-age-ms": field("millis", "time since the core's last sign of life"),
  restarts: field("count", "how often the core was started again"),
  port: field("text", "the port's name"),
  driver: field("text", "what connects the port"),
  interface: maybe("text", "an interface: the kernel's for a port, else the appliance's"),
  link: field("text", "up or down"),
  mac: maybe("text", "a MAC address; empty while it is not known"),
  channel: maybe("text", "the channel's name"),
  drops: field("count", "frames given up"),
  mode: field("text", "how members are chosen"),
  members: field("words", "the ports of the channel"),
  "active-members": field("words", "the ports that carry frames now"),
  "partner-system": maybe("text", "the partner's system: its MAC"),
  "partner-key": maybe("count", "the partner's key"),
  "partner-port": maybe("count", "the partner's port number"),
  up: field("flag", "true when it carries frames"),
  address: field("text", "an IP address"),
  addresses: field("words", "IP addresses, with the prefix length where they are own ones"),
  vlan: maybe("count", "a VLAN"),
  "last-vlan": field("vlan", "the last VLAN of the range that begins with vlan"),
  origin: field("text", "where the entry comes from"),
  "age-ms": maybe("millis", "time since it was learned or confirmed"),
  version: maybe("number", "the larger wins on every core"),
  owner: maybe("core", "the core that runs the entry's state machine"),
  router: field("flag", "true for a router"),
  bridge: maybe("text", "the bridge's name"),
  index: field("count", "the slot of the table"),
  "in-use": field("flag", "seen since the last ageing"),
  static: field("flag", "neither moves nor ages"),
  moves: field("count", "how often it moved"),
  "last-move-ms": maybe("millis", "time since its last move"),
  untagged: field("words", "channels that carry it without a tag"),
  tagged: field("words", "channels that carry it with a tag"),
  destination: field("text", "the prefix"),
  via: field("text", "the next hop, or the route's kind; empty when on the link"),
  step: field("count", "a move's place in the plan; 0 is how it is now"),
  loads: field("words", "the load of each core after the move"),
  repairs: field(
    "count",
    "how often the table differed between cores for good, and was sent again",
  ),
  bucket: maybe("count", "a bucket of the indirection table"),
  frames: field("count", "frames since the start"),
  from: maybe("any", "the core that sends; of an event, the state before"),
  to: maybe("any", "the core that receives; of an event, the state after"),
  type: field("text", "the type of the message"),
  sent: field("count", "messages sent"),
  received: field("count", "messages received"),
  "high-water": field("count", "most messages that ever waited"),
  resyncs: field("count", "how often a table was sent whole"),
  table: field("text", "the table's name"),
  entries: field("count", "live entries"),
  digest: field("text", "order-free digest of what must be equal"),
  "newest-version": field("number", "the newest version"),
  equal: field("flag", "true when every core has the same"),
  timer: field("text", "what runs"),
  subject: field("text", "what it is about"),
  "due-ms": maybe("millis", "time until it is due"),
  "period-ms": maybe("millis", "time from one to the next"),
  reason: maybe("text", "why"),
  count: field("count", "how many"),
  "events.core": field("number", "the core that saw it; -1 for the control core"),
  time: field("time", "when"),
  cause: field("text", "the event's name"),
  evidence: field("text", "what it was seen by"),
  path: field("text", "place in the configuration"),
  value: field("text", "the value, as the file would have it"),
  detail: field("text", "one sentence"),
  mtu: field("count", "largest packet"),
  "proxy-arp": field("flag", "true when it answers ARP for others"),
  number: field("count", "number in the history"),
  role: maybe("text", "what the port is for; of a bridge: root, or designated when another is"),
  cost: maybe("count", "path cost of the channel; of a bridge: to the root"),
  "designated-bridge": maybe("text", "who serves the segment; of a bridge: its own identifier"),
  "designated-port": maybe("text", "its port there: priority and number"),
  root: maybe("text", "the root's identifier, as heard there"),
  edge: maybe("flag", "true where no bridge is"),
  "point-to-point": maybe("flag", "true where at most one bridge is"),
  transitions: maybe("count", "changes of the state since the start"),
  stp: maybe("text", "what spanning tree lets it do; null where none runs"),
  "stp.number": maybe("count", "the channel's number in its port identifier"),
  "stp.state": maybe("text", "discarding, learning or forwarding"),
  by: field("text", "what changed it"),
  disturbs: field("text", "whom the change disturbed"),
  changed: field("count", "objects added, changed or removed"),
  family: field("text", "ipv4 or ipv6"),
  group: maybe("text", "the group's address; null on the row that says who asks"),
  channels: field("words", "the channels that joined"),
  routers: field("words", "the channels with multicast routers behind them"),
  querier: maybe("text", "the address of who asks"),
  "querier-state": field("text", "none, other or own"),
  limited: field("flag", "true: multicast goes to members and routers alone; false: it floods"),
  "expires-ms": maybe("millis", "until its last member is forgotten, when nobody reports"),
  "opens-ms": maybe("millis", "until the channel opens by itself"),
  stations: field("count", "stations in the table"),
  "mac-limit": maybe("count", "stations that it may have"),
  isolation: field("text", "none, isolated, or its community"),
  broadcast: maybe("number", "broadcasts a second that pass"),
  multicast: maybe("number", "frames to groups a second that pass"),
  "unknown-unicast": maybe("number", "frames to unknown stations a second that pass"),
  receive: maybe("text", "state of the Receive machine"),
  periodic: maybe("text", "state of the Periodic Transmission machine"),
  mux: maybe("text", "state of this core's Mux machine"),
  selected: maybe("text", "whether the aggregate takes it"),
  actor: maybe("words", "our side's state, in words"),
  partner: maybe("words", "the partner's state, in words"),
  "pdus-sent": maybe("count", "LACPDUs sent"),
  "pdus-received": maybe("count", "LACPDUs received"),
  "actor-system": maybe("text", "our system: priority and MAC"),
  "actor-key": maybe("count", "our key"),
  "actor-port": maybe("any", "our port's priority and number"),
  "since-ms": maybe("millis", "time since the state began"),
  "last-received-ms": maybe("millis", "time since the last one came"),
  "last-sent-ms": maybe("millis", "time since the last one left"),
  "actor-churn": maybe("any", "whether our side does not settle"),
  "partner-churn": maybe("any", "whether the partner does not settle"),
  "actor-churns": maybe("count", "how often our side did not settle"),
  "partner-churns": maybe("count", "how often the partner did not settle"),
  "markers-received": maybe("count", "markers received"),
  "marker-responses-sent": maybe("count", "markers answered"),
  "marker-responses-received": maybe("count", "answers to markers received"),
  "unknown-received": maybe("count", "slow frames of unknown protocols"),
  "illegal-received": maybe("count", "slow frames that are malformed"),
  "own-received": maybe("count", "own LACPDUs that came back"),
  expiries: maybe("count", "how often the partner's word ran out"),
  "partner-changes": maybe("count", "how often the partner was another"),
  protocol: maybe("any", "the protocol that is spoken"),
  "root-channel": maybe("any", "the channel towards the root"),
  "designated-cost": maybe("any", "cost of the designated bridge to the root"),
  priority: maybe("any", "its priority, as it counts now"),
  guard: maybe("any", "a guard that shut it"),
  settled: maybe("any", "whether the tree has settled there"),
  "bpdus-sent": maybe("any", "BPDUs sent"),
  "bpdus-received": maybe("any", "BPDUs received"),
  "rst-sent": maybe("any", "rapid BPDUs sent"),
  "config-sent": maybe("any", "configuration BPDUs sent"),
  "tcn-sent": maybe("any", "topology change notifications sent"),
  "rst-received": maybe("any", "rapid BPDUs received"),
  "config-received": maybe("any", "configuration BPDUs received"),
  "tcn-received": maybe("any", "topology change notifications received"),
  "pvst-received": maybe("any", "BPDUs of PVST+ received"),
  "bad-received": maybe("any", "BPDUs that are malformed"),
  "topology-changes": maybe("any", "topology changes"),
  "topology-change-ms": maybe("any", "time since the last"),
  "topology-change-channel": maybe("any", "where it came from"),
  "hello-ms": maybe("any", "hello time in use"),
  "forward-delay-ms": maybe("any", "forward delay in use"),
  "max-age-ms": maybe("any", "maximum age in use"),
  name: maybe("any", "the name in the configuration"),
  vrid: maybe("any", "the number of the virtual router on its link"),
  "master-address": maybe("any", "the address of the active router"),
  "virtual-mac": maybe("any", "the MAC that moves"),
  "last-transition": maybe("any", "when its state changed last"),
  "adverts-sent": maybe("any", "advertisements sent"),
  "adverts-received": maybe("any", "advertisements received"),
  "base-priority": maybe("any", "the priority that was configured"),
  demotion: maybe("any", "what tracking takes from it"),
  "interval-ms": maybe("any", "our advertisement interval"),
  "master-interval-ms": maybe("any", "the active router's interval"),
  "master-down-ms": maybe("any", "silence after which it counts as gone"),
  "skew-ms": maybe("any", "what is added by priority"),
  preempt: maybe("any", "whether it takes over from a lower one"),
  "checksum-sent": maybe("any", "the checksum that we send"),
  "checksum-heard": maybe("any", "the checksum that others send"),
  "master-mac": maybe("any", "the MAC of the active router"),
  "heard-ms": maybe("any", "time since its last word"),
  "releases-sent": maybe("any", "priority 0 sent"),
  "releases-received": maybe("any", "priority 0 received"),
  announcements: maybe("any", "gratuitous announcements sent"),
  rivals: maybe("any", "rivals met"),
  "late-max-ms": maybe("any", "the latest that an advertisement was"),
  "link-master": maybe("any", "the core that speaks for it"),
  "owner-core": maybe("any", "the core that owns the entry"),
  updated: maybe("any", "heard of since the last ageing"),
  object: field("text", "the object of show"),
  oldest: maybe("time", "the oldest moment that is kept"),
  newest: maybe("time", "the newest moment that is kept"),
  "past.age-ms": maybe("millis", "time since the newest moment"),
  moments: field("count", "how many are kept"),
  bytes: field("count", "what they take"),
};

/** The schema of an object's field. */
export function fieldSchema(object: string, name: string): Schema {
  const known = FIELDS[`${object}.${name}`] ?? FIELDS[name];
  if (known === undefined) return {};
  const { kind, nullable, summary } = known;
  const schema: Schema = KINDS[kind];
  const type = schema["type"];
  const widened = nullable === true && typeof type === "string" ? { type: [type, "null"] } : {};
  return { ...schema, ...widened, description: summary };
}
