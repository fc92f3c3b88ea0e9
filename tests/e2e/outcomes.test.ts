/** Every way in which a turn can end, on the real opencode: exit status, state, and a session that goes on. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeWorld } from "../support/opencode_home.ts";
import { assertFits } from "../support/json_schema.ts";

interface Ending {
  name: string;
  args?: string[];
  /** What the next turn needs to go on; nothing, mostly. */
  then?: string[];
  message: string;
  code: number;
  state: string;
  outcome: string;
  says: RegExp;
}

const READ_OUTSIDE = '@tool read {"filePath":"/etc/hostname"}\n@say after';

const ENDINGS: Ending[] = [
  {
    name: "a provider that refuses is a failure, whatever opencode's exit code",
    message: "@status 401",
    code: 6,
    state: "failed",
    outcome: "failed",
    says: /scripted 401/,
  },
  {
    name: "a model that opencode does not have",
    args: ["--model", "local/nonesuch"],
    then: ["--model", "local/scripted"], // opencode keeps a session's model
    message: "hello",
    code: 6,
    state: "failed",
    outcome: "failed",
    says: /Model not found[^]*opencode models/,
  },
  {
    name: "an agent that opencode does not have: nobody else answers in its place",
    args: ["--agent", "nonesuch"],
    message: "hello",
    code: 6,
    state: "failed",
    outcome: "failed",
    says: /no agent "nonesuch"/,
  },
  {
    name: "a permission that nobody gives in time, where it was to be waited for",
    args: ["--permissions", "wait", "--answer-timeout", "2s", "--runner", "run"],
    message: READ_OUTSIDE,
    code: 7,
    state: "blocked",
    outcome: "blocked",
    says: /external_directory[^]*--permissions allow/,
  },
  {
    name: "a model that never answers",
    args: ["--first-event-timeout", "12s"],
    message: "@hang",
    code: 8,
    state: "failed",
    outcome: "stalled",
    says: /no sign of life for 12 s/,
  },
  {
    name: "a provider that fails again and again: the stall says what opencode met",
    args: ["--first-event-timeout", "14s"],
    message: "@status 500",
    code: 8,
    state: "failed",
    outcome: "stalled",
    says: /its last error: .*scripted 500/,
  },
  {
    name: "an answer that takes too long in all",
    args: ["--timeout", "10s"],
    message: `@slow 500 ${"word ".repeat(100)}`,
    code: 8,
    state: "failed",
    outcome: "timeout",
    says: /longer than 10 s/,
  },
];

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
assert.equal((await world.kugetsu(["init", "--headless"])).code, 0);

for (const [i, ending] of ENDINGS.entries()) {
  const { name, args = [], then = [], message, code, state, outcome, says } = ending;
  test(name, async () => {
    const ref = `${i + 1}`;
    const result = await world.kugetsu(["start", ref, ...args, "-"], { input: message });
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
    const session = await sessionOf(ref);
    assert.equal(session.state, state);
    assert.equal(session.last_turn.outcome, outcome);
    assert.deepEqual(await world.leftovers(), []);
    const next = await world.kugetsu(["continue", ref, ...then, "@say and on"]);
    assert.deepEqual([next.code, next.stdout], [0, "and on\n"], next.stderr);
    assert.equal((await sessionOf(ref)).state, "idle");
  });
}

test("what opencode would ask about is denied and the turn goes on; allow lets it happen", async () => {
  const denied = await world.kugetsu(["start", "20", READ_OUTSIDE]);
  assert.deepEqual([denied.code, denied.stdout], [0, "after\n"], denied.stderr);
  assert.match(denied.stderr, /was denied: external_directory/);
  const question = '@tool question {"questions":[{"question":"Which?","header":"h","options":[]}]}';
  const asked = await world.kugetsu(["continue", "20", `${question}\n@say unanswered`]);
  assert.deepEqual([asked.code, asked.stdout], [0, "unanswered\n"], asked.stderr);
  const allowed = await world.kugetsu(["continue", "20", READ_OUTSIDE, "--permissions", "allow"]);
  assert.deepEqual([allowed.code, allowed.stdout], [0, "after\n"], allowed.stderr);
  assert.doesNotMatch(allowed.stderr, /denied/);
});

test("a turn that waits for an answer tells a caller who cannot give it, and waits all the same", async () => {
  const asked = await world.kugetsu([
    "start",
    "21",
    "--permissions",
    "wait",
    "--json",
    READ_OUTSIDE,
  ]);
  assert.equal(asked.code, 7, asked.stderr);
  const told = JSON.parse(asked.stdout);
  await assertFits("turn", told);
  assert.equal(told.pending, true);
  assert.match(JSON.parse(asked.stderr).error.next, /^kugetsu answer .*#21" --allow$/);
  const { state, reason, opencode_session_id: session } = await sessionOf("21");
  assert.deepEqual([state, /external_directory/.test(reason)], ["blocked", true], reason);
  assert.equal(told.opencode_session_id, session);
  const second = await world.kugetsu(["continue", "21", "me too"]);
  assert.equal(second.code, 4, second.stderr);
});

let number = 30;
for (const runner of ["server", "run"]) {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const ref = `${number++}`;
    test(`${signal} ends a turn on ${runner} with all that it started, and leaves the session usable`, async () => {
      const command =
        `setsid sh -c 'trap "" TERM INT; sleep 300' & echo > started-${ref}; sleep 300`;
      const call = `@tool bash ${JSON.stringify({ command, description: "wait" })}`;
      const args = ["start", ref, "-", "--runner", runner];
      const turn = world.spawn(args, { input: call });
      const folder = runner === "server" ? world.worktree(Number(ref)) : world.repository;
      await appears(join(folder, `started-${ref}`));
      turn.kill(signal);
      const { code: status, stderr } = await turn.ended;
      assert.equal(status, code, stderr);
      assert.deepEqual(await world.leftovers(), []);
      assert.equal((await sessionOf(ref)).state, "stopped");
      const next = await world.kugetsu(["continue", ref, "@say and on"]);
      assert.deepEqual([next.code, next.stdout], [0, "and on\n"], next.stderr);
    });
  }
}

async function appears(path: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!existsSync(path)) {
    assert.ok(Date.now() < deadline, `${path} did not appear`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

// deno-lint-ignore no-explicit-any -- the record as a program reads it
async function sessionOf(number: string): Promise<any> {
  const { sessions } = JSON.parse((await world.kugetsu(["list", "--json"])).stdout);
  return sessions.find((it: { issue_ref: string }) => it.issue_ref.endsWith(`#${number}`));
}
