import { test } from "node:test";
import assert from "node:assert/strict";
import {
  differing,
  environmentDigest,
  opencodesVariables,
} from "../../src/platform/environment.ts";

const ENV = {
  PATH: "/bin",
  HOME: "/home/ada",
  ANTHROPIC_API_KEY: "secret",
  https_proxy: "http://proxy",
  XDG_CONFIG_HOME: undefined,
  KUGETSU_OPENCODE: "/opt/opencode",
  KUGETSU_MODEL: "a/b",
  SHLVL: "3",
  PWD: "/somewhere",
  SSH_TTY: "/dev/pts/1",
};

test("what opencode goes by is what is about opencode, its providers and the network", () => {
  assert.deepEqual(Object.keys(opencodesVariables(ENV)), [
    "ANTHROPIC_API_KEY",
    "HOME",
    "PATH",
    "https_proxy",
  ]);
});

test("digests tell two environments apart where that counts, and nothing of the values", async () => {
  const digest = await environmentDigest(ENV);
  assert.deepEqual(Object.keys(digest).sort(), [
    "ANTHROPIC_API_KEY",
    "HOME",
    "KUGETSU_OPENCODE",
    "PATH",
    "https_proxy",
  ]);
  assert.doesNotMatch(JSON.stringify(digest), /secret|bin"/);
  assert.deepEqual(
    differing(digest, await environmentDigest({ ...ENV, SHLVL: "4", PWD: "/" })),
    [],
  );
  const { HOME: _, ...rest } = ENV;
  const other = await environmentDigest({ ...rest, PATH: "/usr/bin", OPENAI_API_KEY: "x" });
  assert.deepEqual(differing(digest, other), ["HOME", "OPENAI_API_KEY", "PATH"]);
});
