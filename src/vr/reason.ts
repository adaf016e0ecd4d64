// Why a machine moved, and what kind of rival was met: the numbers in messages and events, and the words of `show vr`.

/** Reasons of a change of state, in the order of their numbers. Append only. */
export const REASON_NAMES = [
  "none",
  "started", // The router was configured, or what it needs came back.
  "owner", // It owns the addresses: Active at once (RFC 9568 6.4.1).
  "no-advertisement", // Active_Down_Timer fired; HSRP: the active timer.
  "released", // The Active router said priority 0; HSRP: it resigned; CARP: it bowed out.
  "preempted", // The Active router was lower than us.
  "higher-priority", // A higher router is Active; CARP: a more frequent one.
  "higher-address", // An equal one whose address wins.
  "interface-down",
  "tracked-down", // What it tracks leaves it no priority.
  "group", // Another router of its group moved.
  "stopped", // The appliance stops, or the router was removed.
  "changed", // A reload changed what the router is.
  "coup", // HSRP: a higher router said so.
  "standby-timer", // HSRP: nobody was Standby.
  "demoted", // CARP: the Active router is demoted more than we are, or less.
  "too-slow", // CARP: the Active router advertises so seldom that it would time out.
  "speaking", // HSRP: nobody was heard to be Active.
] as const;
export type ReasonName = (typeof REASON_NAMES)[number];
/** Reason by name. */
export const Reason: { readonly [N in ReasonName]: number } = Object.fromEntries(
  REASON_NAMES.map((name, index) => [name, index]),
) as { [N in ReasonName]: number };

/** Kinds of rivals (VR-6), in the order of their numbers. Append only. */
export const RIVAL_NAMES = [
  "two-active", // Somebody else is Active too, and we stay.
  "yielded", // Somebody else is Active too, and we gave way.
  "equal-priority", // A router of our own priority: who wins is left to addresses.
  "answered", // Somebody answered for our address from another MAC.
] as const;
export const Rival = { TwoActive: 0, Yielded: 1, EqualPriority: 2, Answered: 3 } as const;
