// Errors of a running appliance that people hear as they are.

import type { PlainError } from "./protocol.ts";

/** A code, a text and what to do. */
export class ApplianceError extends Error {
  override readonly name = "ApplianceError";
  readonly code: string;
  readonly hint: string | undefined;
  /** The name of the errno, where the system refused. */
  errno = "";

  constructor(code: string, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** An error that came from a core's thread. */
export function revive(error: PlainError): ApplianceError {
  const revived = new ApplianceError(
    error.code ?? (error.errno === undefined ? "operation-failed" : "port-failed"),
    error.message,
    error.hint,
  );
  revived.errno = error.errno ?? "";
  return revived;
}
