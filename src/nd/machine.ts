// The machine of one neighbour (neighbour unreachability detection): RFC 4861 section 7.3 and Appendix C, and where
// those disagree section 7.2.5. Pure: from a state and what happened to the next state and what is to be done. Beside
// the RFC's states stand three that only say where the machine is: Wanted, Gone and None.

/** States, the usable ones first: to a neighbour in one of these frames are sent. */
export const State = {
  Reachable: 0,
  Stale: 1,
  Delay: 2,
  Probe: 3,
  Incomplete: 4,
  /** Waited for on this core; another core runs the machine, or will say so. */
  Wanted: 5,
  /** Deleted; remembered for a while, so that a late message does not bring it back. */
  Gone: 6,
  None: 7,
} as const;
export type State = (typeof State)[keyof typeof State];
export const STATE_NAMES = [
  "reachable",
  "stale",
  "delay",
  "probe",
  "incomplete",
  "incomplete",
  "gone",
  "none",
] as const;

export const isUsable = (state: number): boolean => state <= State.Probe;

/** What a message says of the neighbour's link-layer address, seen from the entry. */
export const Link = { None: 0, Same: 1, Different: 2 } as const;
export type Link = (typeof Link)[keyof typeof Link];

/** What is to be done beside changing the state; bits above the state. */
export const Act = {
  /** Take the link-layer address of the message. */
  Record: 0x10,
  /** Take the router flag of the message. */
  Router: 0x20,
  /** Frames that wait may leave. */
  Release: 0x40,
  /** Solicit by multicast. */
  Multicast: 0x80,
  /** Solicit the known link-layer address. */
  Unicast: 0x100,
  /** The neighbour does not answer: frames that wait have failed. */
  Fail: 0x200,
  /** The neighbour was confirmed to be reachable, again or for the first time. */
  Confirm: 0x400,
  /** The message is not to be acted on at all. */
  Ignore: 0x800,
} as const;

export const stateOf = (outcome: number): State => (outcome & 15) as State;

const KNOWN = (link: Link): boolean => link !== Link.None;

/** A neighbour advertisement (7.2.5). In None it is discarded; RFC 9131 lets a router take it as a hint. */
export function onAdvertisement(
  state: State,
  solicited: boolean,
  override: boolean,
  link: Link,
): number {
  if (state === State.Incomplete) {
    if (!KNOWN(link)) return state | Act.Ignore;
    const next = solicited ? State.Reachable : State.Stale;
    const confirmed = solicited ? Act.Confirm : 0;
    return next | Act.Record | Act.Router | Act.Release | confirmed;
  }
  if (!isUsable(state)) return state | Act.Ignore;
  if (link === Link.Different && !override) {
    return state === State.Reachable ? State.Stale : state | Act.Ignore;
  }
  const record = link === Link.Different ? Act.Record : 0;
  if (solicited) return State.Reachable | record | Act.Router | Act.Confirm;
  return (record === 0 ? state : State.Stale) | record | Act.Router;
}

/** A solicitation, router message or redirect with the neighbour's link-layer address (6.2.6, 6.3.4, 7.2.3, 8.3). */
export function onHint(state: State, link: Link): number {
  if (link === Link.None) return state | Act.Ignore;
  if (state === State.None) return State.Stale | Act.Record;
  if (state === State.Incomplete) return State.Stale | Act.Record | Act.Release;
  if (link === Link.Same) return state;
  return State.Stale | Act.Record;
}

/** A frame is sent to the neighbour. */
export function onSend(state: State): number {
  if (state === State.None) return State.Incomplete | Act.Multicast;
  return state === State.Stale ? State.Delay : state;
}

/** An upper layer says that the neighbour answers. */
export function onConfirm(state: State): number {
  return isUsable(state) ? State.Reachable | Act.Confirm : state | Act.Ignore;
}

/** The state's timer ran out; `isLast`: as many solicitations as the state may send have been sent. */
export function onTimer(state: State, isLast: boolean): number {
  switch (state) {
    case State.Reachable:
      return State.Stale;
    case State.Delay:
      return State.Probe | Act.Unicast;
    case State.Probe:
      return isLast ? State.None | Act.Fail : state | Act.Unicast;
    case State.Incomplete:
      return isLast ? State.None | Act.Fail : state | Act.Multicast;
    default:
      return state;
  }
}
