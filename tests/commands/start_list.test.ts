import { test } from "node:test";
import assert from "node:assert/strict";
import { start, type StartOptions } from "../../src/commands/start.ts";
import { messageFor, refsIn } from "../../src/commands/start_list.ts";
import { errors, EXIT, KugetsuError } from "../../src/errors.ts";
import { parseRef } from "../../src/session/ref.ts";
import type { Submission, Supervisor } from "../../src/supervisor/mod.ts";
import { makeStage, SETTINGS } from "../support/fakes.ts";
import { assertFits } from "../support/json_schema.ts";

const BASE = { type: "base", opencode_session_id: "ses_base", directory: "/clone" } as const;
const WORKTREE = { mode: "own", copy: [], setup: undefined, setupSeconds: 600 } as const;

/** Starts a list with a supervisor that does this with what is handed in. */
function startList(
  list: string,
  message: string | undefined,
  options: StartOptions = {},
  submit: (submission: Submission) => Promise<void> | void = () => {},
  json = false,
  settings = () => ({ ...SETTINGS, worktree: WORKTREE }),
) {
  const submitted: Submission[] = [];
  let open = 0;
  let most = 0;
  const supervisor: Partial<Supervisor> = {
    async submit(submission) {
      most = Math.max(most, ++open);
      try {
        await new Promise((later) => setTimeout(later, 1));
        await submit(submission);
        submitted.push(submission);
        return { key: submission.ref, turn: submission.id, ahead: 0, again: false };
      } finally {
        open--;
      }
    },
  };
  const stage = makeStage(() => ({
    json,
    config: { settings },
    store: {
      baseOf: () => Promise.resolve({ ...BASE, created_at: "", state: "idle", issue_ref: null }),
    },
    context: {
      supervisor: () => Promise.resolve(supervisor as Supervisor),
      readFile: (path) => Promise.resolve(path === "refs.txt" ? list : `from ${path}`),
      readInput: () => Promise.resolve(list),
    },
  }));
  const run = () => start(stage.context, message, undefined, { refsFrom: "refs.txt", ...options });
  return { ...stage, submitted, most: () => most, run };
}

test("a list has one ref a line, comments and blank lines left out, and # belongs to refs", () => {
  const text =
    "# mine\n\na/b/c#1\r\n  a/b/c#2   # see #3\n#14\n   # 15\n#x\nhttps://h/a/b/issues/4\n";
  assert.deepEqual(refsIn(text), ["a/b/c#1", "a/b/c#2", "#14", "https://h/a/b/issues/4"]);
});

test("a message names each issue, however it looks to a replacement", () => {
  const ref = parseRef("github.com/a/b#7");
  assert.equal(messageFor("{ref}, {number} $& {x} {number}", ref), "github.com/a/b#7, 7 $& {x} 7");
});

test("each issue of a list gets its message and its key, once, and is told", async () => {
  const { run, submitted, stdout, stderr } = startList(
    "github.com/a/b#1\nhttps://github.com/A/b/issues/1\ngithub.com/a/b#2\n",
    "fix {number}",
    { key: "night" },
  );
  assert.equal(await run(), EXIT.ok);
  assert.deepEqual(
    submitted.map(({ ref, message, key }) => [ref, message, key]),
    [["github.com/a/b#1", "fix 1", "night github.com/a/b#1"], [
      "github.com/a/b#2",
      "fix 2",
      "night github.com/a/b#2",
    ]],
  );
  assert.deepEqual(stdout, ["github.com/a/b#1\n", "github.com/a/b#2\n"]);
  assert.deepEqual(stderr, ["note github.com/a/b#1 stands twice in the list."]);
});

test("what is wrong with one is told, stops no other, and decides the exit", async () => {
  const { run, submitted, results } = startList(
    "nonsense\ngithub.com/a/b#1\ngithub.com/a/b#2\n",
    "go",
    {},
    ({ ref }) => {
      if (ref.endsWith("#1")) throw errors.sessionExists(ref);
    },
    true,
  );
  assert.equal(await run(), EXIT.busy);
  assert.deepEqual(submitted.map(({ ref }) => ref), ["github.com/a/b#2"]);
  assert.equal(results.length, 1);
  await assertFits("start-list", JSON.parse(JSON.stringify(results[0])));
  const [bad, taken, begun] = results[0] as Record<string, unknown>[];
  assert.deepEqual([bad!.ref, bad!.exit], ["nonsense", EXIT.usage]);
  assert.equal((bad!.error as { code: string }).code, "bad-ref");
  assert.deepEqual([taken!.exit, (taken!.error as { next: string }).next], [
    EXIT.busy,
    'kugetsu continue "github.com/a/b#1" "what to do"',
  ]);
  assert.deepEqual(begun, {
    ref: "github.com/a/b#2",
    issue_ref: "github.com/a/b#2",
    turn: "turn-1",
    ...{ ahead: 0, again: false, exit: 0 },
  });
});

test("what is wrong with the flags is said once, and nothing begins", async () => {
  const wrong = () => {
    throw errors.badSetting("--model", "nope", "a model is written provider/model");
  };
  const list = "github.com/a/b#1\ngithub.com/a/b#2\n";
  const { run, submitted, stderr } = startList(list, "fix", {}, () => {}, false, wrong);
  await assert.rejects(run(), { code: "bad-setting" });
  assert.deepEqual([submitted, stderr], [[], []]);
});

test("a long list is handed in a few at a time, in its order, and ends with a supervisor that cannot be", async () => {
  const list = Array.from({ length: 1000 }, (_, i) => `github.com/a/b#${i + 1}`).join("\n");
  const whole = startList(list, "go");
  assert.equal(await whole.run(), EXIT.ok);
  assert.equal(whole.submitted.length, 1000);
  assert.ok(whole.most() > 1 && whole.most() <= 8, `${whole.most()} at once`);
  const none = startList(list, "go", {}, () => {
    throw errors.supervisorFailed("it is gone", "log");
  });
  await assert.rejects(
    none.run(),
    (error) => error instanceof KugetsuError && error.code === "supervisor-failed",
  );
});

test("standard input is read once, and a list without a ref is bad usage", async () => {
  const twice = startList("", "-", { refsFrom: "-" });
  await assert.rejects(twice.run(), /standard input/);
  const none = startList("# nothing\n", "go");
  await assert.rejects(none.run(), /there is no ref in "refs.txt"/);
  const { context } = startList("a", undefined);
  await assert.rejects(start(context, "a", "b", { refsFrom: "refs.txt" }), /only a MESSAGE/);
  await assert.rejects(start(context, undefined, undefined, {}), /give a REF, or --refs-from/);
});
