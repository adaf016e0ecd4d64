// SHA-1 (RFC 3174) and HMAC over it (RFC 2104): what CARP signs with. Not for anything new. One instance is reused:
// nothing is allocated per message.

/** Bytes of a digest and of a block. */
export const DIGEST = 20;
export const BLOCK = 64;

const START: Int32Array = Int32Array.of(
  0x67452301,
  0xefcdab89 | 0,
  0x98badcfe | 0,
  0x10325476,
  0xc3d2e1f0 | 0,
);

/** Turns `word` to the left. */
const turn = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** A hash in progress: `reset`, `push` bytes, `finish`. */
export class Sha1 {
  readonly #state = new Int32Array(5);
  readonly #words = new Int32Array(80);
  readonly #block = new DataView(new ArrayBuffer(BLOCK));
  #length = 0;

  constructor() {
    this.reset();
  }

  reset(): void {
    this.#state.set(START);
    this.#length = 0;
  }

  /** Goes on from where `other` is, after whole blocks. */
  resume(other: Sha1): void {
    this.#state.set(other.#state);
    this.#length = other.#length;
  }

  push(byte: number): void {
    this.#block.setUint8(this.#length % BLOCK, byte);
    this.#length++;
    if (this.#length % BLOCK === 0) this.#compress();
  }

  pushBytes(view: DataView, at: number, length: number): void {
    for (let n = 0; n < length; n++) this.push(view.getUint8(at + n));
  }

  /** Writes the 20 bytes of the digest at `to`; `reset` or `resume` before the next message. */
  finish(view: DataView, to: number): void {
    const bits = this.#length * 8;
    this.push(0x80);
    while (this.#length % BLOCK !== BLOCK - 8) this.push(0);
    this.#pushWord(Math.floor(bits / 0x1_0000_0000));
    this.#pushWord(bits >>> 0);
    for (let n = 0; n < 5; n++) view.setInt32(to + n * 4, this.#state[n] as number);
  }

  #pushWord(word: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.push((word >>> shift) & 0xff);
  }

  #compress(): void {
    const words = this.#words;
    for (let n = 0; n < 16; n++) words[n] = this.#block.getInt32(n * 4);
    for (let n = 16; n < 80; n++) {
      const mixed =
        (words[n - 3] as number) ^
        (words[n - 8] as number) ^
        (words[n - 14] as number) ^
        (words[n - 16] as number);
      words[n] = turn(mixed, 1);
    }
    const state = this.#state;
    let a = state[0] as number;
    let b = state[1] as number;
    let c = state[2] as number;
    let d = state[3] as number;
    let e = state[4] as number;
    for (let n = 0; n < 80; n++) {
      let mixed: number;
      if (n < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
      else if (n < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (n < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else mixed = (b ^ c ^ d) + 0xca62c1d6;
      const next = (turn(a, 5) + mixed + e + (words[n] as number)) | 0;
      e = d;
      d = c;
      c = turn(b, 30);
      b = a;
      a = next;
    }
    state[0] = (state[0] as number) + a;
    state[1] = (state[1] as number) + b;
    state[2] = (state[2] as number) + c;
    state[3] = (state[3] as number) + d;
    state[4] = (state[4] as number) + e;
  }
}

/** HMAC-SHA1 with one key: the two blocks of the key are hashed once. */
export class HmacSha1 {
  readonly #inner = new Sha1();
  readonly #outer = new Sha1();
  readonly #hash = new Sha1();
  readonly #digest = new DataView(new ArrayBuffer(DIGEST));

  constructor(key: Uint8Array) {
    const padded = new Uint8Array(BLOCK);
    if (key.length > BLOCK) {
      const whole = new Sha1();
      for (const byte of key) whole.push(byte);
      whole.finish(new DataView(padded.buffer), 0);
    } else padded.set(key);
    for (const byte of padded) {
      this.#inner.push(byte ^ 0x36);
      this.#outer.push(byte ^ 0x5c);
    }
  }

  /** Begins a message; push its bytes to what is returned, then `finish`. */
  begin(): Sha1 {
    this.#hash.resume(this.#inner);
    return this.#hash;
  }

  /** Writes the 20 bytes of the code at `to`. */
  finish(view: DataView, to: number): void {
    this.#hash.finish(this.#digest, 0);
    this.#hash.resume(this.#outer);
    this.#hash.pushBytes(this.#digest, 0, DIGEST);
    this.#hash.finish(view, to);
  }
}
