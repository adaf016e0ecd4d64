import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { HmacSha1, Sha1 } from "./sha1.ts";

const out = new DataView(new ArrayBuffer(20));
const hex = (): string => Buffer.from(out.buffer).toString("hex");

test("VR-5 SHA-1 of any bytes is what the platform computes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const hash = new Sha1();
      for (const byte of bytes) hash.push(byte);
      hash.finish(out, 0);
      assert.equal(hex(), createHash("sha1").update(bytes).digest("hex"));
    }),
  );
});

test("VR-5 HMAC-SHA1 with any key is what the platform computes, message after message", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 3 }),
      (key, messages) => {
        const hmac = new HmacSha1(key);
        for (const message of messages) {
          const hash = hmac.begin();
          for (const byte of message) hash.push(byte);
          hmac.finish(out, 0);
          assert.equal(hex(), createHmac("sha1", key).update(message).digest("hex"));
        }
      },
    ),
  );
});
