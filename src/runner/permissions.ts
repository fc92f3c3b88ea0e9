/**
 * The permission policy of a headless turn, in opencode's own words.
 *
 * opencode decides by rules; the last one that matches wins, and `ask` means asking a human. With nobody
 * there, `opencode run` rejects what it would ask for, and then ends the turn unless
 * `experimental.continue_loop_on_deny` is set. It does not reject questions, though: in a fork they hang, so there the
 * question tools are denied. Source: opencode 1.18, tried for each permission it knows.
 *
 * A repository's own opencode.json may tighten what the user set, not loosen it. The guard sees to that: the
 * rules under which the user's own settings ask or deny, stated again where nothing of the repository comes
 * after them.
 */

import { errors } from "../errors.ts";

/** A rule as opencode tells it of an agent. */
export interface Rule {
  permission: string;
  pattern: string;
  action: "allow" | "ask" | "deny";
}

/** Rules as configuration has them: an action, or actions by pattern, for each permission. */
export type PermissionConfig = Record<string, string | Record<string, string>>;

/** Tools that only a human in front of opencode could answer. */
export const UNANSWERABLE: PermissionConfig = {
  question: "deny",
  plan_enter: "deny",
  plan_exit: "deny",
};

/** The agents that opencode brings along, which every turn can run with or call. */
export const OPENCODES_OWN = ["build", "plan", "general", "explore"];

/**
 * For each agent, that those tools are denied: what is set for an agent comes behind all that is set in general. Only
 * for agents that there are: settings for another one would make it. The names mean the same as the plain ones, and stand behind them, which keep the place that they have in a file.
 */
export function unanswerableFor(agents: string[]): Record<string, PermissionConfig> {
  const denied = Object.keys(UNANSWERABLE).map((name) => [`${name} *`, "deny"] as const);
  return Object.fromEntries(agents.map((agent) => [agent, Object.fromEntries(denied)]));
}

/**
 * What to state again. `own`: the rules without the repository's settings; `full`: with them. Stated behind all
 * else, it makes each decision the stricter one of the two: what the repository allows is undone, what it
 * forbids is kept, and so are the exceptions (`allow` after an `ask`) that the user made and the repository left
 * alone. Empty where the repository changes nothing.
 */
export function guardRules(own: Rule[], full: Rule[]): PermissionConfig {
  if (own.length === full.length && own.every((rule, i) => sameRule(rule, full[i]!))) return {};
  const [removed, added] = [without(own, full), without(full, own)];
  const kept = own.filter((rule) => rule.action !== "allow" || !removed.includes(rule));
  const asks = added.filter((rule) => rule.action === "ask");
  // A question that the repository adds, or leaves out, must not make one of what somebody denies.
  const denied = [...asks, ...removed].some((rule) => rule.action === "ask")
    ? kept.filter((rule) => rule.action === "deny")
    : [];
  const rules = [...kept, ...asks, ...denied, ...added.filter((rule) => rule.action === "deny")];
  return Object.fromEntries(
    wildcardsFirst([...kept, ...full]).flatMap((permission) => {
      const patterns = patternsFor(permission, rules);
      return patterns.size > 0 ? [[permission, inShort(permission, patterns)]] : [];
    }),
  );
}

/** Permissions for which opencode's configuration takes an action and no patterns. */
const WITHOUT_PATTERNS = [
  "codesearch",
  "doom_loop",
  "todoread",
  "todowrite",
  "webfetch",
  "websearch",
];

/** Patterns as configuration takes them; where it takes none, the strictest action of all. */
function inShort(permission: string, patterns: Map<string, string>): PermissionConfig[string] {
  const actions = [...patterns.values()];
  if (patterns.size === 1 && patterns.has("*")) return actions[0]!;
  if (!WITHOUT_PATTERNS.includes(permission)) return Object.fromEntries(patterns);
  return actions.includes("deny") ? "deny" : "ask";
}

/** The permissions that rules are about, general ones before those that they include. */
function wildcardsFirst(rules: Rule[]): string[] {
  const names = [...new Set(rules.map((rule) => rule.permission))]
    .filter((name) => !Object.hasOwn(UNANSWERABLE, name));
  const isWildcard = (name: string) => /[*?]/.test(name);
  return [...names.filter(isWildcard), ...names.filter((name) => !isWildcard(name))];
}

/** All that rules say about one permission, from the first restriction on: what is allowed before needs no word. */
function patternsFor(permission: string, rules: Rule[]): Map<string, string> {
  const patterns = new Map<string, string>();
  for (const rule of rules) {
    if (rule.action === "allow" && patterns.size === 0) continue;
    if (!covers(rule.permission, permission)) continue;
    patterns.delete(rule.pattern); // so that it stands last
    patterns.set(rule.pattern, rule.action);
  }
  return patterns;
}

/** Whether a permission's name, with `*` and `?` as opencode reads them, includes another. */
function covers(wildcard: string, permission: string): boolean {
  const pattern = wildcard.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${pattern}$`, "s").test(permission);
}

/**
 * Rules under names that are not `taken`, the ones that the configuration has for permissions. In opencode's merged
 * configuration a name keeps the place where it stood first, and what else is set for it; under a new name rules
 * stand behind all others, alone.
 *
 * @throws unguarded where no such name is left
 */
export function inNewWords(rules: PermissionConfig, taken: Set<string>): PermissionConfig {
  return Object.fromEntries(
    Object.entries(rules).map(([permission, value]) => [newSpelling(permission, taken), value]),
  );
}

/** To opencode `**` is `*`, and a ` *` at the end may be missing: so `bash *` is `bash`, and nothing else is. */
function newSpelling(permission: string, taken: Set<string>): string {
  const bare = permission.replace(/ \*$/, "");
  const spellings = bare.includes("*")
    ? ["*", "**", "***", "****"].map((stars) => bare.replace("*", stars))
    : [bare, `${bare} *`];
  const found = spellings.find((name) => !taken.has(name));
  if (found === undefined) throw errors.unguarded(bare);
  return found;
}

/** The rules that are not among the others, or more often. */
function without(rules: Rule[], others: Rule[]): Rule[] {
  const left = [...others];
  return rules.filter((rule) => {
    const found = left.findIndex((other) => sameRule(rule, other));
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
}

function sameRule(a: Rule, b: Rule): boolean {
  return a.permission === b.permission && a.pattern === b.pattern && a.action === b.action;
}
