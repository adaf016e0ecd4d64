// Who may do what over HTTP: a file with a read token and a write token, 0600, made when there is none. Tokens are
// compared by their digests in constant time, so that a guess learns nothing from how long the answer takes.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ControlError, errnoOf } from "../control/errors.ts";

export type Rights = "none" | "read" | "write";

/** Bytes of a token that we make: 256 bits, so that it cannot be guessed. */
const TOKEN_BYTES = 32;
/** Shortest token that a file may hold; our choice, against a word that somebody types. */
const SHORTEST = 16;

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

export class Tokens {
  readonly #known: readonly { digest: Buffer; rights: Rights }[];

  /** `lines`: "read TOKEN", "write TOKEN", or a token alone, which may write. */
  constructor(text: string, file: string) {
    const lines = text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
    this.#known = lines.map((line) => {
      const [, word = "write", token = ""] = /^(?:(read|write)\s+)?(\S+)$/.exec(line) ?? [];
      if (token.length < SHORTEST) {
        const hint = `write lines "read TOKEN" and "write TOKEN", each token of ${SHORTEST} characters at least`;
        throw new ControlError("value-invalid", `${file} has a line that is no token`, hint);
      }
      return { digest: digestOf(token), rights: word as Rights };
    });
    if (this.#known.length === 0) {
      const hint = "remove the file, and it is made anew";
      throw new ControlError("value-invalid", `${file} has no token`, hint);
    }
  }

  /** What a token allows. Every known token is compared, whichever fits. */
  rightsOf(token: string): Rights {
    const digest = digestOf(token);
    let rights: Rights = "none";
    for (const known of this.#known) {
      if (timingSafeEqual(digest, known.digest) && rights !== "write") ({ rights } = known);
    }
    return rights;
  }
}

/** Reads the file, or makes one that only its owner may read. Refuses one that others may read. */
export function openTokens(file: string): Tokens {
  try {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) {
      const hint = `others may read it: chmod 600 ${file}`;
      throw new ControlError("not-permitted", `The tokens in ${file} are no secret`, hint);
    }
    return new Tokens(readFileSync(file, "utf8"), file);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw readable(error, file);
  }
  const token = (): string => randomBytes(TOKEN_BYTES).toString("base64url");
  const text = [
    "# Tokens of Linkloom's API. Send one as: Authorization: Bearer TOKEN",
    `read ${token()}`,
    `write ${token()}`,
    "",
  ].join("\n");
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    // "wx" never follows a link that somebody else has put there.
    writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw readable(error, file);
  }
  return new Tokens(text, file);
}

function readable(error: unknown, file: string): unknown {
  const errno = errnoOf(error);
  if (errno === "") return error;
  const hint = "name another file by api.token-file";
  return new ControlError("not-permitted", `Cannot use the token file ${file}: ${errno}`, hint, {
    cause: error,
  });
}
