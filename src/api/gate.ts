// What every request passes before anything else is loaded or done for it: rate, host, origin, token. An
// unauthenticated caller over HTTP gets no further, so it can neither read, nor change, nor make us spend memory. The
// Unix socket has no token, because the kernel has asked who may open it.

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { ControlError } from "../control/errors.ts";
import { OPERATIONS } from "../control/operations.ts";
import type { Tokens } from "./tokens.ts";

/** Requests a second, and how many at once after a rest. A page asks for some ten objects a second. Our choice. */
const RATE = 500;
const BURST = 1000;
/** Wrong tokens a second from everywhere together: a guesser gets nowhere. Our choice. */
const WRONG_RATE = 5;
const WRONG_BURST = 20;

/** A budget that fills with time. */
export class Budget {
  readonly #rate: number;
  readonly #most: number;
  #left: number;
  #at: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#most = burst;
    this.#left = burst;
    this.#at = now;
  }

  /** Takes one; false when there is none. */
  take(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

export interface GateOptions {
  /** null: nobody has a token. */
  readonly tokens: Tokens | null;
  /** Whoever has no token may read (the lab, on loopback), never change. */
  readonly openForReading: boolean;
  /** The host that the configuration names, beside every address and localhost. */
  readonly host: string;
  readonly now: () => number;
}

/** Operations by method and path, as expressions. */
const PATTERNS = OPERATIONS.map(({ method, path, rights, stream }) => ({
  method,
  rights,
  stream,
  pattern: new RegExp(`^/api/v1/${path.replaceAll(/:[a-z]+/g, "[^/]+")}$`),
}));

/** What a request needs: by its operation, else by its method. */
function needs(method: string, path: string): { rights: "read" | "write"; reads: boolean } {
  const asked = method === "HEAD" ? "GET" : method;
  const known = PATTERNS.find((one) => one.method === asked && one.pattern.test(path));
  const reads = asked === "GET" || asked === "OPTIONS";
  if (known === undefined) return { rights: reads ? "read" : "write", reads };
  return { rights: known.rights, reads: reads || known.rights === "read" };
}

export class Gate {
  readonly #options: GateOptions;
  readonly #requests: Budget;
  readonly #wrong: Budget;

  constructor(options: GateOptions) {
    this.#options = options;
    const now = options.now();
    this.#requests = new Budget(RATE, BURST, now);
    this.#wrong = new Budget(WRONG_RATE, WRONG_BURST, now);
  }

  /** Why a request goes no further; undefined when it may. */
  refuses(request: IncomingMessage): ControlError | undefined {
    const now = this.#options.now();
    const refusal = this.#misdirected(request) ?? this.#unauthorized(request, now);
    // Only who may ask at all spends of the budget: a stranger must not shut others out.
    if (refusal !== undefined || this.#requests.take(now)) return refusal;
    return new ControlError("too-many", "Too many requests", `at most ${RATE} a second`);
  }

  /**
   * A page of somebody else must not reach us through a browser on this machine: neither by a name that it lets point
   * at us (the Host is then that name, not an address), nor from its own origin.
   */
  #misdirected(request: IncomingMessage): ControlError | undefined {
    const host = hostOf(request.headers.host ?? "");
    const known = host === "localhost" || host === this.#options.host || isIP(host) !== 0;
    if (!known || host === "") {
      const hint = "ask by the address, as in http://127.0.0.1:7474/";
      return new ControlError("misdirected", `This is no server for "${host}"`, hint);
    }
    const { origin } = request.headers;
    if (origin === undefined || origin === `http://${request.headers.host}`) return undefined;
    return new ControlError("misdirected", "The request comes from another site", "");
  }

  #unauthorized(request: IncomingMessage, now: number): ControlError | undefined {
    const { tokens, openForReading } = this.#options;
    const [path = ""] = (request.url ?? "").split("?");
    const need = needs(request.method ?? "", path);
    const { authorization } = request.headers;
    if (authorization === undefined && openForReading && need.reads) return undefined;
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    const rights = token === undefined || tokens === null ? "none" : tokens.rightsOf(token);
    if (rights === "none") {
      if (authorization !== undefined && !this.#wrong.take(now)) {
        return new ControlError("too-many", "Too many wrong tokens", "try again in a while");
      }
      const what = authorization === undefined ? "A token is missing" : "The token is wrong";
      return new ControlError("unauthorized", what, "send the header Authorization: Bearer TOKEN");
    }
    if (rights === "write" || need.rights === "read") return undefined;
    const hint = "use the write token of the token file";
    return new ControlError("read-only", "This token may read, not change", hint);
  }
}

/** The host of a Host header, without its port and brackets, in lower case. */
function hostOf(header: string): string {
  const [, six, name = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(header) ?? [];
  return (six ?? name).toLowerCase();
}
