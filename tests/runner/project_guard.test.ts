import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Environment } from "../../src/runner/opencode_call.ts";
import {
  OpencodeCommand,
  type OpencodeOptions,
  type Resolved,
} from "../../src/runner/opencode_command.ts";
import { NO_GUARD } from "../../src/runner/project_guard.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

/** A user who is asked about bash, and a repository that allows everything. */
class ScriptedOpencode extends OpencodeCommand {
  readonly asked: string[] = [];
  readonly #home: string;

  constructor(options: OpencodeOptions) {
    super(options);
    this.#home = options.env["HOME"]!;
  }

  override resolved(directory: string, _action: string, extra: Environment): Promise<Resolved> {
    const isUsers = extra["OPENCODE_DISABLE_PROJECT_CONFIG"] === "1";
    this.asked.push(isUsers ? "user" : directory);
    const rule = (permission: string, pattern: string, action: string) => ({
      ...{ permission, pattern, action },
    });
    const own = [rule("*", "*", "allow"), rule("bash", "*", "ask"), rule("bash", "git *", "allow")];
    const skill = join(directory, ".opencode", "skill");
    const repositorys = [
      rule("*", "*", "allow"),
      ...(existsSync(skill) ? [rule("edit", `${skill}/*`, "ask")] : []),
    ];
    const isSame = isUsers || existsSync(join(this.#home, "unchanged"));
    const permission = isSame ? own : [...own, ...repositorys];
    const names = ["build", "mine", ...(isUsers ? [] : ["reviewer"])];
    const mine = { prompt: "a prompt" };
    const agent = isUsers ? { mine } : { mine, reviewer: { permission: "allow" } };
    return Promise.resolve({
      config: { agent },
      agents: names.map((name) => ({ name, permission })),
    });
  }
}

/** Asks for the guard of a scratch folder's `repository`. */
async function setUp(scratch: Scratch) {
  const file = await scratch.write("opencode", "", 0o755);
  const asked: string[] = [];
  const guard = async (
    agent = "build",
    env: Record<string, string> = {},
    folder = "repository",
  ) => {
    const settings = {
      env: { PATH: process.env.PATH, HOME: scratch.path, KUGETSU_OPENCODE: file, ...env },
      cacheFolder: scratch.join("cache"),
    };
    const opencode = new ScriptedOpencode({ ...settings, debug: () => {} });
    const needs = await opencode.needsOf({ agent, directory: scratch.join(folder) });
    asked.push(...opencode.asked);
    return needs.guard;
  };
  return Object.assign(guard, { asked });
}

describe("a repository", () => {
  test("without opencode settings needs no guard, and opencode is not asked", async () => {
    await using scratch = await makeScratch();
    await scratch.write("repository/.git/HEAD", "");
    await scratch.write("opencode.json", "{}");
    const guard = await setUp(scratch);
    assert.deepEqual(await guard(), NO_GUARD);
    assert.deepEqual(guard.asked, []);
  });

  const PLACES = [
    "opencode.json",
    "opencode.jsonc",
    ".opencode/opencode.json",
    ".opencode/agent/build.md",
  ];
  for (const place of PLACES) {
    test(`with ${place} cannot allow what the user is asked about, for any agent`, async () => {
      await using scratch = await makeScratch();
      await scratch.write("repository/.git/HEAD", "");
      await scratch.write(`repository/${place}`, "{}");
      const { everywhere, agents } = await (await setUp(scratch))();
      const bash = { "*": "ask", "git *": "allow" };
      assert.deepEqual(everywhere, { bash });
      const questions = { question: "deny", plan_enter: "deny", plan_exit: "deny" };
      assert.deepEqual(agents["build"], { bash, ...questions });
      // What another agent's exceptions are is not known.
      for (const name of ["general", "explore", "plan", "mine"]) {
        assert.deepEqual(agents[name], { bash: { "*": "ask" }, ...questions }, name);
      }
      assert.deepEqual(agents["reviewer"], { bash: "ask", ...questions });
    });
  }

  test("that only brings an agent of its own leaves all others as they are", async () => {
    await using scratch = await makeScratch();
    await scratch.write("repository/.git/HEAD", "");
    await scratch.write("repository/.opencode/agent/reviewer.md", "");
    await scratch.write("unchanged", "");
    const { everywhere, agents } = await (await setUp(scratch))();
    assert.deepEqual(everywhere, {});
    assert.deepEqual(Object.keys(agents), ["reviewer"]);
    assert.equal(agents["reviewer"]?.["bash"], "ask");
  });

  test("has the settings of the folders above it up to its root", async () => {
    await using scratch = await makeScratch();
    await scratch.write("repository/file", "");
    await scratch.write("opencode.json", "{}");
    await scratch.write(".git/HEAD", "");
    assert.notDeepEqual(await (await setUp(scratch))(), NO_GUARD);
  });
});

test("opencode is asked again only when something that counts has changed", async () => {
  await using scratch = await makeScratch();
  await scratch.write("repository/.git/HEAD", "");
  await scratch.write("repository/opencode.json", "{}");
  const guard = await setUp(scratch);
  const isAsked = async (agent?: string, env?: Record<string, string>) => {
    const before = guard.asked.length;
    const found = await guard(agent, env);
    assert.notDeepEqual(found, NO_GUARD);
    return guard.asked.length > before;
  };
  assert(await isAsked(), "the first time");
  assert(!await isAsked(), "nothing has changed");
  await scratch.write("repository/src/main.ts", "");
  assert(!await isAsked(), "nothing of opencode's has changed");
  const counts = [
    "repository/opencode.json",
    "repository/.opencode/opencode.jsonc",
    "repository/.opencode/agent/reviewer.md",
    "repository/.opencode/agent/team/deep/reviewer.md",
    ".config/opencode/opencode.json",
    "opencode",
  ];
  for (const file of counts) {
    await scratch.write(file, "\n# changed\n", 0o755);
    assert(await isAsked(), file);
    assert(!await isAsked(), file);
  }
  assert(await isAsked("reviewer"), "another agent");
  assert(await isAsked("build", { OPENCODE_PERMISSION: '{"edit":"ask"}' }), "another setting");
});

test("the user's half is asked once for all repositories, and again when it has changed", async () => {
  await using scratch = await makeScratch();
  const guard = await setUp(scratch);
  const timesUser = () => guard.asked.filter((it) => it === "user").length;
  const found = [];
  for (const repository of ["one", "two"]) {
    await scratch.write(`${repository}/.git/HEAD`, "");
    await scratch.write(`${repository}/opencode.json`, `{"$comment":"${repository}"}`);
    found.push(await guard("build", {}, repository));
  }
  assert.deepEqual(found[1], found[0]);
  assert.deepEqual(guard.asked, ["user", scratch.join("one"), scratch.join("two")]);
  const kept = await readFile(scratch.join("cache/user_permissions.json"), "utf8");
  assert.ok(!kept.includes("a prompt"), "settings of agents are kept");

  await scratch.write(".config/opencode/opencode.json", "{}");
  await guard("build", {}, "two");
  assert.equal(timesUser(), 2, "the user's settings have changed");
  await guard("build", { XDG_DATA_HOME: "/var/data" }, "two");
  assert.equal(timesUser(), 3, "opencode's own rules name another folder");
  await guard("mine", {}, "one");
  assert.equal(timesUser(), 4, "another agent");
});

describe("a new worktree", () => {
  const SETTINGS = '{"permission":"allow"}';

  /** Whether opencode is asked for the second of two worktrees, each with the settings and what `write` puts there. */
  async function isAskedAgain(
    settings: string,
    write: (scratch: Scratch, worktree: string) => Promise<unknown> | void,
    env?: Record<string, string>[],
  ): Promise<boolean> {
    await using scratch = await makeScratch();
    const guard = await setUp(scratch);
    const calls: number[] = [];
    for (const [at, worktree] of ["trees/one", "trees/two"].entries()) {
      await scratch.write(`${worktree}/.git`, "gitdir: elsewhere");
      await scratch.write(`${worktree}/opencode.json`, settings);
      await write(scratch, worktree);
      assert.notDeepEqual(await guard("build", env?.[at], worktree), NO_GUARD);
      calls.push(guard.asked.length);
    }
    assert(calls[0]! > 0);
    return calls[1]! > calls[0]!;
  }

  test("with the same settings costs nothing, whatever else is in it", async () => {
    const same = await isAskedAgain(SETTINGS, async (scratch, worktree) => {
      await scratch.write(`${worktree}/.opencode/agent/mine.md`, "mine");
      await scratch.write(`${worktree}/main.ts`, worktree);
    });
    assert.equal(same, false);
    const absolute = (scratch: Scratch) => scratch.write("shared.txt", "ask");
    assert.equal(await isAskedAgain('{"permission":"{file:~/shared.txt}"}', absolute), false);
  });

  const DIFFERENT: Record<string, Parameters<typeof isAskedAgain>> = {
    "a file of settings": [
      SETTINGS,
      (scratch, worktree) => scratch.write(`${worktree}/.opencode/agent/mine.md`, worktree),
    ],
    "a file under another name": [
      SETTINGS,
      (scratch, worktree) =>
        scratch.write(`${worktree}/.opencode/agent/${worktree.slice(-3)}.md`, "same"),
    ],
    "a file that the settings include": [
      '{"permission":"{file:./policy}"}',
      (scratch, worktree) => scratch.write(`${worktree}/policy`, worktree),
    ],
    "a variable that the settings name": ['{"permission":"{env:POLICY}"}', () => {}, [
      { POLICY: "ask" },
      { POLICY: "deny" },
    ]],
    "code, which may look where it is": [
      SETTINGS,
      (scratch, worktree) => scratch.write(`${worktree}/.opencode/plugin/same.ts`, "export {}"),
    ],
    "a plugin that is named": ['{"plugin":["a@1.0.0"]}', () => {}],
    "another way to opencode's own folders": [SETTINGS, () => {}, [
      {},
      { XDG_DATA_HOME: "/var/data" },
    ]],
  };
  for (const [what, difference] of Object.entries(DIFFERENT)) {
    test(`is asked about where it differs in ${what}`, async () => {
      assert.equal(await isAskedAgain(...difference), true);
    });
  }

  test("is asked about where the rules name the folder itself", async () => {
    const named = await isAskedAgain(
      SETTINGS,
      (scratch, worktree) => scratch.write(`${worktree}/.opencode/skill/x/SKILL.md`, "same"),
    );
    assert.equal(named, true);
  });
});
