/** How a session goes: destroyed here, or gone from opencode behind our back. The tests build on each other. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exits, listing, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld, sessionsOf } from "../support/opencode_home.ts";

const world = await makeWorld();
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));

const destroy = (...args: string[]) => world.kugetsu(["destroy", ...args]);

test("destroy wants to be confirmed, and takes file, mapping and session away", async () => {
  exits(0, await world.kugetsu(["start", refOf(1), "@say Begun."]));
  const { opencode_session_id: id } = await sessionOf(world, 1);
  const { stderr } = exits(9, await destroy(refOf(1)));
  assert.match(stderr, /not confirmed\n.*kugetsu destroy .* -y/);
  exits(2, await destroy(refOf(1), "-y", "--keep-session", "--delete-session"));
  assert.ok((await sessionsOf(world)).includes(id));

  exits(0, await destroy(refOf(1), "-y"));
  assert.deepEqual((await listing(world)).sessions, []);
  assert.ok(!(await sessionsOf(world)).includes(id));
  assert.match(
    exits(3, await destroy(refOf(1), "-y")).stderr,
    /Cannot destroy .*: there is none\n.*kugetsu list/,
  );
});

test("destroy --keep-session leaves it in opencode; then the issue can be started anew", async () => {
  exits(0, await world.kugetsu(["start", refOf(1), "@say Begun."]));
  const { opencode_session_id: id } = await sessionOf(world, 1);
  const { stderr } = exits(0, await destroy(refOf(1), "-y", "--keep-session"));
  assert.match(stderr, new RegExp(`session ${id} is not deleted in opencode`));
  assert.ok((await sessionsOf(world)).includes(id));
  exits(0, await world.kugetsu(["start", refOf(1), "@say Begun."]));
  assert.notEqual((await sessionOf(world, 1)).opencode_session_id, id);
});

test("when opencode cannot be asked, nothing is gone and nothing is destroyed", async () => {
  const before = await listing(world);
  for (const file of ["/bin/false", "/bin/true", world.scratch.join("nothing")]) {
    const env = { KUGETSU_OPENCODE: file };
    exits(5, await world.kugetsu(["doctor"], { env }));
    exits(5, await world.kugetsu(["doctor", "--fix"], { env }));
    exits(5, await world.kugetsu(["destroy", refOf(1), "-y"], { env }));
    exits(5, await world.kugetsu(["continue", refOf(1), "hello"], { env }));
  }
  // One that says its version and then can do nothing.
  const file = await world.scratch.write(
    "mute",
    '#!/bin/sh\n[ "$1" = --version ] && echo 1.18.33\n',
    0o755,
  );
  for (const command of [["doctor", "--fix"], ["destroy", refOf(1), "-y"]]) {
    exits(5, await world.kugetsu(command, { env: { KUGETSU_OPENCODE: file } }));
  }
  assert.deepEqual(await listing(world), before);
});

test("a session deleted in opencode: continue fails and says so, doctor marks it", async () => {
  exits(0, await world.kugetsu(["start", refOf(2), "@say Begun."]));
  const { opencode_session_id: id } = await sessionOf(world, 1);
  exits(0, await world.opencode(["session", "delete", id]));
  const { stderr } = exits(6, await world.kugetsu(["continue", refOf(1), "hello"]));
  assert.match(stderr, /failed: session gone\n.*kugetsu destroy .* -y/);
  assert.equal((await sessionOf(world, 1)).reason, "session gone");

  exits(
    0,
    await world.opencode(["session", "delete", (await sessionOf(world, 2)).opencode_session_id]),
  );
  const { stdout } = exits(5, await world.kugetsu(["doctor"]));
  assert.match(stdout, /^ok +opencode 1\./m);
  assert.match(stdout, /kugetsu#2: opencode no longer has its session ses_/);
  const { state, reason } = await sessionOf(world, 2);
  assert.deepEqual([state, reason], ["failed", "session gone"]);

  exits(0, await destroy(refOf(1), "-y"));
  exits(0, await destroy(refOf(2), "-y"));
  exits(0, await world.kugetsu(["doctor"]));
});

test("a base file that is damaged is written anew, from the index, the folder and opencode", async () => {
  const { base } = await listing(world);
  const { created_at: _, origin: __, ...known } = base!;
  await writeFile(join(world.state, "sessions", "base.json"), '{"type": "base", "iss');
  assert.match(exits(5, await world.kugetsu(["doctor"])).stdout, /the base's file cannot be read/);
  assert.match(exits(0, await world.kugetsu(["doctor", "--fix"])).stdout, /^fixed .*read again/m);
  const { created_at: ___, ...again } = (await listing(world)).base!;
  assert.deepEqual(again, known);
  exits(0, await world.kugetsu(["start", refOf(9), "@say Begun."]));
  exits(0, await destroy(refOf(9), "-y"));
});

test("a base deleted in opencode: start says so and leaves the issue free", async () => {
  const { base } = await listing(world);
  exits(0, await world.opencode(["session", "delete", base!.opencode_session_id]));
  const { stderr } = exits(6, await world.kugetsu(["start", refOf(3), "hello"]));
  assert.match(stderr, /session gone\n[^]*init --force[^]*base session is gone/);
  assert.deepEqual((await listing(world)).sessions, []);
  assert.match(exits(5, await world.kugetsu(["doctor"])).stdout, /no longer has the base session/);
});
