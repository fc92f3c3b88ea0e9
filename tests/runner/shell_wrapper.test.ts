import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, stat, symlink } from "node:fs/promises";
import { basename } from "node:path";
import { folderMarks, wrapShell } from "../../src/runner/shell_wrapper.ts";
import { makeScratch } from "../support/scratch.ts";

test("the wrapper becomes the shell, without the server's password, and says where it was started", async () => {
  await using scratch = await makeScratch("shell wrapper's");
  const odd = scratch.join("it's a shell");
  await symlink("/bin/sh", odd);
  const wrapper = wrapShell(scratch.path, odd)!;
  assert.equal(basename(wrapper), "it's a shell");
  assert.equal((await stat(wrapper)).mode & 0o777, 0o700);
  const folder = scratch.join("work");
  await mkdir(folder);
  const env = {
    PATH: process.env.PATH,
    OPENCODE_SERVER_PASSWORD: "secret",
    OPENCODE_MODELS_PATH: "/state/run/kugetsu-models.json",
    SHELL: wrapper,
    KEPT: "yes",
  };
  const said = execFileSync(wrapper, ["-c", 'cd /; echo "$1"; env; exit 0', "x", "an argument"], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  const lines = said.split("\n");
  assert.equal(lines[0], "an argument");
  assert.ok(lines.includes(`SHELL=${odd}`) && lines.includes("KEPT=yes"), said);
  assert.doesNotMatch(said, /secret|PASSWORD|MODELS/);
  const [mark] = folderMarks(folder);
  assert.ok(lines.map((it) => `${it}\0`).includes(mark!), said);
});

test("a catalogue of models that the user has chosen stays", async () => {
  await using scratch = await makeScratch("shell");
  const env = { PATH: process.env.PATH, OPENCODE_MODELS_PATH: "/mine/models.json" };
  const wrapper = wrapShell(scratch.path, "/bin/sh")!;
  const said = execFileSync(wrapper, ["-c", "echo $OPENCODE_MODELS_PATH"], {
    env,
    encoding: "utf8",
  });
  assert.equal(said, "/mine/models.json\n");
});

test("without a shell of the user's, or with one that is not there, one of the system's is taken", async () => {
  await using scratch = await makeScratch("shell");
  for (const shell of [undefined, "", "bash", scratch.join("none")]) {
    const wrapper = wrapShell(scratch.path, shell)!;
    assert.equal(execFileSync(wrapper, ["-c", "echo hello"], { encoding: "utf8" }), "hello\n");
  }
});
