import assert from "node:assert/strict";
import { test } from "node:test";
import { isRead, runtimePackages } from "./deb.ts";
import { copyright, debianChangelog, holdersOf, newestChanges, type Part } from "./deb-texts.ts";
import { text } from "./files.ts";

const part: Part = {
  files: "usr/lib/x/*",
  name: "@scope/x",
  version: "1.2.3",
  licence: "MIT",
  text: undefined,
  authors: "Ann",
};

test("the packages that run with Linkloom are its dependencies and theirs, for this platform alone", () => {
  const paths = runtimePackages();
  const { dependencies } = JSON.parse(text("package.json")) as { dependencies: object };
  for (const name of Object.keys(dependencies)) assert.ok(paths.includes(`node_modules/${name}`));
  assert.ok(paths.includes(`node_modules/@koromix/koffi-linux-${process.arch}`));
  for (const name of ["typescript", "vite", "linkloom-runtime", "@koromix/koffi-win32-x64"])
    assert.ok(!paths.includes(`node_modules/${name}`), name);
});

test("code, data and what code is compiled of: only what runs is taken along", () => {
  for (const path of ["index.js", "dist/doc/Document.js", "linux_x64/koffi.node", "package.json"])
    assert.ok(isRead(path), path);
  for (const path of ["doc/index.js", "test/a.js", "index.d.ts", "src/a.cc", "musl_x64/koffi.node"])
    assert.ok(!isRead(path), path);
  for (const path of ["LICENSE", "LICENSE.txt", "licence-mit", "COPYING", ".npmignore", "bin.js"])
    assert.ok(!isRead(path), path);
});

test("a licence's holders are those that its text names, else the package's authors", () => {
  const named =
    "MIT\n\nCopyright (c) 2011 Bea <b@example.org>\n  Copyright © 2020 Cid\n\nPermission";
  assert.deepEqual(holdersOf({ ...part, text: named }), [
    "(c) 2011 Bea <b@example.org>",
    "© 2020 Cid",
  ]);
  assert.deepEqual(holdersOf(part), ["Ann"]);
  assert.deepEqual(holdersOf({ ...part, authors: "" }), ["the authors of @scope/x"]);
});

test("the copyright file is one of paragraphs: no empty line in a licence, a name of its own for each", () => {
  const file = copyright([part, { ...part, name: "y", licence: "ISC", text: "One\n\n  two\n" }]);
  const paragraphs = file.trimEnd().split("\n\n");
  assert.equal(paragraphs.length, 4);
  for (const line of file.trimEnd().split("\n")) assert.match(line, /^$|^[A-Z][\w-]*: \S| \S/);
  assert.match(file, /^License: MIT-of-scope-x\n Permission is hereby granted/m);
  assert.match(file, /^License: ISC-of-y\n One\n \.\n {3}two\nComment: y 1\.2\.3$/m);
});

test("the changelog of the package has the newest version's entries, in Debian's form", () => {
  const ours =
    "# Changelog\n\n## [2.0.0]\n\n### Added\n\n- One thing\n  in two lines.\n- Two.\n\n## [1.0.0]\n\n- Old.\n";
  const changes = newestChanges(ours);
  assert.deepEqual(changes, ["One thing in two lines.", "Two."]);
  const by = { version: "2.0.0", maintainer: "Ann <a@example.org>", seconds: 1_795_463_759 };
  assert.equal(
    debianChangelog([...changes, `${"word ".repeat(20)}end`], by),
    `linkloom (2.0.0) unstable; urgency=medium

  * One thing in two lines.
  * Two.
  * word word word word word word word word word word word word word word word
    word word word word word end

 -- Ann <a@example.org>  Mon, 23 Nov 2026 19:55:59 +0000
`,
  );
});

test("the newest changes of this changelog are found", () => {
  assert.ok(newestChanges(text("CHANGELOG.md")).length > 0);
});
