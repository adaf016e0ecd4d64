// Cores as people read them.

/** 0,1,2,5 as "0-2,5". */
export function coreList(cores: readonly number[]): string {
  const sorted = [...cores].sort((a, b) => a - b);
  const parts: [number, number][] = [];
  for (const core of sorted) {
    const last = parts.at(-1);
    if (last !== undefined && core - last[1] <= 1) last[1] = core;
    else parts.push([core, core]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(",");
}
