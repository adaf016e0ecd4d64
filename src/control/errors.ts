// Every error that people or programs may see from the control core and the command line: one list of codes, each
// with its exit code and its HTTP status. docs/reference/errors.md is printed from this list.

/** Exit codes of the command line (02: names and codes are fixed). */
export const Exit = { Ok: 0, Failed: 1, Usage: 2, NoAppliance: 3, NotPermitted: 4 } as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

interface ErrorKind {
  readonly exit: Exit;
  /** HTTP status on the API (RFC 9110). */
  readonly status: number;
  readonly meaning: string;
}

const kind = (exit: Exit, status: number, meaning: string): ErrorKind => ({
  exit,
  status,
  meaning,
});

/** The codes; add at will, rename never. */
export const ERROR_CODES = [
  "usage",
  "configuration-invalid",
  "configuration-unreadable",
  "not-in-this-version",
  "node-too-old",
  "no-appliance",
  "socket-in-use",
  "socket-failed",
  "not-permitted",
  "not-found",
  "value-invalid",
  "core-not-online",
  "core-silent",
  "core-failed",
  "reload-refused",
  "operation-failed",
  "port-failed",
  "output-closed",
  "unauthorized",
  "read-only",
  "method-not-allowed",
  "too-large",
  "media-type",
  "misdirected",
  "too-many",
  "change-pending",
  "nothing-pending",
  "not-kept",
  "file-changed",
  "file-failed",
  "unavailable",
  "refused",
  "full",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What each code means to a shell and to an HTTP client. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = {
  usage: kind(Exit.Usage, 400, "The command or request is not one that exists, or lacks a word."),
  "configuration-invalid": kind(Exit.Usage, 422, "The configuration has faults; nothing started."),
  "configuration-unreadable": kind(Exit.Usage, 422, "The configuration file cannot be read."),
  "not-in-this-version": kind(Exit.Usage, 404, "The specification has it, this version has not."),
  "node-too-old": kind(
    Exit.Usage,
    500,
    "The Node.js that runs is older than the oldest supported.",
  ),
  "no-appliance": kind(Exit.NoAppliance, 503, "Nobody answers on the control socket."),
  "socket-in-use": kind(Exit.Failed, 409, "Another appliance listens on the control socket."),
  "socket-failed": kind(Exit.Failed, 409, "The control socket cannot be made."),
  "not-permitted": kind(Exit.NotPermitted, 403, "The system refuses the right to do it."),
  "not-found": kind(Exit.Failed, 404, "The named thing does not exist."),
  "value-invalid": kind(Exit.Usage, 400, "A value is not of the form that is expected."),
  "core-not-online": kind(Exit.Failed, 503, "The core that must do it does not run."),
  "core-silent": kind(Exit.Failed, 503, "The core did not answer in time."),
  "core-failed": kind(Exit.Failed, 503, "A core ended with an error and could not go on."),
  "reload-refused": kind(Exit.Failed, 409, "The change needs a restart; nothing changed."),
  "operation-failed": kind(Exit.Failed, 500, "It was tried and failed for a fault of ours."),
  "port-failed": kind(Exit.Failed, 503, "A port cannot be opened."),
  "output-closed": kind(Exit.Failed, 500, "Nobody reads the output any more."),
  unauthorized: kind(Exit.NotPermitted, 401, "The request has no token, or a wrong one."),
  "read-only": kind(Exit.NotPermitted, 403, "The token may read, and the request would change."),
  "method-not-allowed": kind(Exit.Usage, 405, "The path exists, but not with this method."),
  "too-large": kind(Exit.Usage, 413, "The request is larger than the limit."),
  "media-type": kind(Exit.Usage, 415, "The body is of another media type than the path takes."),
  misdirected: kind(Exit.Failed, 421, "The request names a host that this server is not."),
  "too-many": kind(Exit.Failed, 429, "More requests or open streams than the limit."),
  "change-pending": kind(Exit.Failed, 409, "A change waits for its confirmation."),
  "nothing-pending": kind(Exit.Failed, 409, "No change waits, or there is none to go back to."),
  "file-changed": kind(
    Exit.Failed,
    409,
    "The configuration file is not what was read; nothing was written.",
  ),
  "file-failed": kind(Exit.Failed, 507, "The configuration file cannot be written."),
  unavailable: kind(Exit.Failed, 503, "The appliance cannot do it now; it may later."),
  refused: kind(Exit.Failed, 409, "The appliance is not in a state in which that can be done."),
  full: kind(Exit.Failed, 409, "The table has no room, and nothing in it may give way."),
  "not-kept": kind(Exit.Failed, 404, "The past is not kept so far back, or not of this object."),
};

/** An error with a code; `message` says what, `hint` why or what to do. */
export class ControlError extends Error {
  override readonly name: string = "ControlError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }

  get exit(): Exit {
    return ERRORS[this.code].exit;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** One thing wrong with a configuration, with its place. */
export interface Fault {
  /** A fault refuses the file; a warning only tells. */
  readonly severity: "fault" | "warning";
  /** Line and column of the value (of the key, for an unknown key), from 1. */
  readonly line: number;
  readonly column: number;
  /** Keys joined by dots, list positions in brackets: `ports.p0.driver`, `routes[0].via`. */
  readonly path: string;
  /** What stands there, shortened; "" when nothing does. */
  readonly found: string;
  /** What should stand there. */
  readonly expected: string;
  /** What to do; "" when `expected` says it all. */
  readonly hint: string;
}

/** A configuration that is refused: all its faults, never only the first. */
export class ConfigError extends ControlError {
  override readonly name: string = "ConfigError";
  readonly faults: readonly Fault[];

  constructor(file: string, faults: readonly Fault[]) {
    const count = faults.filter((fault) => fault.severity === "fault").length;
    const what = `${file} has ${count} ${count === 1 ? "fault" : "faults"}; nothing was changed`;
    super("configuration-invalid", what, "each one is listed with its line and path");
    this.faults = faults;
  }
}

/** Prints a fault as `check` does: place and finding, then the hint on a line of its own. */
export function describeFault(file: string, fault: Fault): string {
  const place = `${file}:${fault.line}:${fault.column}`;
  const found = fault.found === "" ? "" : `found ${fault.found}, `;
  const head = `${place}: ${fault.severity}: ${fault.path || "the file"}: ${found}expected ${fault.expected}`;
  return fault.hint === "" ? head : `${head}\n    ${fault.hint}`;
}

/** The errno name of an error of the operating system, "" for any other. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : "";
}

/** An error in the two lines that people get: what, and why or what to do. */
export function twoLines(error: unknown): { what: string; why: string; exit: Exit } {
  if (error instanceof ControlError) {
    return { what: error.message, why: error.hint, exit: error.exit };
  }
  const message = error instanceof Error ? error.message : String(error);
  const [first = "", ...rest] = message.split("\n");
  const hint = (error as { hint?: unknown } | null)?.hint;
  // An error of a port says all in one line; here the remedy has its own.
  const what = first.endsWith(`: ${hint}`) ? first.slice(0, -`: ${hint}`.length) : first;
  const errno = errnoOf(error) || String((error as { errno?: unknown } | null)?.errno ?? "");
  const denied = /^E(PERM|ACCES)$/.test(errno);
  const why =
    typeof hint === "string"
      ? hint
      : rest.length > 0
        ? rest.join(" ").trim()
        : denied
          ? "run as root, or with the capabilities CAP_NET_RAW and CAP_NET_ADMIN"
          : "run again with --debug for the place in the program";
  return { what, why, exit: denied ? Exit.NotPermitted : Exit.Failed };
}
