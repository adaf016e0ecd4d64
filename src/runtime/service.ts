// What the service manager is told (sd_notify(3), systemd.service(5) Type=notify): ready, reloading, stopping, and
// that we live, as often as its watchdog wants. Without a service manager nothing happens.

import { notify } from "../ports/linux/notify.ts";

/** What a service manager puts into the environment. */
export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

export class Service {
  readonly #socket: string;
  readonly #watchdogMillis: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(environment: ServiceEnvironment, pid: number) {
    this.#socket = environment.NOTIFY_SOCKET ?? "";
    const isOurs = [undefined, "", String(pid)].includes(environment.WATCHDOG_PID);
    this.#watchdogMillis = isOurs ? Number(environment.WATCHDOG_USEC ?? 0) / 1000 : 0;
  }

  #tell(...lines: string[]): void {
    if (this.#socket !== "") notify(this.#socket, lines);
  }

  /** Every core forwards; from now on a sign of life goes out as long as `isWell`, twice in each of its periods. */
  ready(status: string, isWell: () => boolean): void {
    this.#tell("READY=1", `STATUS=${status}`);
    if (this.#socket === "" || !(this.#watchdogMillis > 0)) return;
    this.#timer = setInterval(() => {
      if (isWell()) this.#tell("WATCHDOG=1");
    }, this.#watchdogMillis / 2);
    this.#timer.unref();
  }

  status(status: string): void {
    this.#tell(`STATUS=${status}`);
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#tell("STOPPING=1", "STATUS=stopping");
  }
}
