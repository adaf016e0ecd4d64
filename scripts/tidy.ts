// What no other tool of the gate looks at: widths and sizes, places that belong to one machine, requirement tags, the
// changelog, the lock. `--fix` wraps comments that are too wide.

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { files, ROOT, report, text } from "./files.ts";
import { faultsOf as lockFaults, readLock } from "./lock.ts";

/** Columns of a comment. Biome holds code to 100; a comment is read as a whole, our choice. */
const WIDTH = 120;
/** Lines of a module and of a test file; our choice: what one can hold in mind. */
const MAX_LINES = 500;
const MAX_TEST_LINES = 1000;
/** A file that is not text may be this long, so that a clone stays small. */
const MAX_BINARY_BYTES = 200 * 1024;

/** Hosts that text may name: standards, licences, projects that are cited, and documentation's own. */
const HOSTS =
  /^(?:localhost|127\.0\.0\.1|(?:[\w-]+\.)*(?:example(?:\.com|\.net|\.org)?|rfc-editor\.org|ietf\.org|iana\.org|ieee802?\.org|apache\.org|keepachangelog\.com|semver\.org|nodejs\.org|kernel\.org|oasis-open\.org|github\.com|json-schema\.org|biomejs\.dev|openvswitch\.org|dpdk\.org|debian\.org))$/;

const TEXT = /\.(?:tsx?|js|css|json|md|ya?ml|txt|sh)$|^bin\/|^\.ci\/|^LICENSE$/;
const PROTOCOLS = ["arp", "bridge", "host", "lag", "nd", "snoop", "steering", "stp", "vr"];
const TAG = /\b(?:CORE|ARP|ND|BR|LAG|VR|HOST|OPS)-\d+\b/g;

/** Faults of one text file. */
export function faultsOf(path: string, source: string): string[] {
  const faults: string[] = [];
  const code = /\.(?:tsx?|js)$/.test(path) || path === "bin/linkloom";
  const lines = source.split("\n");
  if (lines.at(-1) !== "") faults.push(`${path}: no newline at the end`);
  const limit = path.endsWith(".test.ts") ? MAX_TEST_LINES : MAX_LINES;
  if (code && lines.length > limit)
    faults.push(`${path}: ${lines.length} lines, the limit is ${limit}`);
  if (code && /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/.test(source))
    faults.push(`${path}: an error is caught and forgotten; say why nothing is to be done`);
  for (const [index, line] of lines.entries()) {
    const place = `${path}:${index + 1}`;
    if (code && line.length > WIDTH && isProse(line))
      faults.push(`${place}: ${line.length} columns, the limit is ${WIDTH}`);
    if (/\s$/.test(line) && !path.endsWith(".md")) faults.push(`${place}: blanks at the end`);
    if (/\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))/.test(line) && !isExempt(path))
      faults.push(`${place}: work left needs an issue: write TODO(#12)`);
    if (/\p{Extended_Pictographic}/u.test(line) && !/[©®™↔↕]/u.test(line))
      faults.push(`${place}: no emoji`);
    if (/(?:^|[\s"'`(=])\/(?:work|root|home)\//.test(line) && !isExempt(path))
      faults.push(`${place}: a path of one machine`);
    for (const [, host = ""] of line.matchAll(/\bhttps?:\/\/([^\s/:"'`)>\]]+)/g))
      if (!HOSTS.test(host) && !host.includes("$") && !isExempt(path))
        faults.push(`${place}: the host ${host} is not on the list`);
  }
  return faults;
}

function isExempt(path: string): boolean {
  return path.startsWith("scripts/tidy") || path === "LICENSE";
}

/** A comment that words can be moved in: no picture, no address that cannot be broken. */
function isProse(line: string): boolean {
  return /^\s*(?:\/\/|\*|\/\*)/.test(line) && !/\+-|\|.*\||\S{60}/.test(line);
}

/**
 * Wraps comment lines that are too wide: words that do not fit go to the front of the next line when that continues
 * the paragraph, else to a line of their own.
 */
export function wrapComments(source: string): string {
  const lines = source.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const match = /^(\s*(?:\/\/|\*) +)(.*)$/.exec(line);
    if (match === null || line.length <= WIDTH || !isProse(line)) continue;
    const [, lead = "", words = ""] = match;
    const cut = words.lastIndexOf(" ", WIDTH - lead.length);
    if (cut <= 0) continue;
    lines[at] = lead + words.slice(0, cut);
    const rest = words.slice(cut + 1);
    const next = lines[at + 1] ?? "";
    if (next.startsWith(lead) && /^[A-Za-z0-9("'`]/.test(next.slice(lead.length)))
      lines[at + 1] = `${lead}${rest} ${next.slice(lead.length)}`;
    else lines.splice(at + 1, 0, lead + rest);
  }
  return lines.join("\n");
}

/** What docs/requirements.md calls done has a test that names it, and no test names an unknown requirement. */
export function tagFaults(requirements: string, tests: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  const known = new Set(requirements.match(TAG) ?? []);
  const proven = new Set<string>();
  for (const [path, source] of tests) {
    for (const [call] of source.matchAll(
      /\b(?:test|it|describe|suite)(?:\.\w+)?\(\s*(["'`])[\s\S]*?\1/g,
    )) {
      for (const tag of call.match(TAG) ?? []) {
        proven.add(tag);
        if (!known.has(tag)) faults.push(`${path}: docs/requirements.md has no ${tag}`);
      }
    }
  }
  for (const [, tag = "", state = ""] of requirements.matchAll(
    /^\|\s*([A-Z]+-\d+)\s*\|\s*([a-z]+)/gm,
  ))
    if (/^(?:done|partly)$/.test(state) && !proven.has(tag))
      faults.push(`docs/requirements.md: ${tag} is called ${state}, but no test names it`);
  return faults;
}

function houseFaults(): string[] {
  const faults = lockFaults(readLock()).map((fault) => `package-lock.json: ${fault}`);
  const manifest = JSON.parse(text("package.json")) as Record<string, Record<string, string>> & {
    version: string;
  };
  for (const group of ["dependencies", "devDependencies"])
    for (const [name, version] of Object.entries(manifest[group] ?? {}))
      if (!/^\d+\.\d+\.\d+$|^file:/.test(version))
        faults.push(`package.json: ${name} is not pinned: ${version}`);
  const [, entry = ""] = text("CHANGELOG.md").split(
    new RegExp(`^## \\[${manifest.version}\\].*$`, "m"),
  );
  if (!/^- /m.test(entry.split(/^## /m)[0] ?? ""))
    faults.push(`CHANGELOG.md: no entry for ${manifest.version}`);
  const all = files(/./);
  for (const protocol of PROTOCOLS)
    for (const file of ["README.md", "config.ts"])
      if (!all.includes(`src/${protocol}/${file}`))
        faults.push(`src/${protocol}/${file} is missing`);
  for (const path of all)
    if (!TEXT.test(path) && statSync(join(ROOT, path)).size > MAX_BINARY_BYTES)
      faults.push(`${path}: larger than ${MAX_BINARY_BYTES} bytes`);
  if (!all.includes("docs/requirements.md")) return [...faults, "docs/requirements.md is missing"];
  const tests = all.filter((path) => /^(?:src|test)\/.*\.test\.ts$/.test(path));
  return [
    ...faults,
    ...tagFaults(text("docs/requirements.md"), new Map(tests.map((path) => [path, text(path)]))),
  ];
}

if (import.meta.main) {
  const paths = files(TEXT).filter((path) => path !== "package-lock.json");
  if (process.argv.includes("--fix")) {
    const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
    for (const path of paths.filter((path) => path.endsWith(".ts"))) {
      if (wanted.length > 0 && !wanted.some((prefix) => path.startsWith(prefix))) continue;
      const [before, after] = [text(path), wrapComments(text(path))];
      if (before !== after) writeFileSync(join(ROOT, path), after);
    }
  }
  const faults = paths.flatMap((path) => faultsOf(path, text(path)));
  report(`tidy: ${paths.length} files`, [...faults, ...houseFaults()]);
}
