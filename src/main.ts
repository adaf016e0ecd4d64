// The program: checks the Node that runs it, then gives the words to the command line.

/** Oldest Node.js that runs what is published; package.json says the same. */
const OLDEST = [20, 11] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `linkloom: Node.js ${process.versions.node} is too old\n  install ${OLDEST.join(".")} or newer\n`,
  );
  process.exitCode = 2;
} else {
  const { main } = await import("./cli/program.ts");
  process.exitCode = await main(process.argv.slice(2));
}
