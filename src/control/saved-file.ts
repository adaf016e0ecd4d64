// The file of `run -c`, and what runs beside it: whether they are the same, and how what runs becomes the file. Written
// whole or not at all, never over what somebody else changed meanwhile, with its mode and owner kept. The text is what
// was applied, so that its comments stay.

import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ControlError, errnoOf } from "./errors.ts";

/** How the file and what runs stand to each other. */
export type FileState =
  /** The file says what runs. */
  | "same"
  /** What runs was changed and not written. */
  | "unsaved"
  /** Somebody changed the file since it was read. */
  | "changed"
  /** The file is gone, or cannot be read. */
  | "gone";

const WORDS: Readonly<Record<FileState, readonly [what: string, hint: string]>> = {
  same: ["says what runs", ""],
  unsaved: [
    "does not say what runs: a change was applied and not saved",
    "linkloom save writes it",
  ],
  changed: [
    "was changed by somebody since it was read",
    "linkloom plan FILE shows what it would change",
  ],
  gone: ["cannot be read any more", "linkloom show history lists what ran"],
};

/** One sentence about the file. */
export function fileText(file: string, state: FileState): string {
  const [what, hint] = WORDS[state];
  return `${file} ${what}${hint === "" ? "" : `; ${hint.replace("FILE", file)}`}`;
}

export class SavedFile {
  /** Its whole path. */
  readonly name: string;
  readonly #path: string;
  /** What the file said when it was last read or written. */
  #known: string;
  /** The file as it was looked at last: its marks, and its text. */
  #seen = { marks: "", text: "" };

  /** `text` is what was read of it. */
  constructor(name: string, text: string) {
    this.name = resolve(name);
    this.#known = text;
    this.#path = realpathSync(name);
  }

  /** True for a name of this file. */
  isNamed(name: string): boolean {
    return resolve(name) === this.name;
  }

  /** The file was read again. */
  read(text: string): void {
    this.#known = text;
  }

  /** How it stands to what runs. */
  state(running: string): FileState {
    const text = this.#look();
    if (text === undefined) return "gone";
    if (text === running) return "same";
    return text === this.#known ? "unsaved" : "changed";
  }

  /** The file's text now; undefined when it cannot be read. It is only read when its marks have changed. */
  #look(): string | undefined {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.#path);
      const marks = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
      if (marks !== this.#seen.marks) {
        this.#seen = { marks, text: readFileSync(this.#path, "utf8") };
      }
      return this.#seen.text;
    } catch (error) {
      if (errnoOf(error) === "") throw error;
      return undefined;
    }
  }

  /** Throws what `save` would throw, without writing; so that nothing is begun that cannot be ended. */
  refuse(text: string): void {
    const state = this.state(text);
    if (state === "same" || state === "unsaved") return;
    const hint = "read it again first: kill -HUP, or apply it";
    throw new ControlError(
      "file-changed",
      `${this.name} ${WORDS[state][0]}; it is not written`,
      hint,
    );
  }

  /** Writes the text, or leaves the file as it is and throws. */
  save(text: string): void {
    this.refuse(text);
    if (this.#look() !== text) replaceFile(this.#path, text);
    this.#known = text;
  }
}

/** Puts a text in a file's place: temporary file, fsync, rename; mode and owner stay. */
export function replaceFile(path: string, text: string): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.new`);
  let open = -1;
  try {
    const { mode, uid, gid } = statSync(path);
    open = openSync(temporary, "wx", 0o600);
    writeFileSync(open, text);
    const made = fstatSync(open);
    if (made.uid !== uid || made.gid !== gid) fchownSync(open, uid, gid);
    fchmodSync(open, mode & 0o7777);
    fsyncSync(open);
    closeSync(open);
    open = -1;
    renameSync(temporary, path);
  } catch (error) {
    const errno = errnoOf(error);
    if (open >= 0) closeSync(open);
    if (errno !== "EEXIST") rmSync(temporary, { force: true });
    if (errno === "") throw error;
    throw writeError(path, errno, error);
  }
  syncFolder(folder);
}

/** The name, too, outlives a crash. Not every file system does that; the file is whole in any case. */
function syncFolder(folder: string): void {
  const open = openSync(folder, "r");
  try {
    fsyncSync(open);
  } catch (error) {
    if (errnoOf(error) !== "EINVAL") throw error;
  } finally {
    closeSync(open);
  }
}

function writeError(path: string, errno: string, cause: unknown): ControlError {
  const denied = /^E(PERM|ACCES|ROFS)$/.test(errno);
  const hint = denied
    ? "run linkloom save as who may write it"
    : "look at the disk; what runs is not touched by this";
  const code = denied ? "not-permitted" : "file-failed";
  return new ControlError(code, `Cannot write ${path}: ${errno}`, hint, { cause });
}
