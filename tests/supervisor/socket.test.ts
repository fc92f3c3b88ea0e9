import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { connect, listen } from "../../src/supervisor/socket.ts";
import { needs } from "../support/needs.ts";
import { makeScratch } from "../support/scratch.ts";

test("whoever listens is reached, with what is said in order", async () => {
  await using scratch = await makeScratch("socket");
  const path = scratch.join("s");
  const server = await listen(path, async (channel) => {
    channel.send({ said: await channel.receive() });
    channel.end();
  });
  const channel = (await connect(path))!;
  channel.send("hello");
  assert.deepEqual(await channel.receive(), { said: "hello" });
  assert.equal(await channel.receive(), undefined);
  channel.destroy();
  server.close();
  assert.equal(await connect(scratch.join("none")), undefined);
});

test("a socket that a process which is gone has left open to another one is nobody's", {
  skip: needs("linux"),
}, async () => {
  await using scratch = await makeScratch("socket");
  const path = scratch.join("s");
  const server = await listen(path, (channel) => channel.end());
  const owner = JSON.parse(await readFile(`${path}.owner`, "utf8"));
  assert.equal(owner.pid, process.pid);
  const gone = spawnSync(process.execPath, ["--version"]).pid;
  await writeFile(`${path}.owner`, JSON.stringify({ ...owner, pid: gone }));
  assert.equal(await connect(path), undefined);
  server.close();
});

test("where it cannot be written whose socket it is, it is reached all the same", async () => {
  await using scratch = await makeScratch("socket");
  const path = scratch.join("s");
  await mkdir(`${path}.owner`);
  const server = await listen(path, (channel) => channel.end());
  assert.ok(await connect(path));
  server.close();
});
