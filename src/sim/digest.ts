// A running 64-bit digest of everything that a run did: two runs of one script have the same one.

export class Digest {
  #a: number = 0x811c9dc5 | 0;
  #b: number = 0x9e3779b9 | 0;

  add(value: number): void {
    const word = value | 0;
    this.#a = Math.imul(this.#a ^ word, 0x01000193);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + word, 0x85ebca6b);
    this.#b ^= this.#b >>> 13;
  }

  bytes(view: DataView, start: number, end: number): void {
    let at = start;
    for (; at + 4 <= end; at += 4) this.add(view.getInt32(at));
    for (; at < end; at++) this.add(view.getUint8(at));
    this.add(end - start);
  }

  get text(): string {
    const part = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return part(this.#a) + part(this.#b);
  }
}
