/**
 * The permission policy of a headless turn, in opencode's own words.
 *
 * opencode decides by rules; the last one that matches wins, and `ask` means asking a human. With nobody
 * there, `opencode run` rejects what it would ask for, and then ends the turn unless
 * `experimental.continue_loop_on_deny` is set. It does not reject questions, though: in a fork they hang, so the
 * question tools are always denied. Source: opencode 1.18, tried for each permission it knows.
 *
 * A repository's own opencode.json may tighten what the user set, not loosen it. The guard sees to that: the
 * rules under which the user's own settings ask or deny, stated again where nothing of the repository comes
 * after them.
 */

/** A rule as `opencode debug agent` prints it. */
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

/**
 * What to state again. `own`: the rules without the repository's settings; `full`: with them. Empty where the
 * repository changes nothing. Exceptions (`allow` after an `ask`) of the user are kept, unless the
 * repository restricts that permission itself: then the stricter reading wins.
 */
export function guardRules(own: Rule[], full: Rule[]): PermissionConfig {
  const added = full.filter((rule) => !own.some((other) => sameRule(rule, other)));
  if (added.length === 0) return {};
  const restricted = new Set(
    added.filter((it) => it.action !== "allow").map((it) => it.permission),
  );
  const guard: Record<string, Record<string, string>> = {};
  const state = (rule: Rule) => {
    const patterns = guard[rule.permission] ??= {};
    delete patterns[rule.pattern]; // so that it stands last
    patterns[rule.pattern] = rule.action;
  };
  for (const rule of own) {
    if (rule.permission in UNANSWERABLE) continue;
    const stated = guard[rule.permission] ?? guard["*"];
    const exception = stated !== undefined && !restricted.has(rule.permission);
    if (rule.action !== "allow" || exception) state(rule);
  }
  for (const rule of added) if (rule.action !== "allow") state(rule);
  return guard;
}

function sameRule(a: Rule, b: Rule): boolean {
  return a.permission === b.permission && a.pattern === b.pattern && a.action === b.action;
}
