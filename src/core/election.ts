// Which core plays a role (CORE-8): the one ordered by command or pinned by the configuration while it serves, else the
// lowest (priority, id) of those that serve, with those that are overloaded last.

import type { CoreId } from "../lib/units.ts";
import { type ApplianceConfig, electMaster } from "./config.ts";

export interface Candidates {
  serves(core: CoreId): boolean;
  isOver(core: CoreId): boolean;
}

/** The core of a role; -1 when none serves. `ordered`: by command, -1 = none. */
export function elect(
  config: ApplianceConfig,
  role: number,
  ordered: CoreId,
  { serves, isOver }: Candidates,
): CoreId {
  const cores = Array.from({ length: config.cores.count }, (_, core) => core);
  const serving = cores.filter(serves);
  if (serving.length === 0) return -1;
  const pinned = ordered >= 0 ? ordered : (config.roles[role] ?? -1);
  if (pinned >= 0 && serves(pinned)) return pinned;
  const free = serving.filter((core) => !isOver(core));
  const candidates = free.length > 0 ? free : serving;
  const unpinned = { cores: config.cores, roles: [] };
  return electMaster(unpinned, role, (core) => candidates.includes(core));
}
