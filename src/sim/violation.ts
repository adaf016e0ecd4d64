// What the simulator says when a promise is broken: which promise, and what was seen.

export class Violation extends Error {
  /** The invariant's name: a shrunk script must break the same one. */
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}
