// `linkloom run`: an appliance in the foreground with its control socket, from the first check to the clean stop.
// SIGTERM and SIGINT stop it, SIGHUP reads the file again; a bad file changes nothing.

import type { Appliance } from "./appliance-port.ts";
import { configRows } from "./config-text.ts";
import type { Configuration } from "./configuration.ts";
import { ConfigError, ControlError, describeFault, type Fault, twoLines } from "./errors.ts";
import { loadApart } from "./load-apart.ts";
import { claimSocket, serve } from "./server.ts";

export interface RunOptions {
  readonly file: string;
  readonly cores?: number | undefined;
  readonly socket: string;
  readonly group?: string | undefined;
  /** Lines for people: `say` on stdout, `warn` on stderr. */
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** Runs until a signal stops it. Throws when it cannot start, and when a core fails. */
export async function run(options: RunOptions): Promise<void> {
  const { file, say, warn } = options;
  const { cores } = options;
  const { configuration, warnings, plan } = await loadApart({ file, cores, before: undefined });
  tell(file, warnings, warn);
  await claimSocket(options.socket);

  const { startAppliance } = await import("../runtime/appliance.ts");
  const appliance: Appliance = await startAppliance(plan);
  const running = { appliance, configuration };
  const server = await serve({
    get appliance(): Appliance {
      return running.appliance;
    },
    get configuration(): Configuration {
      return running.configuration;
    },
    socket: options.socket,
    group: options.group,
  }).catch(async (error: unknown) => {
    await appliance.stop();
    throw error;
  });

  const ports = Object.keys(configuration.ports).length;
  const count = configuration.cores.count;
  let reloading: Promise<void> = Promise.resolve();
  const reload = (): void => {
    // One after the other: each compares with what the one before made.
    reloading = reloading.then(async () => {
      const next = await reloadFile(appliance, running.configuration, options);
      if (next !== undefined) running.configuration = next;
    });
  };
  const stopped = untilSignal(reload);
  say(
    `linkloom ready: ${count} ${count === 1 ? "core" : "cores"}, ${ports} ${ports === 1 ? "port" : "ports"}, control ${server.socket}`,
  );
  try {
    await Promise.race([stopped.signal, appliance.ended]);
  } finally {
    stopped.forget();
    await reloading;
    await server.close();
    await appliance.stop();
  }
}

/** Prints each fault or warning. */
export function tell(file: string, faults: readonly Fault[], warn: (line: string) => void): void {
  for (const fault of faults) warn(describeFault(file, fault));
}

/** Resolves with the first signal that ends the program; SIGHUP calls `reload` and goes on. */
function untilSignal(reload: () => void): { signal: Promise<void>; forget: () => void } {
  let stop: () => void = () => {};
  const signal = new Promise<void>((resolve) => {
    stop = resolve;
  });
  process.on("SIGTERM", stop).on("SIGINT", stop).on("SIGHUP", reload);
  const forget = (): void => {
    process.off("SIGTERM", stop).off("SIGINT", stop).off("SIGHUP", reload);
  };
  return { signal, forget };
}

/** Takes over the file as it is now; says what changed, or why nothing did. */
async function reloadFile(
  appliance: Appliance,
  before: Configuration,
  options: RunOptions,
): Promise<Configuration | undefined> {
  const { file, say, warn } = options;
  try {
    const { cores } = options;
    const loaded = await loadApart({ file, cores, before: appliance.config });
    const { configuration, warnings } = loaded;
    tell(file, warnings, warn);
    const changed = changes(before, configuration);
    if (changed.length > 0) await appliance.reconfigure(loaded.plan);
    const what = changed.length > 12 ? [...changed.slice(0, 12), "..."] : changed;
    const text = changed.length === 0 ? "nothing differs" : `changed ${what.join(", ")}`;
    say(`linkloom reloaded: ${text}`);
    return configuration;
  } catch (error) {
    if (error instanceof ConfigError) tell(file, error.faults, warn);
    const { what, why } = twoLines(error);
    // Only a refusal before the first core was told leaves everything as it was.
    const refused =
      error instanceof ControlError || (error as { code?: string }).code === "reload-refused";
    warn(
      `linkloom: reload ${refused ? "refused, nothing changed" : "failed, restart it"}: ${what}`,
    );
    warn(`  ${why}`);
    return undefined;
  }
}

/** The paths whose values differ between two configurations. */
export function changes(before: Configuration, after: Configuration): string[] {
  const rows = (configuration: Configuration): Map<string, string> =>
    new Map(configRows(configuration).map(({ path, value }) => [path, value]));
  const [old, now] = [rows(before), rows(after)];
  const paths = new Set([...old.keys(), ...now.keys()]);
  return [...paths].filter((path) => old.get(path) !== now.get(path));
}
