import { test } from "node:test";
import assert from "node:assert/strict";
import { uninstall } from "../../src/commands/uninstall.ts";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { makeStage, type Parts } from "../support/fakes.ts";

const stage = (more: Parts = {}) =>
  makeStage((did) => ({
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
  assert.deepEqual(effects, ["uninstall, purge true"]);
  assert.deepEqual(results, [{ uninstalled: "/bin/kugetsu", purged: true }]);
});

function isNotConfirmed(error: unknown): boolean {
  return error instanceof KugetsuError && error.code === "not-confirmed";
}
