// Our own bugs, and only those: bad bytes are counted and bad configuration is reported elsewhere.

/** Thrown when the program contradicts itself; the worker dies and the supervisor says so. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Stops at a broken invariant. `text` is constant, so that nothing is built when the condition holds. */
export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new AssertionError(text);
}
