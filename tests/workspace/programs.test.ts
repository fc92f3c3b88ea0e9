import { test } from "node:test";
import assert from "node:assert/strict";
import { overridesOf } from "../../src/workspace/programs.ts";

const listed = (...settings: [scope: string, key: string, value?: string][]) =>
  settings.map(([scope, key, value]) =>
    `${scope}\0${key}${value === undefined ? "" : `\n${value}`}\0`
  )
    .join("");

test("a program that a repository names is left off, and the user's own is put back", () => {
  const text = listed(
    ["system", "core.pager", "less"],
    ["global", "filter.lfs.clean", "git-lfs clean -- %f"],
    ["global", "filter.lfs.required", "true"],
    ["local", "core.filemode", "true"],
    ["local", "filter.lfs.clean", "evil"],
    ["local", "filter.Mine.process", "evil\nwith a second line"],
    ["local", "filter.Mine.required"],
    ["worktree", "core.sshcommand", "evil"],
    ["command", "core.hookspath", "/dev/null"],
  );
  assert.deepEqual(overridesOf(text), [
    ["filter.lfs.clean", "git-lfs clean -- %f"],
    ["filter.Mine.process", ""],
    ["filter.Mine.required", "false"],
    ["core.sshcommand", ""],
  ]);
});

test("where a repository names none, nothing is overridden", () => {
  assert.deepEqual(overridesOf(""), []);
  const own = listed(["global", "diff.external", "difft"], ["local", "remote.origin.url", "x"]);
  assert.deepEqual(overridesOf(own), []);
});
