// Every metric: name, type, labels, help. The dashboard and the alert rules of ops/ are checked against this list, and
// the list against what is served.

export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
  readonly help: string;
}

const counter = (name: string, help: string, ...labels: string[]): Metric => ({
  name: `linkloom_${name}_total`,
  type: "counter",
  labels,
  help,
});
const gauge = (name: string, help: string, ...labels: string[]): Metric => ({
  name: `linkloom_${name}`,
  type: "gauge",
  labels,
  help,
});

/** Metrics of ours, always served. */
export const METRICS: readonly Metric[] = [
  gauge("info", "1, with the version.", "version"),
  gauge("start_time_seconds", "When every core forwarded, since 1970."),
  gauge("resident_memory_bytes", "Memory of the whole process."),
  counter("cpu_seconds", "CPU time of the whole process."),
  gauge("core_state", "1 for the state that a core is in.", "core", "state"),
  gauge("core_role", "1 for the core that plays a role.", "core", "role"),
  gauge("core_load_ratio", "Share of the time that a core is busy.", "core"),
  counter("core_restarts", "Restarts of a core.", "core"),
  counter("core_frames_received", "Frames that a core received.", "core"),
  counter("core_frames_sent", "Frames that a core sent.", "core"),
  gauge("timer_lateness_seconds", "The latest that a core's tick ever was.", "core"),
  counter("bus_messages", "Messages between cores, by type.", "type"),
  gauge("bus_high_water", "Most messages that ever waited.", "from", "to"),
  counter("bus_resyncs", "Tables sent whole after an overflow.", "from", "to"),
  gauge("table_entries", "Live entries.", "table", "core"),
  gauge("coherent", "1 while every core has the same table.", "table"),
  gauge("port_up", "1 while the link is up.", "port"),
  counter("port_frames_received", "Frames received.", "port"),
  counter("port_frames_sent", "Frames sent.", "port"),
  counter("port_bytes_received", "Bytes received.", "port"),
  counter("port_bytes_sent", "Bytes sent.", "port"),
  counter("port_drops", "Frames that a port's driver did not take.", "port"),
  counter("drops", "Frames and requests given up, by reason.", "reason"),
  counter("arp_requests", "ARP requests sent."),
  counter("arp_replies", "ARP replies sent."),
  counter("fdb_moves", "Stations that moved to another channel, as a core saw it."),
  counter("fdb_learned", "Stations learned, as a core saw it."),
  gauge("channel_up", "1 while a channel carries frames.", "channel"),
  gauge("channel_members", "Members configured.", "channel"),
  gauge("channel_active_members", "Members that carry frames.", "channel"),
  gauge(
    "lacp_member_state",
    "1 for the state of a member's Mux machine.",
    "channel",
    "port",
    "state",
  ),
  gauge(
    "stp_port_state",
    "1 for the state of a channel in a bridge's spanning tree.",
    "bridge",
    "channel",
    "state",
  ),
  gauge("vr_state", "1 for the state of a virtual router.", "name", "family", "state"),
  counter("vr_transitions", "State changes of virtual routers.", "reason"),
  counter("events", "Events, by name.", "event"),
];

const compat = (type: Metric["type"], name: string, ...labels: string[]): Metric => ({
  name,
  type,
  labels,
  help: "For dashboards of another exporter.",
});
const KEEPALIVED = ["iname", "intf", "vrid", "state"] as const;
const FRR = ["proto", "vrid", "interface", "subinterface"] as const;

/** The same under the names of node_exporter, keepalived_exporter and frr_exporter (--compat-metrics). */
export const COMPAT_METRICS: readonly Metric[] = [
  compat("gauge", "node_bonding_slaves", "master"),
  compat("gauge", "node_bonding_active", "master"),
  compat("gauge", "node_arp_entries", "device"),
  compat("gauge", "keepalived_up"),
  compat("gauge", "keepalived_vrrp_state", "iname", "intf", "vrid", "ip_address"),
  compat("counter", "keepalived_advertisements_received_total", ...KEEPALIVED),
  compat("counter", "keepalived_advertisements_sent_total", ...KEEPALIVED),
  compat("gauge", "frr_vrrp_state", ...FRR, "state"),
  compat("counter", "frr_vrrp_adverTx_total", ...FRR),
  compat("counter", "frr_vrrp_adverRx_total", ...FRR),
];
