/** Where hooks stand in what start, continue and destroy do. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { continueSession } from "../../src/commands/continue.ts";
import { destroy } from "../../src/commands/destroy.ts";
import { start } from "../../src/commands/start.ts";
import { errors } from "../../src/errors.ts";
import type { Plugins } from "../../src/plugins/mod.ts";
import { anyFolder, opencodeWith, REF, runnerThat, SESSION, storeWith } from "../support/fakes.ts";
import { makeTurnStage } from "../support/supervisor.ts";

type Did = (effect: string) => void;

/** Plugins that note what they are asked, and make something of the message. */
const pluginsThat = (did: Did, refuse?: Error): Partial<Plugins> => ({
  warm: (hook) => did(`warm ${hook}`),
  before(hook, given) {
    const { message } = given as { message?: string };
    did(`${hook}${message ? ` ${message}` : ""}`);
    return refuse ? Promise.reject(refuse) : Promise.resolve(message ? { message: "amended" } : {});
  },
  after(hook, given) {
    const { outcome, record } = given as { outcome?: { kind: string }; record: { state: string } };
    did(`${hook} ${outcome?.kind ?? ""} ${record.state}`);
    return Promise.resolve();
  },
});

function stageWith(stored: typeof SESSION | undefined, refuse?: Error) {
  const messages: string[] = [];
  const stage = makeTurnStage((did) => ({
    store: storeWith(did, stored ? { stored } : {}),
    workspace: anyFolder(() => {}),
    runner: runnerThat(did, {}, ({ message }) => messages.push(message)),
    sessions: opencodeWith(did),
    plugins: pluginsThat(did, refuse),
  }));
  return { ...stage, messages };
}

const REFUSED = errors.pluginRefused("acme", "pre-start", "not now");

describe("start", () => {
  test("lets plugins come up first, and amend once the issue is claimed; they hear of what is stored", async () => {
    const { context, effects, messages } = stageWith(undefined);
    assert.equal(await start(context, REF, "fix it", {}), 0);
    assert.deepEqual(messages, ["amended"]);
    assert.deepEqual(effects, [
      "warm pre-start",
      `claim ${REF}`,
      "pre-start fix it",
      "save queued -",
      "save starting -",
      "turn fork ses_base",
      "save starting -",
      "save running ses_new",
      "save idle ses_new",
      "outcome done idle",
      "post-start done idle",
      "release",
    ]);
  });

  test("that a plugin refuses gives the claim back and stores nothing", async () => {
    const { context, effects } = stageWith(undefined, REFUSED);
    await assert.rejects(start(context, REF, "fix it", {}), REFUSED);
    assert.deepEqual(effects, ["warm pre-start", `claim ${REF}`, "pre-start fix it", "remove"]);
  });
});

test("continue that a plugin refuses leaves the session as it is", async () => {
  const { context, effects } = stageWith(SESSION, REFUSED);
  await assert.rejects(continueSession(context, REF, "go on", {}), REFUSED);
  assert.deepEqual(effects, ["warm pre-continue", `hold ${REF}`, "pre-continue go on", "release"]);
});

test("destroy asks its plugins after the user, and tells them when the session is gone", async () => {
  const { context, effects } = stageWith(SESSION);
  assert.equal(await destroy(context, REF, { yes: true }), 0);
  assert.deepEqual(effects, [
    `hold ${REF}`,
    "pre-destroy",
    "delete ses_1 in opencode",
    "remove",
    "post-destroy  idle",
  ]);
});

test("destroy that a plugin refuses takes nothing away", async () => {
  const { context, effects } = stageWith(SESSION, REFUSED);
  await assert.rejects(destroy(context, REF, { yes: true }), REFUSED);
  assert.deepEqual(effects, [`hold ${REF}`, "pre-destroy", "release"]);
});
