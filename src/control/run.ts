// `linkloom run`: an appliance in the foreground with its control socket, from the first check to the clean stop.
// SIGTERM and SIGINT stop it, SIGHUP reads the file again; a bad file changes nothing.

import type { Appliance } from "./appliance-port.ts";
import type { Configuration } from "./configuration.ts";
import { Configurations, type Follower } from "./configurations.ts";
import { claimSocket } from "./control-socket.ts";
import { ConfigError, ControlError, describeFault, type Fault, twoLines } from "./errors.ts";
import { StoredHistory } from "./history.ts";
import { loadApart } from "./load-apart.ts";
import { SavedFile } from "./saved-file.ts";
import type { Serving } from "./serving.ts";
import { leaveRouters } from "./vr-view.ts";

export interface RunOptions {
  readonly file: string;
  readonly cores?: number | undefined;
  readonly socket: string;
  readonly compatMetrics?: boolean | undefined;
  /** Opens the API; api/ does, and control/ knows no server. */
  readonly serve: (serving: Serving, configuration: Configuration) => Promise<Served>;
  /** Lines for people: `say` on stdout, `warn` on stderr. */
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** An API that is open; with `prepare` it follows the configuration. */
export interface Served extends Partial<Follower> {
  readonly socket: string;
  close(): Promise<void>;
}

/** What lies beside the control socket, under its name: `control.sock`, `control.tokens`. */
export const besideSocket = (socket: string, extension: string): string =>
  `${socket.replace(/\.sock$/, "")}.${extension}`;

/** Where configurations that ran are kept: systemd's state directory, else beside the socket. */
function historyFolder(socket: string): string {
  const state = (process.env["STATE_DIRECTORY"] ?? "").split(":")[0] ?? "";
  return state === "" ? besideSocket(socket, "history") : `${state}/configurations`;
}

/** Runs until a signal stops it. Throws when it cannot start, and when a core fails. */
export async function run(options: RunOptions): Promise<void> {
  const { file, say, warn, cores } = options;
  const loaded = await loadApart({ file, cores, before: undefined });
  const { configuration, warnings, plan } = loaded;
  tell(file, warnings, warn);
  await claimSocket(options.socket);

  const { startAppliance } = await import("../runtime/appliance.ts");
  const appliance: Appliance = await startAppliance(plan);
  let configurations: Configurations;
  const followers: Follower[] = [];
  let server: Served;
  try {
    configurations = new Configurations(
      {
        appliance,
        load: loadApart,
        history: new StoredHistory(historyFolder(options.socket), warn),
        cores,
        file: file === "-" ? undefined : new SavedFile(file, loaded.text),
        followers,
        activeRouters: () => activeRouters(appliance),
        tell: (line) => warn(`linkloom: ${line}`),
      },
      loaded,
    );
    const serving: Serving = {
      appliance,
      configurations,
      get configuration(): Configuration {
        return configurations.configuration;
      },
      history: () => configurations.history(),
      get metrics(): boolean {
        return configurations.configuration.api?.metrics ?? true;
      },
      compatMetrics: options.compatMetrics,
    };
    server = await options.serve(serving, configuration);
    const { prepare } = server;
    if (prepare !== undefined) followers.push({ prepare });
  } catch (error) {
    await appliance.stop();
    throw error;
  }

  const ports = Object.keys(configuration.ports).length;
  const count = configuration.cores.count;
  let reloading: Promise<void> = Promise.resolve();
  const reload = (): void => {
    reloading = reloading.then(() => reloadFile(configurations, options));
  };
  const stopped = untilSignal(reload);
  const status = `${count} ${count === 1 ? "core" : "cores"}, ${ports} ${ports === 1 ? "port" : "ports"}, control ${server.socket}`;
  say(`linkloom ready: ${status}`);
  const { Service } = await import("../runtime/service.ts");
  const service = new Service(process.env, process.pid);
  service.ready(status, () => appliance.cores().some(({ state }) => state === "online"));
  try {
    await Promise.race([stopped.signal, appliance.ended]);
  } finally {
    service.stopping();
    stopped.forget();
    configurations.close();
    await reloading;
    await server.close();
    await leaveRouters(appliance);
    await appliance.stop();
  }
}

/** Names of the virtual routers that are active, where this version has any. */
async function activeRouters(appliance: Appliance): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  // Loaded when somebody plans: an appliance at rest does without the tables' words.
  const { show } = await import("./show.ts");
  for await (const rows of show({ appliance }, "vr", {})) {
    for (const { name, state } of rows) {
      if (/^(active|master)$/i.test(String(state))) names.add(String(name));
    }
  }
  return names;
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
async function reloadFile(configurations: Configurations, options: RunOptions): Promise<void> {
  const { file, say, warn } = options;
  try {
    const { paths, warnings } = await configurations.apply({ file }, "SIGHUP");
    tell(file, warnings, warn);
    const what = paths.length > 12 ? [...paths.slice(0, 12), "..."] : paths;
    const text = paths.length === 0 ? "nothing differs" : `changed ${what.join(", ")}`;
    say(`linkloom reloaded: ${text}`);
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
  }
}
