// For tests: loads a configuration's text in this thread, without looking at this machine.

import type { ApplianceConfig } from "../core/config.ts";
import { check } from "./check.ts";
import { compile } from "./compile.ts";
import { ConfigError } from "./errors.ts";
import type { LoadedPlan } from "./load-apart.ts";
import { derivedMac } from "./machine.ts";

export function loadedOf(text: string, before?: ApplianceConfig): LoadedPlan {
  const { configuration, faults } = check(text);
  if (configuration === undefined) throw new ConfigError("the configuration", faults);
  const facts = {
    link: () => undefined,
    derivedMac: (driver: string, port: string) => derivedMac(`${driver} ${port}`),
  };
  return { configuration, warnings: faults, plan: compile(configuration, facts, before), text };
}
