/** Many issues at once, seen from outside: status, logs, wait, answer, retry, stop. The tests build on each other. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { exits, refOf } from "../support/expect.ts";
import { assertFits } from "../support/json_schema.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { until } from "../support/until.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());

/** What it prints under --json, which fits the command's schema. */
async function json(exit: number, name: string, ...args: string[]) {
  const value = JSON.parse(exits(exit, await world.kugetsu([...args, "--json"])).stdout);
  await assertFits(name, value);
  return value;
}

async function statusOf(number: number) {
  return (await json(0, "status", "status", refOf(number))).issues[0];
}

const sleep = JSON.stringify({ command: "sleep 300", description: "wait" });
const outside = JSON.stringify({ filePath: "/etc/hostname" });

test("start -d returns a turn that runs, and wait ends as it does", async () => {
  exits(0, await world.kugetsu(["init", "--headless"]));
  const start = (number: number, message: string, ...more: string[]) =>
    json(0, "turn", "start", "-d", refOf(number), ...more, message);
  await start(1, "@say Fixed.");
  await start(2, "@status 401");
  await start(3, `@tool bash ${sleep}`);
  await start(4, `@tool read ${outside}`, "--permissions", "wait");
  const { issues } = await json(7, "wait", "wait", ...[1, 2, 4].map(refOf));
  const ends = issues.map((it: { issue_ref: string; exit: number }) => [it.issue_ref, it.exit]);
  assert.deepEqual(ends.sort(), [[refOf(1), 0], [refOf(2), 6], [refOf(4), 7]]);
  const any = await json(0, "wait", "wait", "--any", refOf(3), refOf(1));
  assert.deepEqual(any.issues.map((it: { issue_ref: string }) => it.issue_ref), [refOf(1)]);
  const late = exits(10, await world.kugetsu(["wait", refOf(3), refOf(3), "--timeout", "1"]));
  assert.match(late.stderr, /Waited 1 s for "\S+#3", which is not over/);
  assert.deepEqual((await json(10, "wait", "wait", refOf(3), "--timeout", "1s")).waiting, [
    refOf(3),
  ]);
});

test("status says what each does, why one is not done, and what to run next", async () => {
  await until("the tool runs", async () => (await statusOf(3)).doing !== undefined);
  const { issues } = await json(0, "status", "status");
  const [done, failed, running, blocked] = issues;
  assert.equal(done.state, "idle");
  assert.ok(done.tokens > 0 && done.next === undefined);
  assert.match(done.branch, /^kugetsu\//);
  assert.deepEqual([failed.state, failed.next], ["failed", `kugetsu continue "${refOf(2)}"`]);
  assert.match(failed.why, /401/);
  assert.match(running.doing, /^bash/);
  assert.equal(blocked.ask.kind, "permission");
  const { stdout } = exits(0, await world.kugetsu(["status", refOf(4)]));
  assert.match(stdout, /blocked for .*waits for an answer/);
  assert.match(stdout, new RegExp(`next: kugetsu answer "${refOf(4)}" --allow`));
  assert.match(exits(5, await world.kugetsu(["status", "--watch"])).stderr, /not a terminal/);
  exits(2, await world.kugetsu(["status", "--watch", "--json"]));
  exits(3, await world.kugetsu(["status", refOf(99)]));
});

test("an answer has to fit, and then the turn goes on", async () => {
  const words = exits(2, await world.kugetsu(["answer", refOf(4), "go on"]));
  assert.match(words.stderr, /it wants a permission.*\n.*--allow/);
  assert.match(
    exits(3, await world.kugetsu(["answer", refOf(1), "--deny"])).stderr,
    /asks nothing/,
  );
  exits(2, await world.kugetsu(["answer", refOf(4), "--allow", "--deny"]));
  await json(0, "answer", "answer", refOf(4), "--allow");
  await json(0, "wait", "wait", refOf(4));
});

test("what is wanted at once is answered one after the other", async () => {
  const orders = [`@repeat 2 read ${outside}`, "@say Both."].join("\n");
  exits(7, await world.kugetsu(["start", refOf(8), orders, "--permissions", "wait"]));
  await json(0, "answer", "answer", refOf(8), "--allow");
  await json(7, "wait", "wait", refOf(8));
  assert.equal((await statusOf(8)).state, "blocked");
  await json(0, "answer", "answer", refOf(8), "--allow");
  await json(0, "wait", "wait", refOf(8));
});

test("logs show all turns, follow live, and end well", async () => {
  const { stdout } = exits(0, await world.kugetsu(["logs", refOf(4)]));
  assert.match(stdout, /── start.*\n[^]*asks: [^]*allowed\n[^]*── the turn is done/);
  const lines = exits(0, await world.kugetsu(["logs", refOf(4), "--json"])).stdout.trim().split(
    "\n",
  );
  for (const line of lines) await assertFits("logs", JSON.parse(line));
  assert.equal(
    exits(0, await world.kugetsu(["logs", refOf(4), "--since", "2099-01-01"])).stdout,
    "",
  );
  const followers = [0, 1].map(() => world.spawn(["logs", "-f", refOf(1)]));
  for (const it of followers) await it.sees(/the turn is done/);
  exits(0, await world.kugetsu(["continue", refOf(1), "@say And tests."]));
  for (const it of followers) await it.sees(/And tests\.[^]*the turn is done/);
  followers[0]!.kill("SIGINT");
  const { code, stderr } = await followers[0]!.ended;
  assert.deepEqual([code, stderr], [130, ""]);
  followers[1]!.child.stdout!.destroy();
  exits(0, await world.kugetsu(["continue", refOf(1), "@say More."]));
  assert.equal((await followers[1]!.ended).code, 0);
  exits(3, await world.kugetsu(["logs", refOf(99)]));
});

test("retry runs the last message again, and a turn that is done only by force", async () => {
  const before = world.model.prompts.length;
  await json(6, "turn", "retry", refOf(2));
  assert.ok(world.model.prompts.slice(before).includes("@status 401"));
  assert.match(exits(9, await world.kugetsu(["retry", refOf(1)])).stderr, /--force/);
  await json(0, "turn", "retry", refOf(1), "-d", "--force");
  await json(0, "wait", "wait", refOf(1));
  exits(3, await world.kugetsu(["retry", refOf(99)]));
  assert.match(exits(4, await world.kugetsu(["retry", refOf(3)])).stderr, /kugetsu status/);
});

test("stop ends a turn with its processes and what waits behind it, and says what did not run", async () => {
  exits(0, await world.kugetsu(["continue", refOf(3), "--queue", "-d", "@say Never."]));
  const stopped = await json(0, "stop", "stop", refOf(3), refOf(1));
  assert.deepEqual(stopped, {
    stopped: [{ issue_ref: refOf(3), left: [], dropped: 1 }],
    not_running: [refOf(1)],
  });
  const { state, next } = await statusOf(3);
  assert.deepEqual([state, next], ["stopped", `kugetsu continue "${refOf(3)}"`]);
  assert.equal((await json(143, "wait", "wait", refOf(3))).issues[0].state, "stopped");
  assert.deepEqual((await json(0, "stop", "stop", "--all")).stopped, []);
  exits(2, await world.kugetsu(["stop"]));
});

test("a start that never got a session is known, can be tried again, and is forgotten with its issue", async () => {
  const setup = { KUGETSU_WORKTREE_SETUP: "exit 7" };
  await world.kugetsu(["start", "-d", refOf(5), "@say Begun."], { env: setup });
  await json(5, "wait", "wait", refOf(5));
  const failed = (await json(0, "status", "status")).issues.at(-1);
  assert.deepEqual([failed.issue_ref, failed.state], [refOf(5), "failed"]);
  assert.match(failed.why, /worktree\.setup/);
  assert.match(exits(0, await world.kugetsu(["logs", refOf(5)])).stdout, /worktree\.setup/);
  exits(5, await world.kugetsu(["retry", refOf(5)], { env: setup }));
  // Once the settings are right, the same message is.
  assert.equal(exits(0, await world.kugetsu(["retry", refOf(5)])).stdout, "Begun.\n");
  exits(0, await world.kugetsu(["destroy", refOf(5), "-y"]));
  exits(3, await world.kugetsu(["status", refOf(5)]));
  exits(3, await world.kugetsu(["logs", refOf(5)]));
});
