// The life of one address on one core, pure: RFC 826 fixes no states, so these are ARP-3, ARP-4 and ARP-6. The
// same table runs on the master and on replicas; a replica only never gets the inputs of ageing.

/** States of an entry. Up to Probing its MAC may be used. */
export const State = {
  /** The address is known. */
  Reachable: 0,
  /** Known, in use and due to go: asked for by unicast. Master only. */
  Probing: 1,
  /** Asked for; frames and cores may wait. */
  Pending: 2,
  /** Did not answer: not asked for again for a while. */
  Failed: 3,
  /**
   * Deleted; remembered for a while: an older message must not bring it back, nor a request follow too soon.
   */
  Gone: 4,
  /** No entry. */
  None: 5,
} as const;
export type State = (typeof State)[keyof typeof State];
export const STATE_NAMES = ["reachable", "probing", "pending", "failed", "gone", "none"] as const;

/** What can happen to an entry. */
export const Input = {
  /** A frame or another core needs the address. */
  Wanted: 0,
  /** ARP from the wire, the master or an operator gives its MAC. */
  Heard: 1,
  /** The last request or probe was not answered in time. */
  Exhausted: 2,
  /** Its time is over, and it was used since it was confirmed. */
  AgedUsed: 3,
  /** Its time is over, and nobody used it. */
  AgedIdle: 4,
  /** The master, an operator or the table's bound takes it away. */
  Deleted: 5,
  /** What was remembered of a failure or deletion is old enough to forget. */
  Forgotten: 6,
} as const;
export type Input = (typeof Input)[keyof typeof Input];

/** The state that follows. An input that a state has no use for leaves it. */
export function next(state: State, input: Input): State {
  if (input === Input.Heard) return State.Reachable;
  switch (state) {
    case State.Reachable:
      if (input === Input.AgedUsed) return State.Probing;
      return input === Input.AgedIdle || input === Input.Deleted ? State.Gone : state;
    case State.Probing:
      return input === Input.Exhausted || input === Input.Deleted ? State.Gone : state;
    case State.Pending:
      if (input === Input.Exhausted) return State.Failed;
      return input === Input.Deleted ? State.Gone : state;
    case State.Failed:
      return input === Input.Forgotten || input === Input.Deleted ? State.None : state;
    case State.Gone:
      if (input === Input.Wanted) return State.Pending;
      return input === Input.Forgotten ? State.None : state;
    case State.None:
      return input === Input.Wanted ? State.Pending : state;
  }
}

/** Whether frames may be sent to the entry's MAC. */
export function isUsable(state: State): boolean {
  return state <= State.Probing;
}
