// The texts of the Debian package that are made from the checkout's own: copyright (DEP-5) with the licence of whatever
// the package brings along, and the changelog (deb-changelog(5)) from CHANGELOG.md.

/** Something that the package holds and others wrote. */
export interface Part {
  /** Where it lies in the package: "usr/lib/linkloom/node_modules/zod/*". */
  readonly files: string;
  readonly name: string;
  readonly version: string;
  /** As its package.json says: MIT, BSD-3-Clause. */
  readonly licence: string;
  /** Its licence file; undefined: it has none, and the name must do. */
  readonly text: string | undefined;
  readonly authors: string;
}

/** The licence of packages that say MIT and bring no text. */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** A text as a field's continuation: a blank before each line, a full stop for an empty one. */
const indented = (text: string): string =>
  text
    .trim()
    .split("\n")
    .map((line) => (line.trim() === "" ? " ." : ` ${line.trimEnd()}`))
    .join("\n");

/** Whoever a licence text names as holder, else the authors. */
export function holdersOf({ text, authors, name }: Part): string[] {
  const found = (text ?? "").matchAll(
    /^[\s*/#-]*(copyright (?:\(c\)|©|\d{4}).*|\(c\) \d{4}.*)$/gim,
  );
  const lines = [...found].map(([, line = ""]) => line.replace(/^copyright\s*/i, "").trim());
  if (lines.length > 0) return [...new Set(lines)];
  return [authors === "" ? `the authors of ${name}` : authors];
}

/** The licence's words; those that Debian has are named, not said again. */
function licenceText({ licence, text }: Part): string {
  if (licence === "Apache-2.0")
    return "On Debian systems the licence is in /usr/share/common-licenses/Apache-2.0.";
  if (text !== undefined) return text;
  return licence === "MIT" ? MIT : `${licence}, as its package.json says; it brings no text.`;
}

/** The whole file: /usr/share/doc/linkloom/copyright. */
export function copyright(parts: readonly Part[]): string {
  const paragraphs = parts.map((part) => {
    return [
      `Files: ${part.files}`,
      `Copyright: ${holdersOf(part).join("\n ")}`,
      // A name of its own for each: texts of the same licence differ in holders and in wording.
      `License: ${part.licence}-of-${part.name.replace("@", "").replaceAll("/", "-")}`,
      indented(licenceText(part)),
      `Comment: ${part.name} ${part.version}`,
    ].join("\n");
  });
  const file = [
    [
      "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
      "Upstream-Name: linkloom",
      "Comment: Linkloom, the packages that it uses at run time, and the Node.js that runs it, each under its own licence.",
    ].join("\n"),
    [
      "Files: *",
      "Copyright: 2026 the authors of Linkloom",
      "License: Apache-2.0",
      " On Debian systems the licence is in /usr/share/common-licenses/Apache-2.0.",
    ].join("\n"),
    ...paragraphs,
  ];
  return `${file.join("\n\n")}\n`;
}

/** Entries of the newest version in CHANGELOG.md, each on one line. */
export function newestChanges(changelog: string): string[] {
  const [, section = ""] = changelog.split(/^## /m);
  const entries: string[] = [];
  for (const line of section.split("\n").slice(1)) {
    if (line.startsWith("- ")) entries.push(line.slice(2).trim());
    else if (line.startsWith("  ") && entries.length > 0)
      entries.push(`${entries.pop()} ${line.trim()}`);
  }
  return entries;
}

/** Words in lines of at most `width` columns. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
}

/** The changelog of the package, with what is new in this version; the whole is in CHANGELOG.md. */
export function debianChangelog(
  changes: readonly string[],
  by: { version: string; maintainer: string; seconds: number },
): string {
  // "Mon, 23 Nov 2026 20:00:00 GMT" is RFC 5322's date but for the zone.
  const date = new Date(by.seconds * 1000).toUTCString().replace("GMT", "+0000");
  return [
    `linkloom (${by.version}) unstable; urgency=medium`,
    "",
    ...changes.map((change) => `  * ${wrap(change, 74).join("\n    ")}`),
    "",
    ` -- ${by.maintainer}  ${date}`,
    "",
  ].join("\n");
}
