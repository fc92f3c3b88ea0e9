import { test } from "node:test";
import assert from "node:assert/strict";
import { upgrade } from "../../src/commands/upgrade.ts";
import { errors, EXIT, KugetsuError } from "../../src/errors.ts";
import type { Installation, UpgradeOptions } from "../../src/installation/mod.ts";
import type { Shutdown, Supervisor, SupervisorStatus } from "../../src/supervisor/mod.ts";
import { makeStage } from "../support/fakes.ts";

const NONE: Partial<Supervisor> = { status: () => Promise.resolve(undefined) };

const stageWith = (installation: Partial<Installation>, supervisor: Partial<Supervisor> = NONE) =>
  makeStage((did) => ({
    context: { supervisor: () => Promise.resolve(supervisor as Supervisor) },
    installation: {
      version: "1.0.0",
      executable: "/bin/kugetsu",
      newest: (url) => {
        did(`ask ${url}`);
        return Promise.resolve("1.1.0");
      },
      upgrade: (options: UpgradeOptions) => {
        did(`upgrade ${JSON.stringify(options)}`);
        return Promise.resolve({ before: "1.0.0", after: "1.1.0" });
      },
      ...installation,
    },
  }));

test("replaces this executable, and says what it is now", async () => {
  const { context, effects, stdout, results } = stageWith({});
  assert.equal(await upgrade(context, { version: "1.1.0" }), EXIT.ok);
  assert.deepEqual(effects, ['upgrade {"version":"1.1.0"}']);
  assert.deepEqual(stdout, ["kugetsu 1.1.0\n"]);
  assert.deepEqual(results, [
    { executable: "/bin/kugetsu", before: "1.0.0", after: "1.1.0", changed: true },
  ]);
});

test("an idle supervisor of the version before is ended, a busy one is told of and harms no upgrade", async () => {
  const status = () => Promise.resolve({} as SupervisorStatus);
  const asked: Shutdown[] = [];
  const idle = stageWith({}, {
    status,
    shutdown: (options) => Promise.resolve(asked.push(options) > 0),
  });
  assert.equal(await upgrade(idle.context, {}), EXIT.ok);
  assert.deepEqual(asked, [{ turns: "refuse", again: true }]);
  assert.equal((idle.results[0] as { supervisor: string }).supervisor, "ended");
  assert.deepEqual(idle.stderr, []);
  const busy = stageWith({}, {
    status,
    shutdown: () => Promise.reject(errors.supervisorBusy(2, [])),
  });
  assert.equal(await upgrade(busy.context, {}), EXIT.ok);
  assert.equal((busy.results[0] as { supervisor: string }).supervisor, "busy");
  assert.match(busy.stderr[0]!, /^warn .*2 turns are not over.*kugetsu supervisor restart$/);
});

test("--check asks and changes nothing, whether there is something newer or not", async () => {
  const old = stageWith({});
  assert.equal(await upgrade(old.context, { check: true, baseUrl: "https://m" }), EXIT.ok);
  assert.deepEqual(old.effects, ["ask https://m"]);
  assert.deepEqual(old.results, [{ installed: "1.0.0", newest: "1.1.0", upgrade: true }]);
  const same = stageWith({ newest: () => Promise.resolve("1.0.0") });
  await upgrade(same.context, { check: true });
  assert.deepEqual(same.stdout, ["kugetsu 1.0.0 is the newest version.\n"]);
});

test("without a version it never goes back to an older one, and says how", async () => {
  const ahead = { version: "1.10.0", newest: () => Promise.resolve("1.9.0") };
  const asked = stageWith(ahead);
  await upgrade(asked.context, { check: true });
  assert.deepEqual(asked.results, [{ installed: "1.10.0", newest: "1.9.0", upgrade: false }]);
  assert.match(asked.stdout[0]!, /newest version that can be had is 1\.9\.0, which is older/);
  const done = stageWith(ahead);
  assert.equal(await upgrade(done.context, {}), EXIT.ok);
  assert.deepEqual(done.effects, []);
  assert.equal((done.results[0] as { changed: boolean }).changed, false);
  assert.match(done.stderr[0]!, /older than this, 1\.10\.0\. .*kugetsu upgrade --version 1\.9\.0/);
  const named = stageWith(ahead);
  await upgrade(named.context, { version: "1.9.0" });
  assert.deepEqual(named.effects, ['upgrade {"version":"1.9.0"}']);
});

test("contradictions are refused before anything is done", async () => {
  const calls = [
    { check: true, rollback: true },
    { check: true, version: "1.1.0" },
    { rollback: true, version: "1.1.0" },
    { check: true, version: "" },
  ];
  for (const options of calls) {
    const { context, effects } = stageWith({});
    await assert.rejects(
      upgrade(context, options),
      (error) => error instanceof KugetsuError && error.exit === EXIT.usage,
    );
    assert.deepEqual(effects, []);
  }
});

test("what the installer refuses is refused", async () => {
  const failure = errors.installFailed(EXIT.refused, "Refused it", "");
  const { context } = stageWith({ upgrade: () => Promise.reject(failure) });
  await assert.rejects(upgrade(context, {}), failure);
});
