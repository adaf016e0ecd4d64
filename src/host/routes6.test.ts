import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Ipv6Words } from "../engine/ipv6.ts";
import { RIG6_INTERFACES, words } from "../sim/host6-rig.ts";
import { networkOf } from "./addresses6.ts";
import { HOST6_DEFAULTS, type Route6Config } from "./config6.ts";
import { Hop6 } from "./hops6.ts";
import { Routes6 } from "./routes6.ts";

const PREFIXES: readonly (readonly [string, number])[] = [
  ["::", 0],
  ["2001:db8::", 32],
  ["2001:db8:1::", 48],
  ["2001:db8:1::", 64],
  ["2001:db8:1:2::", 64],
  ["2001:db8:1:2::7", 128],
  ["2001:db9::", 33],
];
const VIAS = ["2001:db8:1::2", "2001:db8:1:2::2", "2001:db9::2", "fe80::2"];
const TARGETS = ["2001:db8:1::5", "2001:db8:1:2::7", "2001:db8:1:2::8", "2001:db9::9", "3fff::1"];
const KINDS = ["unicast", "unicast", "unicast", "blackhole", "prohibit", "unreachable"] as const;

/** What was told, and the route that must win, worked out anew for every question. */
class Model {
  routes: Route6Config[] = [];
  /** "network/length" by interface, in the order of telling. */
  readonly connected: { at: string; iface: number; address: number; learned: boolean }[] = [];
  routers: { iface: number; words: Ipv6Words; preference: number }[] = [];
  redirects = new Map<string, { iface: number; target: Ipv6Words }>();

  at(address: Ipv6Words, length: number): string {
    return `${networkOf(address, length).join(" ")}/${length}`;
  }

  towards(via: Ipv6Words): number {
    if (via[0] >>> 22 === 0x3fa) return -1;
    for (let length = 128; length >= 0; length--) {
      const found = this.connected.find(({ at }) => at === this.at(via, length));
      if (found !== undefined) return found.iface;
    }
    return -1;
  }

  /** "kind interface gateway" of the longest route, "" = none. */
  lookup(to: Ipv6Words): string {
    for (let length = 128; length >= 0; length--) {
      const found = this.winner(to, length);
      if (found !== "") return found;
    }
    return "";
  }

  winner(to: Ipv6Words, length: number): string {
    const at = this.at(to, length);
    const link = this.connected.find((one) => one.at === at);
    if (link !== undefined) return `${Hop6.Link} ${link.iface} 0,0,0,0`;
    const redirect = length === 128 ? this.redirects.get(to.join()) : undefined;
    if (redirect !== undefined) {
      const isOnLink = redirect.target.join() === to.join();
      const via = isOnLink ? "0,0,0,0" : redirect.target.join();
      return `${isOnLink ? Hop6.Link : Hop6.Gateway} ${redirect.iface} ${via}`;
    }
    const route = this.routes.find((one) => this.at(one.to, one.prefix) === at);
    if (route !== undefined) {
      const { kind = "unicast", via } = route;
      const refusal = { blackhole: 3, unreachable: 4, prohibit: 5, unicast: 0 }[kind];
      if (refusal !== 0) return `${refusal} -1 0,0,0,0`;
      const iface = via === null || route.interface >= 0 ? route.interface : this.towards(via);
      if (iface >= 0 && iface < RIG6_INTERFACES.length) {
        return `${via === null ? Hop6.Link : Hop6.Gateway} ${iface} ${(via ?? [0, 0, 0, 0]).join()}`;
      }
    }
    if (length !== 0) return "";
    const best = this.routers.toSorted((one, other) => other.preference - one.preference)[0];
    return best === undefined ? "" : `${Hop6.Gateway} ${best.iface} ${best.words.join()}`;
  }
}

const iface = fc.integer({ min: 0, max: 2 });
const prefix = fc.constantFrom(...PREFIXES);
const route: fc.Arbitrary<Route6Config> = fc
  .record({
    prefix,
    via: fc.constantFrom(null, ...VIAS),
    iface: fc.integer({ min: -1, max: 4 }),
    kind: fc.constantFrom(...KINDS),
  })
  .map((one) => ({
    to: words(one.prefix[0]),
    prefix: one.prefix[1],
    via: one.via === null ? null : words(one.via),
    interface: one.via === null ? Math.max(one.iface, 0) : one.iface,
    kind: one.kind,
  }));
const step = fc.oneof(
  fc.record({ what: fc.constant("routes" as const), routes: fc.array(route, { maxLength: 6 }) }),
  fc.record({
    what: fc.constantFrom("up" as const, "up" as const, "down" as const),
    iface,
    prefix,
    learned: fc.boolean(),
  }),
  fc.record({
    what: fc.constantFrom("router" as const, "gone" as const),
    iface,
    via: fc.constantFrom("fe80::2", "fe80::3"),
    preference: fc.integer({ min: -1, max: 1 }),
  }),
  fc.record({
    what: fc.constant("redirect" as const),
    iface,
    to: fc.constantFrom(...TARGETS),
    target: fc.constantFrom("fe80::2", "fe80::3", ...TARGETS),
  }),
  fc.record({ what: fc.constant("forget" as const), iface }),
);

test("the route that wins is the model's after any order of what is told and configured", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const routes = new Routes6();
      const model = new Model();
      routes.configure(HOST6_DEFAULTS, RIG6_INTERFACES);
      for (const one of steps) {
        if (one.what === "routes") {
          model.routes = one.routes;
          routes.configure({ ...HOST6_DEFAULTS, routes: one.routes }, RIG6_INTERFACES);
        } else if (one.what === "up" || one.what === "down") {
          toldPrefix(routes, model, one);
        } else if (one.what === "router") {
          const words6 = words(one.via);
          const same = model.routers.findIndex(
            (old) => old.iface === one.iface && old.words.join() === words6.join(),
          );
          const made = { iface: one.iface, words: words6, preference: one.preference };
          if (same < 0) model.routers.push(made);
          else model.routers[same] = made;
          routes.routerUp(one.iface, words6, one.preference);
        } else if (one.what === "gone") {
          lose(model, one.iface, words(one.via));
          model.routers = model.routers.filter(
            (old) => old.iface !== one.iface || old.words.join() !== words(one.via).join(),
          );
          routes.routerDown(one.iface, words(one.via));
        } else if (one.what === "redirect") {
          const to = words(one.to);
          model.redirects.set(to.join(), { iface: one.iface, target: words(one.target) });
          routes.redirect(one.iface, to, words(one.target));
        } else {
          lose(model, one.iface, null);
          model.routers = model.routers.filter((old) => old.iface !== one.iface);
          for (let n = model.connected.length - 1; n >= 0; n--) {
            if (model.connected[n]?.iface === one.iface) model.connected.splice(n, 1);
          }
          routes.forget(one.iface);
        }
        for (const target of TARGETS) {
          const to = words(target);
          const hop = routes.lookup(...to);
          const found =
            hop === 0
              ? ""
              : `${routes.hops.kind(hop)} ${routes.hops.iface(hop)} ${routes.hops.gateway(hop).join()}`;
          assert.equal(found, model.lookup(to), target);
        }
        assert.ok(routes.hops.size <= routes.size, "no hop outlives its routes");
      }
      for (let n = 0; n < 3; n++) routes.forget(n);
      routes.configure(HOST6_DEFAULTS, RIG6_INTERFACES);
      assert.equal(routes.size, 0);
      assert.equal(routes.hops.size, 0);
    }),
    { numRuns: 400 },
  );
});

function toldPrefix(
  routes: Routes6,
  model: Model,
  one: {
    what: "up" | "down";
    iface: number;
    prefix: readonly [string, number];
    learned: boolean;
  },
): void {
  const address = words(one.prefix[0]);
  const [, length] = one.prefix;
  const at = model.at(address, length);
  const known = model.connected.find((old) => old.at === at && old.iface === one.iface);
  if (one.what === "up") {
    const told = known ?? { at, iface: one.iface, address: 0, learned: false };
    if (one.learned) told.learned = true;
    else told.address++;
    if (known === undefined) model.connected.push(told);
    routes.connect(one.iface, address, length, one.learned);
    return;
  }
  // An address is taken back only when it was told.
  if (!one.learned && (known === undefined || known.address === 0)) return;
  if (known !== undefined) {
    if (one.learned) known.learned = false;
    else known.address--;
    if (!known.learned && known.address === 0) {
      model.connected.splice(model.connected.indexOf(known), 1);
    }
  }
  routes.disconnect(one.iface, address, length, one.learned);
}

/** Redirections through a neighbour, or (null) through any of the interface, are gone. */
function lose(model: Model, iface6: number, neighbour: Ipv6Words | null): void {
  for (const [to, { iface: at, target }] of model.redirects) {
    if (at !== iface6) continue;
    if (neighbour === null || target.join() === neighbour.join()) model.redirects.delete(to);
  }
}

test("redirected destinations are bounded: the oldest makes room", () => {
  const routes = new Routes6();
  routes.configure({ ...HOST6_DEFAULTS, redirectedHosts: 4 }, RIG6_INTERFACES);
  for (let n = 1; n <= 10; n++) {
    routes.redirect(0, [0x20010db8, 0, 0, n], words("fe80::2"));
    assert.ok(routes.size <= 4);
  }
  assert.equal(routes.lookup(0x20010db8, 0, 0, 6), 0);
  assert.notEqual(routes.lookup(0x20010db8, 0, 0, 7), 0);
  routes.configure({ ...HOST6_DEFAULTS, redirectedHosts: 0 }, RIG6_INTERFACES);
  assert.equal(routes.size, 0);
  routes.redirect(0, [0x20010db8, 0, 0, 1], words("fe80::2"));
  assert.equal(routes.size, 0);
});

test("a prefix is on link as long as one address in it, or a router's word, says so", () => {
  const routes = new Routes6();
  routes.configure(HOST6_DEFAULTS, RIG6_INTERFACES);
  const at = (last: number): Ipv6Words => [0x20010db8, 0x00010000, 0, last];
  routes.connect(0, at(1), 64, false);
  routes.connect(0, at(2), 64, false);
  routes.connect(0, at(0), 64, true);
  routes.disconnect(0, at(1), 64, false);
  assert.notEqual(routes.lookup(...at(9)), 0);
  routes.disconnect(0, at(0), 64, true);
  assert.notEqual(routes.lookup(...at(9)), 0);
  routes.disconnect(0, at(2), 64, false);
  assert.equal(routes.lookup(...at(9)), 0);
});

test("a destination that is redirected again counts as new", () => {
  const routes = new Routes6();
  routes.configure({ ...HOST6_DEFAULTS, redirectedHosts: 2 }, RIG6_INTERFACES);
  for (const last of [1, 2, 1, 3]) routes.redirect(0, [0x20010db8, 0, 0, last], words("fe80::2"));
  assert.notEqual(routes.lookup(0x20010db8, 0, 0, 1), 0);
  assert.equal(routes.lookup(0x20010db8, 0, 0, 2), 0);
});
