// Rows of an object over time, in few bytes: what differs from the rows before, exactly. A number is expected to go on
// as it went (counters tick, ages grow), and only the difference from that is written; so an hour of them is small.
// Strings stand once and are numbers from then on. Encoder and decoder go the same steps from the same empty beginning.

export type Row = Readonly<Record<string, unknown>>;

/** A list or a nested value, as its JSON. */
class Json {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
/** A value of a row; undefined: the row has no such field. */
type Cell = number | string | boolean | null | undefined | Json;

/** What stands at a changed cell. Its number takes the low four bits of the step to the cell. */
const Kind = {
  /** A whole number, as the difference from what was expected. */
  Whole: 0,
  /** A number with at most three decimals, in thousandths. */
  Thousandths: 1,
  /** Any other number: 8 bytes. */
  Float: 2,
  Text: 3,
  Json: 4,
  True: 5,
  False: 6,
  Null: 7,
  Absent: 8,
} as const;

/** What the first byte of a difference says is there. */
const HAS_COLUMNS = 1;
const HAS_ROWS = 2;
/** Whole numbers up to here are written as differences, so that no difference is rounded. */
const LARGEST = 2 ** 51;
const SCRATCH = 4096;

/** Bytes that grow; kept from one difference to the next. */
export class Writer {
  #bytes = new Uint8Array(SCRATCH);
  #view = new DataView(this.#bytes.buffer);
  at = 0;

  /** What was written; valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }

  /** Begins again; a buffer that had to be large once is given back. */
  clear(): void {
    this.at = 0;
    if (this.#bytes.length > 16 * SCRATCH) this.#replace(SCRATCH);
  }

  varint(value: number): void {
    this.#need(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.at++] = rest;
  }

  /** Small negative numbers are as short as small positive ones. */
  signed(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  float(value: number): void {
    this.#need(8);
    this.#view.setFloat64(this.at, value);
    this.at += 8;
  }

  text(text: string): void {
    this.#need(3 * text.length + 8);
    // The length goes before, so the text is written first where it would stand behind a length of eight bytes.
    const { written } = ENCODER.encodeInto(text, this.#bytes.subarray(this.at + 8));
    const from = this.at + 8;
    this.varint(written);
    this.#bytes.copyWithin(this.at, from, from + written);
    this.at += written;
  }

  bytes(bytes: Uint8Array): void {
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  #need(count: number): void {
    if (this.at + count <= this.#bytes.length) return;
    const old = this.#bytes;
    this.#replace(Math.max(old.length * 2, this.at + count));
    this.#bytes.set(old);
  }

  #replace(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Reads what a Writer wrote. */
export class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++] ?? 0;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  float(): number {
    const { buffer, byteOffset } = this.#bytes;
    this.at += 8;
    return new DataView(buffer, byteOffset).getFloat64(this.at - 8);
  }

  text(): string {
    const length = this.varint();
    this.at += length;
    return DECODER.decode(this.#bytes.subarray(this.at - length, this.at));
  }
}

/** The rows as both sides know them. */
class Table {
  readonly columns: string[] = [];
  rows: Cell[][] = [];
  /** By how much each number differed from the one before it. */
  steps: number[][] = [];

  /** Takes `deleted` rows out at `at` and puts `inserted` empty ones there. */
  splice(at: number, deleted: number, inserted: number): void {
    const empty = (): never[][] => Array.from({ length: inserted }, () => []);
    this.rows.splice(at, deleted, ...empty());
    this.steps.splice(at, deleted, ...empty());
  }
}

/** The number that is expected where `value` was. */
function expected(value: Cell, step: number | undefined): number {
  if (typeof value !== "number" || !isWhole(value)) return 0;
  const next = value + (step ?? 0);
  return isWhole(next) ? next : value;
}

const isWhole = (value: number): boolean =>
  Number.isInteger(value) && Math.abs(value) <= LARGEST && !Object.is(value, -0);

/** The step to remember when `value` follows `before`. */
const stepOf = (before: Cell, value: number): number =>
  typeof before === "number" && isWhole(before) && isWhole(value) ? value - before : 0;

/** Writes rows as differences from those before. */
export class Encoder {
  readonly #keys: readonly string[];
  readonly #table = new Table();
  readonly #columns = new Map<string, number>();
  readonly #texts = new Map<string, number>();
  #names: string[] = [];

  /** `keys` are the fields that say which thing a row is. */
  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  /** Writes one difference: never no byte at all. */
  encode(rows: readonly Row[], out: Writer): void {
    const fresh = this.#newColumns(rows);
    const names = rows.map((row) => this.#keys.map((key) => String(row[key])).join("\t"));
    const old = this.#names;
    let first = 0;
    while (first < old.length && first < names.length && old[first] === names[first]) first++;
    let last = 0;
    const most = Math.min(old.length, names.length) - first;
    while (last < most && old[old.length - 1 - last] === names[names.length - 1 - last]) last++;
    const deleted = old.length - first - last;
    const inserted = names.length - first - last;
    const moves = deleted > 0 || inserted > 0;
    out.varint((fresh.length > 0 ? HAS_COLUMNS : 0) + (moves ? HAS_ROWS : 0));
    if (fresh.length > 0) {
      out.varint(fresh.length);
      for (const name of fresh) out.text(name);
    }
    if (moves) {
      for (const number of [first, deleted, inserted]) out.varint(number);
      this.#table.splice(first, deleted, inserted);
      this.#names = names;
    }
    this.#cells(rows, out);
  }

  #newColumns(rows: readonly Row[]): string[] {
    const fresh: string[] = [];
    for (const row of rows) {
      for (const name in row) {
        if (this.#columns.has(name)) continue;
        this.#columns.set(name, this.#columns.size);
        this.#table.columns.push(name);
        fresh.push(name);
      }
    }
    return fresh;
  }

  #cells(rows: readonly Row[], out: Writer): void {
    const { columns } = this.#table;
    let gap = 0;
    for (const [n, row] of rows.entries()) {
      const cells = this.#table.rows[n] as Cell[];
      const steps = this.#table.steps[n] as number[];
      for (let column = 0; column < columns.length; column++) {
        const value = row[columns[column] as string];
        gap = this.#cell(cells, steps, column, value, gap, out) ? 0 : gap + 1;
      }
    }
  }

  /** True when the cell was written: it is not as expected. */
  #cell(
    cells: Cell[],
    steps: number[],
    column: number,
    value: unknown,
    gap: number,
    out: Writer,
  ): boolean {
    const before = cells[column];
    if (typeof value === "number") return writeNumber(cells, steps, column, value, gap, out);
    if (typeof value === "string") {
      if (before === value) return false;
      out.varint(gap * 16 + Kind.Text);
      this.#text(value, out);
      cells[column] = value;
      return true;
    }
    const constant = CONSTANTS.get(value as undefined);
    if (constant !== undefined) {
      if (before === value) return false;
      out.varint(gap * 16 + constant);
      cells[column] = value as Cell;
      return true;
    }
    const text = JSON.stringify(value) ?? "null";
    if (before instanceof Json && before.text === text) return false;
    out.varint(gap * 16 + Kind.Json);
    this.#text(text, out);
    cells[column] = new Json(text);
    return true;
  }

  /** A text by its number; a new one has the next number and stands behind it. */
  #text(text: string, out: Writer): void {
    const known = this.#texts.get(text);
    out.varint(known ?? this.#texts.size);
    if (known !== undefined) return;
    this.#texts.set(text, this.#texts.size);
    out.text(text);
  }
}

const CONSTANTS: ReadonlyMap<boolean | null | undefined, number> = new Map([
  [true, Kind.True],
  [false, Kind.False],
  [null, Kind.Null],
  [undefined, Kind.Absent],
] as const);

function writeNumber(
  cells: Cell[],
  steps: number[],
  column: number,
  value: number,
  gap: number,
  out: Writer,
): boolean {
  const before = cells[column];
  const guess = expected(before, steps[column]);
  cells[column] = value;
  steps[column] = stepOf(before, value);
  if (isWhole(value)) {
    if (typeof before === "number" && isWhole(before) && value === guess) return false;
    out.varint(gap * 16 + Kind.Whole);
    out.signed(value - guess);
    return true;
  }
  if (Object.is(before, value)) return false;
  const thousandths = Math.round(value * 1000);
  if (isWhole(thousandths) && Object.is(thousandths / 1000, value)) {
    out.varint(gap * 16 + Kind.Thousandths);
    out.signed(thousandths);
  } else {
    out.varint(gap * 16 + Kind.Float);
    out.float(value);
  }
  return true;
}

/** Reads what an Encoder wrote, difference by difference. */
export class Decoder {
  readonly #table = new Table();
  readonly #texts: string[] = [];

  /** Applies the difference in `bytes` from `start` to `end`. */
  apply(bytes: Uint8Array, start: number, end: number): void {
    const reader = new Reader(bytes, start);
    const table = this.#table;
    const has = reader.varint();
    if ((has & HAS_COLUMNS) !== 0) {
      for (let left = reader.varint(); left > 0; left--) table.columns.push(reader.text());
    }
    if ((has & HAS_ROWS) !== 0) table.splice(reader.varint(), reader.varint(), reader.varint());
    let head = reader.at < end ? reader.varint() : -1;
    let gap = Math.floor(head / 16);
    for (let n = 0; n < table.rows.length; n++) {
      const cells = table.rows[n] as Cell[];
      const steps = table.steps[n] as number[];
      for (let column = 0; column < table.columns.length; column++) {
        const before = cells[column];
        if (head < 0 || gap-- > 0) {
          // As expected: it goes on as it went.
          if (typeof before !== "number") continue;
          const value = isWhole(before) ? expected(before, steps[column]) : before;
          steps[column] = stepOf(before, value);
          cells[column] = value;
          continue;
        }
        const value = this.#value(reader, head % 16, expected(before, steps[column]));
        if (typeof value === "number") steps[column] = stepOf(before, value);
        cells[column] = value;
        head = reader.at < end ? reader.varint() : -1;
        gap = Math.floor(head / 16);
      }
    }
  }

  #value(reader: Reader, kind: number, guess: number): Cell {
    switch (kind) {
      case Kind.Whole:
        return guess + reader.signed();
      case Kind.Thousandths:
        return reader.signed() / 1000;
      case Kind.Float:
        return reader.float();
      case Kind.Text:
        return this.#text(reader);
      case Kind.Json:
        return new Json(this.#text(reader));
      case Kind.True:
        return true;
      case Kind.False:
        return false;
      case Kind.Null:
        return null;
      default:
        return undefined;
    }
  }

  #text(reader: Reader): string {
    const number = reader.varint();
    if (number < this.#texts.length) return this.#texts[number] as string;
    const text = reader.text();
    this.#texts.push(text);
    return text;
  }

  /** The rows as they stand. */
  rows(): Row[] {
    const { columns, rows } = this.#table;
    return rows.map((cells) => {
      const row: Record<string, unknown> = {};
      for (const [column, name] of columns.entries()) {
        const cell = cells[column];
        if (cell !== undefined) row[name] = cell instanceof Json ? JSON.parse(cell.text) : cell;
      }
      return row;
    });
  }
}
