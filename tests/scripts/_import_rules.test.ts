import { test } from "node:test";
import assert from "node:assert/strict";
import { whyNotFile, whyNotModule } from "../../scripts/_import_rules.ts";

const ALLOWED = [
  ["main.ts", "src/cli/run.ts"],
  ["main.ts", "src/errors.ts"],
  ["src/cli/run.ts", "src/commands/list.ts"],
  ["src/cli/run.ts", "src/store/mod.ts"],
  ["src/cli/wire.ts", "src/store/file_store.ts"],
  ["src/cli/wire.ts", "src/platform/git.ts"],
  ["src/cli/wire_supervisor.ts", "src/supervisor/keeper.ts"],
  ["src/cli/wire_opencode.ts", "src/runner/server_runner.ts"],
  ["src/commands/list.ts", "src/commands/context.ts"],
  ["src/commands/list.ts", "src/config/mod.ts"],
  ["src/commands/list.ts", "src/session/ref.ts"],
  ["src/commands/list.ts", "src/errors.ts"],
  ["src/store/file_store.ts", "src/platform/durable_write.ts"],
  ["src/store/file_store.ts", "src/store/lock.ts"],
  ["src/supervisor/queue.ts", "src/runner/mod.ts"],
  ["src/plugins/built_in.ts", "plugins/github.ts"],
  ["src/platform/processes.ts", "src/session/record.ts"],
  ["src/session/ref.ts", "src/api/mod.ts"],
  ["src/errors.ts", "src/api/mod.ts"],
  ["src/cli/version.ts", "deno.json"],
  ["plugins/github.ts", "src/api/mod.ts"],
  ["plugins/gitea.ts", "plugins/_http.ts"],
] as const;

const FORBIDDEN = [
  ["main.ts", "src/commands/list.ts"],
  ["src/cli/run.ts", "src/store/file_store.ts"],
  ["src/cli/run.ts", "src/platform/git.ts"],
  ["src/cli/wire.ts", "tests/support/scratch.ts"],
  ["src/cli/wiretap.ts", "src/store/file_store.ts"],
  ["src/commands/submit.ts", "src/supervisor/client.ts"],
  ["src/commands/list.ts", "src/cli/table.ts"],
  ["src/commands/list.ts", "src/store/file_store.ts"],
  ["src/commands/list.ts", "src/platform/git.ts"],
  ["src/commands/list.ts", "plugins/github.ts"],
  ["src/store/file_store.ts", "src/commands/list.ts"],
  ["src/supervisor/queue.ts", "src/runner/opencode_run.ts"],
  ["src/store/file_store.ts", "plugins/github.ts"],
  ["src/session/ref.ts", "src/store/mod.ts"],
  ["src/platform/git.ts", "src/store/mod.ts"],
  ["src/errors.ts", "src/session/ref.ts"],
  ["src/api/mod.ts", "src/errors.ts"],
  ["src/api/mod.ts", "src/session/ref.ts"],
  ["plugins/github.ts", "src/errors.ts"],
  ["plugins/github.ts", "src/session/ref.ts"],
  ["src/odd/thing.ts", "src/api/mod.ts"],
] as const;

test("imports that point down are allowed", () => {
  for (const [from, to] of ALLOWED) assert.equal(whyNotFile(from, to), undefined, `${from} ${to}`);
});

test("imports that point up, sideways or past a port are not", () => {
  for (const [from, to] of FORBIDDEN) assert.ok(whyNotFile(from, to), `${from} ${to}`);
});

test("commands and the pure parts leave the outside world alone", () => {
  for (const part of ["commands/list", "session/ref", "api/mod", "errors"]) {
    for (const name of ["node:fs", "node:fs/promises", "fs", "node:child_process", "node:sqlite"]) {
      assert.ok(whyNotModule(`src/${part}.ts`, name), `${part} ${name}`);
    }
    assert.equal(whyNotModule(`src/${part}.ts`, "node:path"), undefined);
  }
  assert.equal(whyNotModule("src/store/file_store.ts", "node:fs"), undefined);
});
