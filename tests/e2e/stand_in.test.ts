/** The stand-in for opencode may only be used because it agrees with the real one: that is checked here. */
import { test } from "node:test";
import assert from "node:assert/strict";
import type { RunResult } from "../../scripts/_run.ts";
import { makeWorld, type World } from "../support/opencode_home.ts";

/** The kind of turn, what the scripted model is told, and the stand-in's order. */
const TURNS = [
  ["a text", "@say hello", "say hello"],
  ["a provider that refuses", "@status 401", "refuse 401"],
  ["a permission that nobody can grant", '@tool read {"filePath":"/etc/passwd"}', "blocked"],
] as const;

for (const [what, message, order] of TURNS) {
  test(`the stand-in agrees with the real opencode on ${what}`, async () => {
    await using real = await makeWorld();
    await using other = await makeWorld({ opencode: "stand-in" });
    await other.standIn.does(order);
    assertAlike(await turn(other, message), await turn(real, message));
  });
}

test("the stand-in agrees with the real opencode on calls that fail", async () => {
  await using real = await makeWorld();
  await using other = await makeWorld({ opencode: "stand-in" });
  for (const [args, input] of [[[], ""], [["--session", "ses_none"], "hello"]] as const) {
    const [theirs, ours] = [await turn(real, input, args), await turn(other, input, args)];
    assert.equal(ours.stderr.trim(), theirs.stderr.trim());
    assert.deepEqual([ours.code, ours.stdout], [theirs.code, theirs.stdout]);
    assert.equal(ours.code, 1);
  }
  const versions = [await real.opencode(["--version"]), await other.opencode(["--version"])];
  assert.equal(versions[0]!.stdout, versions[1]!.stdout);
});

test("a fork has an id of its own, a continued session keeps its id, on both", async () => {
  for (const opencode of ["real", "stand-in"] as const) {
    await using world = await makeWorld({ opencode });
    const base = sessionOf(await turn(world, "@say hello"));
    const fork = sessionOf(await turn(world, "@say hello", ["--fork", "--session", base]));
    const again = sessionOf(await turn(world, "@say hello", ["--continue", "--session", fork]));
    assert.notEqual(fork, base);
    assert.equal(again, fork);
  }
});

function turn(world: World, input: string, args: readonly string[] = []): Promise<RunResult> {
  return world.opencode(["run", "--format", "json", ...args], { input });
}

function sessionOf({ stdout }: RunResult): string {
  const ids = new Set(eventsIn(stdout).map((event) => event.sessionID));
  assert.equal(ids.size, 1);
  return [...ids][0] as string;
}

/** Same exit code, same words on standard error, same events with the same fields of the same types. */
function assertAlike(ours: RunResult, theirs: RunResult): void {
  assert.equal(ours.code, theirs.code);
  assert.equal(ours.stderr.trim(), theirs.stderr.trim());
  const [mine, real] = [eventsIn(ours.stdout), eventsIn(theirs.stdout)];
  assert.deepEqual(mine.map((event) => event.type), real.map((event) => event.type));
  mine.forEach((event, index) => assertShapeWithin(event, real[index], `event ${index}`));
}

function eventsIn(stdout: string): Record<string, unknown>[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

/** All that the stand-in says, the real one says too; it may say more, such as an HTTP reply's headers. */
function assertShapeWithin(part: unknown, whole: unknown, where: string): void {
  assert.equal(typeof part, typeof whole, where);
  if (typeof part !== "object" || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    assertShapeWithin(value, (whole as Record<string, unknown>)[key], `${where}.${key}`);
  }
}
