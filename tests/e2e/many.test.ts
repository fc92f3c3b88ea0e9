/**
 * Two dozen issues at once, each in a worktree of its own, on one opencode: a quarter of them fails, hangs, asks or is
 * slow. Then the same while everything that may be killed is killed at random.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { exits, type ListedSession, listing, refOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld, sessionsOf, type World } from "../support/opencode_home.ts";
import { commandLine, processesWith } from "../support/processes.ts";
import { rounds } from "../support/rounds.ts";
import { until } from "../support/until.ts";

const CAP = 6;
const COUNT = 24;

/** What an issue is told to do, besides writing its file, and how its turn is to end. */
interface Part {
  order: string;
  args?: string[];
  state: string;
}

const GOOD: Part = { order: "@say Well.", state: "idle" };
const TROUBLE: Part[] = [
  { order: "@status 401", state: "failed" },
  { order: "@hang", args: ["--silence-timeout", "8s"], state: "failed" },
  {
    order: '@tool read {"filePath":"/etc/hostname"}',
    args: ["--permissions", "wait"],
    state: "blocked",
  },
  { order: `@slow 200 ${"word ".repeat(20)}`, state: "idle" },
];

const partOf = (number: number): Part =>
  number % 4 === 0 ? TROUBLE[(number / 4) % TROUBLE.length]! : GOOD;

function messageOf(number: number): string {
  const command = `echo ${number} >> file-${number}.txt; sleep 0.3`;
  const write = `@tool bash ${JSON.stringify({ command, description: "Writes" })}`;
  return `${write}\n${partOf(number).order}`;
}

async function begin(world: World, number: number): Promise<void> {
  const args = ["start", "-d", refOf(number), "-", ...partOf(number).args ?? []];
  exits(
    0,
    await world.kugetsu([...args, "--max-parallel", `${CAP}`], { input: messageOf(number) }),
  );
}

const numberOf = ({ issue_ref }: ListedSession) => Number(issue_ref.split("#")[1]);
const isUnderWay = ({ state }: ListedSession) => ["queued", "starting", "running"].includes(state);

/** The sessions once none of them waits or runs; `onLook` is called meanwhile. */
async function settled(
  world: World,
  onLook: () => Promise<void> = () => Promise.resolve(),
): Promise<ListedSession[]> {
  let sessions: ListedSession[] = [];
  await until("all are over", async () => {
    sessions = (await listing(world)).sessions;
    await onLook();
    return !sessions.some(isUnderWay);
  }, 240_000);
  return sessions;
}

/** Its own file, with one line, and no other's. */
async function filesOf(world: World, number: number): Promise<string[]> {
  const folder = world.worktree(number);
  const names = (await readdir(folder)).filter((name) => name.startsWith("file-"));
  return await Promise.all(
    names.map(async (name) => `${name}: ${await readFile(join(folder, name), "utf8")}`),
  );
}

test("24 issues in 24 worktrees, six at a time: each ends as it must, and touches its own branch alone", async () => {
  await using world = await makeWorld();
  exits(0, await world.kugetsu(["init", "--headless"]));
  const numbers = Array.from({ length: COUNT }, (_, i) => i + 1);
  for (const number of numbers) await begin(world, number);
  let most = 0;
  // Of the supervisor, which tells of all at one moment; a listing reads one file after the other.
  const sessions = await settled(world, async () => {
    const { stdout } = await world.kugetsu(["supervisor", "status", "--json"]);
    const { turns } = JSON.parse(stdout) as { turns: { state: string }[] };
    most = Math.max(most, turns.filter(({ state }) => state === "running").length);
  });
  assert.ok(most <= CAP, `${most} ran at once`);
  assert.ok(most > 1, "they ran one after the other");
  const found = new Map(sessions.map((it) => [numberOf(it), it]));
  for (const number of numbers) {
    assert.equal(
      found.get(number)?.state,
      partOf(number).state,
      `${number}: ${found.get(number)?.reason}`,
    );
    assert.deepEqual(await filesOf(world, number), [`file-${number}.txt: ${number}\n`]);
    assert.equal(found.get(number)?.directory, world.worktree(number));
  }
  assert.equal(await world.git("status", "--porcelain"), "", "the base's folder is as it was");
  const branches = (await world.git("branch", "--list", "kugetsu/*")).trim().split("\n");
  assert.equal(branches.length, COUNT);
});

test(
  "kill -9 of the supervisor, of opencode and of clients at random: one true outcome each, and nothing twice",
  {
    skip: needs("linux"),
  },
  async (context) => {
    await using world = await makeWorld();
    exits(0, await world.kugetsu(["init", "--headless"]));
    const kills = rounds(2, 200);
    const accepted: number[] = [];
    let done = 0;
    let isOver = false;
    const killing = (async () => {
      while (!isOver && done < kills) {
        await new Promise((later) => setTimeout(later, 300 + Math.random() * 1500));
        if (await killOne(world)) done++;
      }
    })();
    try {
      for (let number = 1; done < kills && number < 40 * kills; number++) {
        const args = ["start", "-d", refOf(number), "-", "--max-parallel", `${CAP}`];
        const { code, signal } = await world.kugetsu(args, { input: calmMessage(number) });
        if (code === 0) accepted.push(number);
        else assert.ok(signal === "SIGKILL" || code === 5, `${number}: ${code}`);
        const waiting = (await listing(world)).sessions.filter(isUnderWay).length;
        if (waiting > 2 * CAP) await new Promise((later) => setTimeout(later, 500));
      }
    } finally {
      isOver = true;
      await killing;
    }
    const sessions = await settled(world);
    const found = new Map(sessions.map((it) => [numberOf(it), it]));
    const outcomes: Record<string, number> = {};
    for (const number of accepted) {
      const prompts = world.model.prompts.filter((it) => it === calmMessage(number)).length;
      assert.ok(prompts <= 2, `${number} was sent ${prompts} times`);
      const session = found.get(number);
      // A start that never got a session leaves none; its end stands in its transcript.
      const outcome = session?.last_turn?.outcome ?? await endOf(world, number);
      assert.ok(outcome, `${number} was accepted and has no outcome`);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      const lines = session ? await filesOf(world, number) : [];
      assert.ok(lines.every((it) => it === `file-${number}.txt: ${number}\n`), `${lines}`);
      if (outcome === "done") assert.equal(lines.length, 1, `${number} has done nothing`);
    }
    context.diagnostic(`${done} kills, ${accepted.length} accepted: ${JSON.stringify(outcomes)}`);
    assert.ok((outcomes["done"] ?? 0) > 0);
    await until("nothing is left", async () => (await world.leftovers()).length === 0, 15_000);
    await assertNoOrphans(world, sessions);
  },
);

const calmMessage = (number: number) => messageOf(number).replace(/\n[^]*/, "\n@say Well.");

/** Kills something that runs in the world; false if there was nothing of that kind. */
async function killOne(world: World): Promise<boolean> {
  const pids = await processesWith(`HOME=${world.home}`);
  const all = await Promise.all(pids.map(async (pid) => ({ pid, words: await commandLine(pid) })));
  const kinds: ((words: string[]) => boolean)[] = [
    (words) => words.includes("__supervisor"),
    (words) => words.includes("serve"),
    (words) => words.includes("start"),
  ];
  const there = kinds.map((it) => all.filter(({ words }) => it(words))).filter((it) =>
    it.length > 0
  );
  const victims = there[Math.floor(Math.random() * there.length)] ?? [];
  const victim = victims[Math.floor(Math.random() * victims.length)];
  if (!victim) return false;
  try {
    process.kill(victim.pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

/** How the last turn ended, as its transcript tells. */
async function endOf(world: World, number: number): Promise<string | undefined> {
  const path = join(world.state, "logs", "issues", `github.com-shoko-kugetsu-${number}.jsonl`);
  const text = await readFile(path, "utf8").catch(() => "");
  const lines = text.split("\n").filter((it) => it !== "").map((it) => JSON.parse(it));
  return lines.findLast((it) => it.kind === "ended")?.outcome.kind;
}

/**
 * Every worktree belongs to a session, every session in opencode to an issue. What was being deleted when its
 * supervisor was killed, the next one deletes.
 */
async function assertNoOrphans(world: World, sessions: ListedSession[]): Promise<void> {
  const used = new Set(sessions.map((it) => it.directory));
  const orphans = async () =>
    (await readdir(join(world.state, "worktrees"), { withFileTypes: true }))
      .filter((it) => it.isDirectory()).map((it) => join(world.state, "worktrees", it.name))
      .filter((it) => !used.has(it));
  exits(0, await world.kugetsu(["supervisor", "restart"]));
  const deadline = Date.now() + 10_000;
  while ((await orphans()).length > 0 && Date.now() < deadline) {
    await new Promise((later) => setTimeout(later, 100));
  }
  assert.deepEqual(await orphans(), [], "worktrees of nobody");
  const known = new Set(sessions.map((it) => it.opencode_session_id));
  const { base } = await listing(world);
  known.add(base!.opencode_session_id);
  const strangers = (await sessionsOf(world)).filter((id) => !known.has(id));
  assert.deepEqual(strangers, [], "sessions of nobody");
}
