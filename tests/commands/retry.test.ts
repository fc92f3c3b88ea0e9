import { test } from "node:test";
import assert from "node:assert/strict";
import { retry } from "../../src/commands/retry.ts";
import { errors, partsOf } from "../../src/errors.ts";
import type { Kept, Submission } from "../../src/supervisor/mod.ts";
import { makeStage, REF, SETTINGS } from "../support/fakes.ts";
import { submission } from "../support/turns.ts";

test("the last message runs again with its own flags, and with today's set-up and caps", async () => {
  const last = submission({
    ref: REF,
    ...{ model: "m/x", permissions: "allow", key: "once", queue: true },
    caps: { host: 1, given: true },
    place: {
      ...{ mode: "own", demanded: true, from: "v1" },
      ...{ copy: [".old"], setup: "exit 3", setupSeconds: 5 },
    },
  });
  const failure = partsOf(errors.setupFailed(REF, "it ended with exit status 3", "/log"));
  const kept: Kept = { key: REF, accepted: [], last, failure };
  let handedIn: Submission | undefined;
  const { context } = makeStage(() => ({
    store: { find: () => Promise.resolve(undefined) },
    traces: { kept: () => Promise.resolve(kept) },
    config: {
      settings: () => ({
        ...SETTINGS,
        model: "m/y",
        caps: { host: 4 },
        worktree: { mode: "shared", copy: [".env"], setup: undefined, setupSeconds: 60 },
      }),
    },
    supervisor: {
      submit(submission) {
        handedIn = submission;
        return Promise.resolve({ key: REF, turn: submission.id, ahead: 0, again: false });
      },
    },
  }));
  await retry(context, REF, { detach: true });
  const { key: _, queue: __, ...as } = last;
  assert.deepEqual(handedIn, {
    ...as,
    id: "turn-1",
    started_at: new Date(context.now()).toISOString(),
    caps: { host: 4 },
    place: { ...last.place, copy: [".env"], setup: undefined, setupSeconds: 60 },
  });
});
