// What the control core and a core's thread say to each other: start data, commands and answers. Commands wait in a
// message port and are fetched when a flag in shared memory is up, so that a busy loop never looks for them in vain.

import type { MessagePort } from "node:worker_threads";
import type { CoreCommand, PortState } from "../control/appliance-port.ts";
import type { ApplianceConfig } from "../core/config.ts";
import type { Layout } from "../core/layout.ts";
import type { CoreId, Millis, PortId } from "../lib/units.ts";
import type { PortDriverConfig, PortPlan } from "../ports/factory.ts";
import type { StatePage } from "../ports/steering.ts";
import type { SteeringConfig } from "../steering/config.ts";
import type { CoreFault } from "./faults.ts";

/** A port as a core opens it. null where the configuration has a gap (a removed port's number). */
export interface PortOpening {
  readonly driver: PortDriverConfig;
  readonly plan: PortPlan;
}

/** What a core's thread starts with. */
export interface WorkerStart {
  readonly memory: unknown;
  readonly layout: Layout;
  readonly core: CoreId;
  readonly config: ApplianceConfig;
  readonly ports: readonly (PortOpening | null)[];
  /** Wake-up descriptor of every core. */
  readonly wakeups: readonly number[];
  /** CLOCK_MONOTONIC at the appliance's start. */
  readonly origin: bigint;
  /** CPU to run on, or -1. */
  readonly cpu: number;
  readonly mailbox: MessagePort;
  /** The page that steers, shared with the kernel where it allows that. */
  readonly page: StatePage;
  /** The others run already: this core is sent every table first, and takes over what one before it left open. */
  readonly joins: boolean;
  /** Faults on purpose are obeyed. */
  readonly faults: boolean;
}

/** From the control core. */
export type Request =
  | { readonly id: number; readonly kind: "command"; readonly command: CoreCommand }
  | {
      readonly id: number;
      readonly kind: "fault";
      readonly what: CoreFault;
      readonly millis: number;
    }
  /** What this core sees of the ports now. */
  | { readonly id: number; readonly kind: "ports" }
  | {
      readonly id: number;
      readonly kind: "configure";
      readonly config: ApplianceConfig;
      /** Ports to open or to close (null); absent ones stay as they are. */
      readonly ports: Readonly<Record<number, PortOpening | null>>;
      /** Ports whose program in the kernel is that of this configuration already. */
      readonly steered: readonly PortId[];
    }
  /** To the first core: exchange the kernel programs of these ports; the answer is a list of those that took it. */
  | {
      readonly id: number;
      readonly kind: "steer";
      readonly steering: SteeringConfig;
      readonly ports: readonly PortId[];
    };

/** An error as plain data: classes do not survive the way between threads. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly hint?: string | undefined;
  /** The name of the errno of a SystemError. */
  readonly errno?: string | undefined;
  readonly stack?: string | undefined;
}

/** From a core's thread. */
export type Reply =
  | {
      readonly kind: "online";
      /** The thread's number in /proc, "" where that does not tell. */
      readonly task: string;
      readonly ports: readonly PortState[];
      readonly steered: readonly boolean[];
    }
  | { readonly kind: "failed"; readonly error: PlainError }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  /** An echo of ours was answered ("") or refused, at the appliance's time `at`. */
  | { readonly kind: "pong"; readonly id: number; readonly reason: string; readonly at: Millis }
  | { readonly kind: "refused"; readonly id: number; readonly error: PlainError };

/** An error as it crosses threads. */
export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { code, hint, errno } = error as { code?: unknown; hint?: unknown; errno?: unknown };
  return {
    name: error.name,
    message: error.message,
    code: typeof code === "string" ? code : undefined,
    hint: typeof hint === "string" ? hint : undefined,
    errno: typeof errno === "string" ? errno : undefined,
    stack: error.stack,
  };
}
