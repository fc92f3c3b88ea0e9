import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { errors } from "../../src/errors.ts";
import {
  guardRules,
  inNewWords,
  type PermissionConfig,
  type Rule,
} from "../../src/runner/permissions.ts";

/** What opencode itself starts from, as `opencode debug agent build` prints it. */
const DEFAULTS: Rule[] = rulesOf({
  "*": { "*": "allow" },
  doom_loop: { "*": "ask" },
  external_directory: { "*": "ask", "/tmp/opencode/*": "allow" },
  read: { "*": "allow", "*.env": "ask", "*.env.example": "allow" },
});

/** Rules in the order in which opencode makes them of a configuration. */
function rulesOf(config: PermissionConfig): Rule[] {
  return Object.entries(config).flatMap(([permission, value]) => {
    const patterns = typeof value === "string" ? { "*": value } : value;
    return Object.entries(patterns).map(([pattern, action]) => ({
      permission,
      pattern,
      action: action as Rule["action"],
    }));
  });
}

/** One configuration over another, as opencode merges them: a key that is there keeps its place. */
function merged(under: PermissionConfig, over: PermissionConfig): PermissionConfig {
  const result = { ...under };
  for (const [permission, value] of Object.entries(over)) {
    const below = result[permission];
    result[permission] = typeof below === "object" && typeof value === "object"
      ? { ...below, ...value }
      : value;
  }
  return result;
}

function matches(text: string, wildcard: string): boolean {
  const parts = wildcard.split("*").map((part) => part.replaceAll(/[.+^${}()|[\]\\?]/g, "\\$&"));
  const pattern = parts.join(".*").replace(/ \.\*$/, "( .*)?");
  return new RegExp(`^${pattern}$`, "s").test(text);
}

/** How opencode decides: the last rule that matches. */
function decide(rules: Rule[], permission: string, what: string): Rule["action"] {
  const last = rules.findLast((rule) =>
    matches(permission, rule.permission) && matches(what, rule.pattern)
  );
  return last?.action ?? "ask";
}

/** The rules of a turn: the user's settings, the repository's on top, and the guard behind them. */
function guarded(user: PermissionConfig, repository: PermissionConfig) {
  const own = [...DEFAULTS, ...rulesOf(user)];
  const full = [...DEFAULTS, ...rulesOf(merged(user, repository))];
  const guard = guardRules(own, full);
  return { own, full, guard, final: [...full, ...rulesOf(guard)] };
}

describe("a repository's settings", () => {
  const CASES: [
    what: string,
    user: PermissionConfig,
    repository: PermissionConfig,
    decisions: Record<string, Rule["action"]>,
  ][] = [
    ["cannot allow what the user denies", { bash: "deny" }, { bash: "allow" }, {
      "bash ls": "deny",
    }],
    ["cannot allow what the user is asked about", { bash: "ask" }, { bash: { "rm *": "allow" } }, {
      "bash rm x": "ask",
      "bash ls": "ask",
    }],
    ["cannot allow what opencode asks about by itself", {}, { external_directory: "allow" }, {
      "external_directory /etc/passwd": "ask",
      "external_directory /tmp/opencode/x": "allow",
    }],
    ["cannot allow everything", { bash: "ask" }, { "*": "allow" }, {
      "bash ls": "ask",
      "doom_loop x": "ask",
      "read .env": "ask",
      "read a.ts": "allow",
      "edit a.ts": "allow",
    }],
    ["may deny what the user allows", {}, { bash: "deny", edit: { "*.lock": "ask" } }, {
      "bash ls": "deny",
      "edit deno.lock": "ask",
      "edit a.ts": "allow",
    }],
    ["may deny everything", { bash: "ask" }, { "*": "deny" }, {
      "bash ls": "deny",
      "edit a.ts": "deny",
    }],
    [
      "leave the user's exceptions as they are",
      { bash: { "*": "ask", "git *": "allow" } },
      { edit: "allow", bash: { "rm *": "allow" } },
      { "bash git status": "allow", "bash rm x": "ask", "bash ls": "ask", "edit a.ts": "allow" },
    ],
    [
      "may restrict the user's exceptions",
      { bash: { "*": "ask", "git *": "allow" }, edit: { "*": "ask", "*.md": "allow" } },
      { bash: { "git push *": "deny" }, edit: "ask" },
      { "bash git push x": "deny", "bash git status": "allow", "edit a.md": "ask" },
    ],
  ];
  for (const [what, user, repository, decisions] of CASES) {
    test(what, () => {
      const { final } = guarded(user, repository);
      for (const [query, action] of Object.entries(decisions)) {
        const [permission, ...rest] = query.split(" ");
        assert.equal(decide(final, permission!, rest.join(" ")), action, query);
      }
    });
  }
});

test("where the repository changes nothing, nothing is stated", () => {
  const users: PermissionConfig[] = [{}, { bash: "ask" }, {
    bash: { "*": "ask", "git *": "allow" },
  }];
  for (const user of users) {
    assert.deepEqual(guarded(user, {}).guard, {});
    assert.deepEqual(guarded(user, user).guard, {});
  }
});

test("questions, which are always denied, are left out of the guard", () => {
  assert.deepEqual(guarded({ question: "deny", plan_exit: "ask" }, { edit: "ask" }).guard, {
    doom_loop: "ask",
    external_directory: { "*": "ask", "/tmp/opencode/*": "allow" },
    read: { "*.env": "ask", "*.env.example": "allow" },
    edit: "ask",
  });
});

test("a permission or a pattern with a name that means something to the language harms nothing", () => {
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    const rule: Rule = { permission: name, pattern: "keys", action: "deny" };
    const odd: Rule = { permission: "bash", pattern: name, action: "deny" };
    const guard = guardRules(DEFAULTS, [...DEFAULTS, rule, odd]);
    assert.deepEqual(Object.entries(guard).find(([it]) => it === name)?.[1], { keys: "deny" });
    assert.equal(typeof Object.keys, "function");
    assert.deepEqual(Object.getOwnPropertyNames({}.constructor).includes("deny"), false);
    assert(!("keys" in Object.prototype) && !("keys" in Function.prototype));
    assert.deepEqual(Object.entries(guard["bash"]!), [[name, "deny"]]);
  }
});

const action = fc.constantFrom("allow", "ask", "deny");
const patterns = fc.uniqueArray(fc.constantFrom("*", "a*", "*b", "ab"), { maxLength: 3 })
  .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), action))))
  .map((entries) => Object.fromEntries(entries));
const config: fc.Arbitrary<PermissionConfig> = fc
  .uniqueArray(fc.constantFrom("bash", "*", "edit", "doom_loop", "d*"), { maxLength: 3 })
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.oneof(action, patterns))))
  )
  .map((entries) => Object.fromEntries(entries));

const QUERIES = ["bash", "edit", "doom_loop", "webfetch"].flatMap((permission) =>
  ["ab", "a", "b", "c"].map((what) => [permission, what] as const)
);
const strictness = (it: Rule["action"]) => ["allow", "ask", "deny"].indexOf(it);

describe("whatever the user and a repository set", () => {
  test("a turn is never allowed more than by the user alone", () => {
    fc.assert(
      fc.property(config, config, (user, repository) => {
        const { own, final } = guarded(user, repository);
        for (const [permission, what] of QUERIES) {
          const [with_, alone] = [decide(final, permission, what), decide(own, permission, what)];
          assert(
            strictness(with_) >= strictness(alone),
            `${permission} ${what}: ${with_}, not ${alone}`,
          );
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("a turn is never allowed more than the repository's settings would", () => {
    fc.assert(
      fc.property(config, config, (user, repository) => {
        const { full, final } = guarded(user, repository);
        for (const [permission, what] of QUERIES) {
          const [with_, alone] = [decide(final, permission, what), decide(full, permission, what)];
          assert(
            strictness(with_) >= strictness(alone),
            `${permission} ${what}: ${with_}, not ${alone}`,
          );
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("an agent's own settings, in whatever order, do not stand behind the guard either", () => {
    fc.assert(
      fc.property(config, config, (user, repository) => {
        const own = [...DEFAULTS, ...rulesOf(user)];
        const guard = guardRules(own, [...own, ...rulesOf(repository)]);
        const stated = inNewWords(guard, new Set([user, repository].flatMap(Object.keys)));
        const final = [...own, ...rulesOf(merged(repository, stated))];
        for (const [permission, what] of QUERIES) {
          const [with_, alone] = [decide(final, permission, what), decide(own, permission, what)];
          assert(strictness(with_) >= strictness(alone), `${permission} ${what}: ${with_}`);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test("a permission is stated under another name that is the same to opencode, or not at all", () => {
  const bash = { bash: { "*": "ask", "git *": "allow" } };
  const spelled = (...taken: string[]) => Object.keys(inNewWords(bash, new Set(taken)))[0];
  assert.equal(spelled("edit", "*"), "bash");
  assert.equal(spelled("bash"), "bash *");
  assert.throws(() => spelled("bash", "bash *"), errors.unguarded("bash"));
  assert.deepEqual(inNewWords({ "m_*": "deny" }, new Set(["m_*", "m_**"])), { "m_***": "deny" });
  assert.deepEqual(inNewWords({ "bash *": "deny" }, new Set(["bash *"])), { bash: "deny" });
});
