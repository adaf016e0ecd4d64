// Roles that one core plays for all (CORE-8). Nothing assumes which core that is.

export const Role = {
  /** Sends and answers ARP (ARP-2). */
  Arp: 0,
  /** Runs spanning tree and the receive side of LACP; ages the bridge table in the variant `one`. */
  Link: 1,
} as const;
export type Role = (typeof Role)[keyof typeof Role];
export const ROLE_NAMES = ["arp", "link"] as const;
export const ROLE_COUNT = 2;
