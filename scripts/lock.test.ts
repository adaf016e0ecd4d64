import assert from "node:assert/strict";
import { test } from "node:test";
import { complete, faultsOf, platformOf } from "./lock.ts";

test("a package's platform is read from its name", () => {
  assert.deepEqual(platformOf("@x/binding-linux-arm64-musl"), {
    os: ["linux"],
    cpu: ["arm64"],
    libc: ["musl"],
  });
  assert.deepEqual(platformOf("@x/cli-win32-x64"), { os: ["win32"], cpu: ["x64"] });
  assert.equal(platformOf("left-pad"), undefined);
});

test("a lock without the packages of other platforms is completed", () => {
  const tool = {
    version: "1.2.3",
    dev: true,
    optionalDependencies: { "@x/cli-darwin-x64": "1.2.3" },
  };
  const lock = { packages: { "": {}, "node_modules/tool": tool } };

  const completed = complete(lock);

  assert.equal(faultsOf(lock).length, 1);
  assert.deepEqual(faultsOf(completed), []);
  assert.deepEqual(completed.packages["node_modules/@x/cli-darwin-x64"], {
    version: "1.2.3",
    dev: true,
    optional: true,
    os: ["darwin"],
    cpu: ["x64"],
  });
});

test("a lock that names a host is at fault, one that links a folder is not", () => {
  const packages = {
    "node_modules/a": { version: "1.0.0", resolved: "https://registry.example/a.tgz" },
    "node_modules/b": { resolved: "tools/b", link: true },
  };

  assert.equal(faultsOf({ packages }).length, 1);
});
