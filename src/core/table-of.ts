// Which table a message type belongs to: what is re-sent whole after an overflow (CORE-3).

import { MESSAGE_TYPES, Message, type MessageName, Table } from "../engine/message.ts";

const TYPES: readonly (readonly [table: number, names: readonly MessageName[]])[] = [
  [Table.Bridge, ["bridge-learn", "bridge-delete", "bridge-shut", "bridge-refuse"]],
  [Table.Arp, ["arp-entry", "arp-failed", "arp-delete"]],
  [Table.Nd, ["nd-entry", "nd-delete", "nd-move", "nd-own", "nd-router"]],
  [Table.Lag, ["lag-mux", "lag-select"]],
  [Table.Stp, ["stp-port", "stp-role", "stp-flush"]],
  [Table.Groups, ["group-entry"]],
  [Table.Vr, ["vr-state", "vmac-entry", "vmac-delete"]],
];

const TABLE_OF = new Int8Array(MESSAGE_TYPES).fill(-1);
for (const [table, names] of TYPES) for (const name of names) TABLE_OF[Message[name]] = table;

/** The table of a message type; -1 for none. */
export const tableOf = (type: number): number => TABLE_OF[type] as number;
