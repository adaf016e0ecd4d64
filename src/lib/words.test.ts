import assert from "node:assert/strict";
import { test } from "node:test";
import { copyWords } from "./words.ts";

test("every count of words arrives, and nothing beside them is touched", () => {
  for (let count = 0; count <= 40; count++) {
    const words = Int32Array.from({ length: 128 }, (_, index) => index * 0x01010101);
    const expected = words.slice();
    expected.copyWithin(70, 3, 3 + count);

    copyWords(words, 3, 70, count);

    assert.deepEqual(words, expected, `${count} words`);
  }
});
