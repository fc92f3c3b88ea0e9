/** Bases of two repositories, and an issue with a worktree: path, diff, destroy. The tests build on each other. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { assertFits } from "../support/json_schema.ts";

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
  assert.equal(
    await readFile(join(found!.directory!, "README.md"), "utf8"),
    "# A scratch repository\n",
  );
  assert.match(found!.directory!, /worktrees\/github\.com-acme-widget-1$/);
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
  const args = ["start", refOf(1), "--runner", "run", "--worktree", "hello"];
  const { stderr } = exits(2, await world.kugetsu(args));
  assert.match(stderr, /cannot move a fork/);
  assert.equal((await listing(world)).sessions.length, 1);
});

test("path, diff and destroy of an issue with a worktree", async () => {
  const order = `@tool write ${JSON.stringify({ filePath: "new.txt", content: "new\n" })}`;
  exits(0, await world.kugetsu(["start", refOf(2), order]));
  const worktree = world.worktree(2);
  assert.equal(exits(0, await world.kugetsu(["path", refOf(2)])).stdout, `${worktree}\n`);
  assert.match(exits(0, await world.kugetsu(["diff", "2"])).stdout, /^\+new$/m);
  const summary = JSON.parse(exits(0, await world.kugetsu(["diff", "2", "--json"])).stdout);
  assert.deepEqual(summary.files, [{ path: "new.txt", added: 1, deleted: 0 }]);
  await assertFits("diff", summary);
  const where = JSON.parse(exits(0, await world.kugetsu(["path", "2", "--json"])).stdout);
  await assertFits("path", where);
  assert.equal(await world.git("status", "--porcelain"), "", "the base's folder is as it was");

  const refused = exits(9, await world.kugetsu(["destroy", refOf(2), "-y"]));
  assert.match(refused.stderr, /untracked: new\.txt\n[^]*destroy .* --discard/);
  assert.ok(await sessionOf(world, 2));
  exits(0, await world.kugetsu(["destroy", refOf(2), "-y", "--discard"]));
  assert.ok(!existsSync(worktree));
  assert.equal(await world.git("branch", "--list", "kugetsu/*"), "");
  exits(3, await world.kugetsu(["path", refOf(2)]));
});

test("--shared works in the base's folder, and setup that fails leaves nothing behind", async () => {
  exits(0, await world.kugetsu(["start", refOf(3), "--shared", "@say Begun."]));
  assert.equal((await sessionOf(world, 3)).directory, world.repository);
  exits(3, await world.kugetsu(["diff", refOf(3)]));
  const env = { KUGETSU_WORKTREE_SETUP: "echo oh dear; exit 3" };
  const failed = await world.kugetsu(["start", refOf(4), "hello"], { env });
  assert.match(exits(5, failed).stderr, /worktree\.setup: it ended with exit status 3/);
  assert.ok(!existsSync(world.worktree(4)));
  const ready = { KUGETSU_WORKTREE_SETUP: "touch ready" };
  exits(0, await world.kugetsu(["start", refOf(4), "@say Begun."], { env: ready }));
  assert.ok(existsSync(join(world.worktree(4), "ready")));
});
