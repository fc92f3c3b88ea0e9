/** What opencode knows of models on a host like people's: all that it can use, and the whole where more may be wanted. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answeringServers, clientOf } from "../../src/runner/server_address.ts";
import { makeWorld } from "../support/opencode_home.ts";

/** The variable of a provider that kugetsu knows nothing of. */
const KEY = { GROQ_API_KEY: "not-a-key" };

const world = await makeWorld({ catalogue: "whole", env: KEY });
after(() => world[Symbol.asyncDispose]());

/** How many providers each server knows, and those that it can use; the one that knows fewest first. */
async function known() {
  const servers = await answeringServers(join(world.state, "run"));
  const answers = await Promise.all(
    servers.map((it) => clientOf(it, world.repository).provider.list()),
  );
  return answers.map(({ data }) => ({ all: data!.all.length, usable: data!.connected.sort() }))
    .sort((a, b) => a.all - b.all);
}

async function done(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await world.kugetsu(args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Done\./);
}

test("turns use what the user has set up, and opencode goes through no other providers", async () => {
  await done("init", "--headless", "@say Done.");
  await done("start", "1", "@say Done.");
  assert.deepEqual(await known(), [{ all: 3, usable: ["groq", "local", "opencode"] }]);
});

test("a repository that brings a provider gets the whole catalogue", async () => {
  const settings = { provider: { mistral: { options: { apiKey: "not-a-key" } } } };
  await writeFile(join(world.repository, "opencode.json"), JSON.stringify(settings));
  await world.git("add", "opencode.json");
  const who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
  await world.git(...who, "commit", "--quiet", "--message=Settings");
  await done("start", "2", "@say Done.");
  const [few, whole] = await known();
  assert.equal(few!.all, 3);
  assert.ok(whole!.all > 100, `it knows ${whole!.all}`);
  const { usable } = whole!;
  assert.ok(usable.includes("mistral") && usable.includes("groq"), usable.join());
});
