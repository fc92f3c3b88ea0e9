/** kugetsu in a real terminal: opencode's own interface, progress, questions, and the width of tables. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld, sessionsOf } from "../support/opencode_home.ts";
import { openTerminal } from "../support/tmux.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());

/** The last line of opencode's interface names the folder. */
const INTERFACE = /\/repository .*commands/;

test("init opens opencode on a session made beforehand; leaving it records the base", {
  skip: needs("tmux"),
}, async () => {
  const elsewhere = { cwd: world.scratch.path };
  await using terminal = await openTerminal(world, ["init", "--dir", world.repository], elsewhere);
  await terminal.shows(INTERFACE);
  const [made] = await sessionsOf(world);
  assert.equal((await listing(world)).base, null);
  await terminal.type("@say Remembered.");
  await terminal.press("Enter");
  await world.model.isAsked("@say Remembered.");
  await terminal.shows(/^[^@]*Remembered\./m);
  await terminal.type("/exit");
  await terminal.shows(/Exit the app/);
  await terminal.press("Enter");
  assert.equal(await terminal.status(), 0);
  await terminal.shows(new RegExp(`The base session for \\S+ is ${made}`));

  const { base } = await listing(world);
  assert.equal(base?.opencode_session_id, made);
  assert.equal(base?.directory, world.repository);
});

test("start forks what was said there; the terminal shows what is done, and for how long", {
  skip: needs("tmux"),
}, async () => {
  const call = JSON.stringify({ command: "sleep 3", description: "Waits" });
  const message = `@tool bash ${call}\n@tool bash ${call}\n@say Over.`;
  await using terminal = await openTerminal(world, ["start", refOf(1), "--", message]);
  await terminal.shows(/waiting for opencode \(\d+ s\)/);
  await terminal.shows(/bash .*\([1-9]\d* s\)/);
  assert.equal(await terminal.status(), 0);
  const screen = await terminal.shows(/^Over\.$/m);
  assert.doesNotMatch(screen, /\(\d+ s\)/);

  const { opencode_session_id: fork } = await sessionOf(world, 1);
  assert.match(exits(0, await world.opencode(["export", fork])).stdout, /Remembered\./);
});

test("Ctrl-C in the interface leaves it too; --force replaces the base only then", {
  skip: needs("tmux"),
}, async () => {
  const { base: old } = await listing(world);
  await using terminal = await openTerminal(world, ["init", "--force"]);
  await terminal.shows(INTERFACE);
  assert.deepEqual((await listing(world)).base, old);
  await terminal.press("C-c");
  assert.equal(await terminal.status(), 0);
  const { base } = await listing(world);
  assert.notEqual(base?.opencode_session_id, old?.opencode_session_id);
});

test("destroy asks, and only yes means yes", { skip: needs("tmux") }, async () => {
  for (const keys of [["n", "Enter"], ["Enter"], ["C-c"], ["C-d"]]) {
    await using terminal = await openTerminal(world, ["destroy", refOf(1)]);
    await terminal.shows(/Really destroy the session of .*#1 and its worktree\? \[y\/N\]/);
    await terminal.press(...keys);
    assert.equal(await terminal.status(), keys[0] === "C-c" ? 130 : 9, keys[0]);
    const { state, opencode_session_id: id } = await sessionOf(world, 1);
    assert.equal(state, "idle");
    assert.ok((await sessionsOf(world)).includes(id));
  }
  await using terminal = await openTerminal(world, ["destroy", refOf(1)]);
  await terminal.shows(/\[y\/N\]/);
  await terminal.press("y", "Enter");
  assert.equal(await terminal.status(), 0);
  assert.deepEqual((await listing(world)).sessions, []);
});

test("list is cut to the terminal's width, and no wider", { skip: needs("tmux") }, async () => {
  const { base } = await listing(world);
  await using terminal = await openTerminal(world, ["list"], { columns: 60 });
  assert.equal(await terminal.status(), 0);
  const lines = (await terminal.shows(/ idle$/m)).split("\n");
  assert.match(lines[0]!, /^ISSUE_REF +TYPE +SESSION_ID +CREATED +STATE$/);
  assert.match(lines[1]!, /^─{60}$/);
  assert.match(lines[2]!, /^\(base\) +base +ses_\w+… +.*idle$/);
  assert.ok(base!.opencode_session_id.startsWith(/ses_\w+/.exec(lines[2]!)![0]));

  await using wide = await openTerminal(world, ["list"], { columns: 160 });
  await wide.shows(new RegExp(`  ${base!.opencode_session_id}  `));
});

test("an interface that fails leaves no base and no session behind", {
  skip: needs("tmux"),
}, async () => {
  await using other = await makeWorld({ opencode: "stand-in" });
  await using terminal = await openTerminal(other, ["init"]);
  assert.equal(await terminal.status(), 5);
  await terminal.shows(/Cannot open opencode: it ended with exit status 64/);
  assert.equal((await listing(other)).base, null);
  assert.deepEqual(await other.standIn.sessions(), []);
});
