/** Every way in which a turn can end, on the real opencode: exit status, state, and a session that goes on. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeWorld, type World } from "../support/opencode_home.ts";

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
    name: "a permission nobody can give, where it was to be waited for",
    args: ["--permissions", "wait"],
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

for (const { name, args = [], then = [], message, code, state, outcome, says } of ENDINGS) {
  test(name, async () => {
    await using world = await makeWorld();
    await init(world);
    const result = await world.kugetsu(["start", "14", ...args, "-"], { input: message });
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
    const [session] = await sessions(world);
    assert.equal(session.state, state);
    assert.equal(session.last_turn.outcome, outcome);
    assert.deepEqual(await world.leftovers(), []);
    const next = await world.kugetsu(["continue", "14", ...then, "@say and on"]);
    assert.deepEqual([next.code, next.stdout], [0, "and on\n"], next.stderr);
    assert.equal((await sessions(world))[0].state, "idle");
  });
}

test("what opencode would ask about is denied and the turn goes on; allow lets it happen", async () => {
  await using world = await makeWorld();
  await init(world);
  const denied = await world.kugetsu(["start", "14", READ_OUTSIDE]);
  assert.deepEqual([denied.code, denied.stdout], [0, "after\n"], denied.stderr);
  assert.match(denied.stderr, /was denied: external_directory/);
  const question = '@tool question {"questions":[{"question":"Which?","header":"h","options":[]}]}';
  const asked = await world.kugetsu(["continue", "14", `${question}\n@say unanswered`]);
  assert.deepEqual([asked.code, asked.stdout], [0, "unanswered\n"], asked.stderr);
  const allowed = await world.kugetsu(["continue", "14", READ_OUTSIDE, "--permissions", "allow"]);
  assert.deepEqual([allowed.code, allowed.stdout], [0, "after\n"], allowed.stderr);
  assert.doesNotMatch(allowed.stderr, /denied/);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  test(`${signal} ends the turn with all that it started, and leaves the session usable`, async () => {
    await using world = await makeWorld();
    await init(world);
    const command =
      "setsid sh -c 'trap \"\" TERM INT; sleep 300' & echo started > started; sleep 300";
    const call = `@tool bash ${JSON.stringify({ command, description: "wait" })}`;
    const turn = world.spawn(["start", "14", "-", "--debug"], { input: call });
    await appears(join(world.repository, "started"));
    turn.kill(signal);
    const { code: status, stderr } = await turn.ended;
    assert.equal(status, code, stderr);
    assert.deepEqual(await world.leftovers(), []);
    assert.equal((await sessions(world))[0].state, "stopped");
    const next = await world.kugetsu(["continue", "14", "@say and on"]);
    assert.deepEqual([next.code, next.stdout], [0, "and on\n"], next.stderr);
  });
}

async function init(world: World): Promise<void> {
  const { code, stderr } = await world.kugetsu(["init", "--headless"]);
  assert.equal(code, 0, stderr);
}

async function appears(path: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!existsSync(path)) {
    assert.ok(Date.now() < deadline, `${path} did not appear`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

// deno-lint-ignore no-explicit-any -- the records as a program reads them
async function sessions(world: World): Promise<any[]> {
  return JSON.parse((await world.kugetsu(["list", "--json"])).stdout).sessions;
}
