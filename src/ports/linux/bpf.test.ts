import assert from "node:assert/strict";
import { test } from "node:test";
import { createArrayMap, loadSocketFilter, mapArray, updateMap } from "./bpf.ts";
import { SystemError } from "./errno.ts";
import * as sys from "./ffi.ts";

const allowed = ((): boolean => {
  try {
    sys.close(createArrayMap("probe", 4, 1));
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === "EPERM") return false;
    throw error;
  }
})();
const options = allowed ? {} : { skip: "SKIPPED: bpf(2) needs CAP_BPF: run as root" };

const RETURN_3: Uint8Array = Uint8Array.from([
  ...[0xb7, 0, 0, 0, 3, 0, 0, 0], // r0 = 3
  ...[0x95, 0, 0, 0, 0, 0, 0, 0], // exit
]);

test("CORE-6 a steering table written by the call is seen in the mapped memory", options, () => {
  const fd = createArrayMap("ll_test", 4, 16);
  const mapped = mapArray(fd, 4, 16);
  assert.equal(updateMap(fd, 5, Uint8Array.from([1, 2, 3, 4])), true);
  assert.equal(mapped.view.getUint32(5 * 8, true), 0x04030201);
  assert.equal(updateMap(fd, 16, Uint8Array.from([1, 2, 3, 4])), false);
  mapped.unmap();
  sys.close(fd);
});

test(
  "CORE-6 a program loads, and a wrong one is refused with the verifier's words",
  options,
  () => {
    const fd = loadSocketFilter("ll_test", RETURN_3);
    assert.ok(fd > 0);
    sys.close(fd);
    assert.throws(
      () => loadSocketFilter("ll_test", RETURN_3.slice(0, 8)),
      (error: Error) => error instanceof SystemError && /verifier says/.test(error.hint),
    );
  },
);
