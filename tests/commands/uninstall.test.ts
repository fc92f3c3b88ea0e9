import { test } from "node:test";
import assert from "node:assert/strict";
import { uninstall } from "../../src/commands/uninstall.ts";
import { errors, EXIT, KugetsuError } from "../../src/errors.ts";
import type { Shutdown, Supervisor } from "../../src/supervisor/mod.ts";
import { makeStage, type Parts } from "../support/fakes.ts";

const stage = (more: Parts = {}, shutdown: () => Promise<boolean> = () => Promise.resolve(true)) =>
  makeStage((did) => ({
    context: {
      supervisor: () => {
        const ended = (options: Shutdown) => {
          did(`end the supervisor, turns: ${options.turns}`);
          return shutdown();
        };
        return Promise.resolve({ shutdown: ended } as Partial<Supervisor> as Supervisor);
      },
    },
    installation: {
      executable: "/bin/kugetsu",
      uninstall: ({ purge }) => {
        did(`uninstall, purge ${purge}`);
        return Promise.resolve();
      },
    },
    ...more,
  }));

test("asks first, and does nothing unless the answer is yes", async () => {
  const yes = stage({ answer: true });
  assert.equal(await uninstall(yes.context, {}), EXIT.ok);
  assert.deepEqual(yes.effects, [
    "ask Really uninstall /bin/kugetsu?",
    "end the supervisor, turns: refuse",
    "uninstall, purge false",
  ]);
  const no = stage({ answer: false });
  await assert.rejects(uninstall(no.context, { purge: true }), isNotConfirmed);
  assert.deepEqual(no.effects, [
    "ask Really uninstall /bin/kugetsu and delete the state of all sessions?",
  ]);
});

test("without a terminal -y is needed", async () => {
  const refused = stage();
  await assert.rejects(uninstall(refused.context, { purge: true }), (error) => {
    assert(isNotConfirmed(error));
    assert.equal((error as KugetsuError).next, "kugetsu uninstall --purge -y");
    return true;
  });
  assert.deepEqual(refused.effects, []);
  const { context, effects, results } = stage();
  await uninstall(context, { purge: true, yes: true });
  assert.deepEqual(effects, ["end the supervisor, turns: refuse", "uninstall, purge true"]);
  assert.deepEqual(results, [{ uninstalled: "/bin/kugetsu", purged: true }]);
});

test("turns that are not over refuse it, and nothing is taken away", async () => {
  const { context, effects } = stage({}, () => Promise.reject(errors.supervisorBusy(2, [])));
  await assert.rejects(uninstall(context, { yes: true }), /2 turns are not over/);
  assert.deepEqual(effects, ["end the supervisor, turns: refuse"]);
});

function isNotConfirmed(error: unknown): boolean {
  return error instanceof KugetsuError && error.code === "not-confirmed";
}
