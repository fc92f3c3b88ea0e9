/** Bases of two repositories, and an issue with a worktree: path, diff, destroy. The tests build on each other. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gitWorkspace } from "../../src/workspace/git_workspace.ts";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld } from "../support/opencode_home.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
const WIDGET = "github.com/acme/widget";
const clone = world.scratch.join("widget");

test("a default base of another repository is refused, and init there makes the right one", async () => {
  exits(0, await world.kugetsu(["init", "--headless"]));
  const refused = exits(3, await world.kugetsu(["start", `${WIDGET}#1`, "@say Begun."]));
  assert.match(refused.stderr, /there is no base for github\.com\/acme\/widget/);
  await cp(world.repository, clone, { recursive: true });
  await world.git("-C", clone, "remote", "set-url", "origin", `https://${WIDGET}.git`);
  exits(0, await world.kugetsu(["init", "--headless", "--dir", clone]));
  exits(4, await world.kugetsu(["init", "--headless", "--dir", clone]));
  exits(0, await world.kugetsu(["start", `${WIDGET}#1`, "@say Begun."]));
  const found = (await listing(world)).sessions.find((it) => it.issue_ref === `${WIDGET}#1`);
  assert.equal(found?.directory, clone);
});

test("a base that is behind its branch is told, and init --refresh renews it", async () => {
  const who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
  await world.git("-C", clone, ...who, "commit", "--quiet", "--allow-empty", "--message=More");
  const { stderr } = exits(0, await world.kugetsu(["list"]));
  assert.match(stderr, /base of github\.com\/acme\/widget is 1 commit behind main/);
  exits(0, await world.kugetsu(["init", "--refresh", "--headless"], { cwd: clone }));
  assert.doesNotMatch(exits(0, await world.kugetsu(["list"])).stderr, /behind/);
  exits(0, await world.kugetsu(["continue", `${WIDGET}#1`, "@say Still here."]));
  exits(0, await world.kugetsu(["destroy", "--base", WIDGET, "-y"]));
  exits(3, await world.kugetsu(["destroy", "--base", WIDGET, "-y"]));
});

test("opencode run cannot move a fork: an explicit worktree is refused", async () => {
  const { stderr } = exits(2, await world.kugetsu(["start", refOf(1), "--worktree", "hello"]));
  assert.match(stderr, /cannot move a fork/);
  assert.equal((await listing(world)).sessions.length, 1);
});

test("path, diff and destroy of an issue with a worktree", async () => {
  exits(0, await world.kugetsu(["start", refOf(2), "@say Begun."]));
  exits(3, await world.kugetsu(["diff", refOf(2)]));
  // As a runner that can move a fork leaves it.
  const slug = "github.com-shoko-kugetsu-2";
  const plan = {
    ref: refOf(2),
    slug,
    folder: world.repository,
    id: "t",
    copy: [],
    setupSeconds: 9,
  };
  const workspace = gitWorkspace(world.env, world.state);
  const { worktree } = await workspace.makeWorktree(plan, new AbortController().signal);
  const file = join(world.state, "sessions", `${slug}.json`);
  const record = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...record, directory: worktree.path, worktree }));
  await writeFile(join(worktree.path, "new.txt"), "new\n");

  assert.equal(exits(0, await world.kugetsu(["path", refOf(2)])).stdout, `${worktree.path}\n`);
  assert.match(exits(0, await world.kugetsu(["diff", "2"])).stdout, /^\+new$/m);
  const summary = JSON.parse(exits(0, await world.kugetsu(["diff", "2", "--json"])).stdout);
  assert.deepEqual(summary.files, [{ path: "new.txt", added: 1, deleted: 0 }]);

  const refused = exits(9, await world.kugetsu(["destroy", refOf(2), "-y"]));
  assert.match(refused.stderr, /untracked: new\.txt\n[^]*destroy .* --discard/);
  assert.ok(await sessionOf(world, 2));
  exits(0, await world.kugetsu(["destroy", refOf(2), "-y", "--discard"]));
  assert.ok(!existsSync(worktree.path));
  assert.equal(await world.git("branch", "--list", "kugetsu/*"), "");
  exits(3, await world.kugetsu(["path", refOf(2)]));
});
