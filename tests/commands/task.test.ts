import { test } from "node:test";
import assert from "node:assert/strict";
import type { Issue } from "../../src/api/mod.ts";
import { newsFor, taskFor } from "../../src/commands/task.ts";
import type { PluginSettings } from "../../src/config/mod.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import { makeStage } from "../support/fakes.ts";

const REF = { host: "git.example.org", project: ["a", "b"], number: "1" };

const ISSUE: Issue = {
  title: "It breaks",
  body: "Often.",
  state: "open",
  author: { name: "ada", standing: "unknown" },
  labels: [],
  url: "https://git.example.org/a/b/issues/1",
  comments: [],
};

const commentAt = (updatedAt: string) => ({
  author: ISSUE.author,
  body: `at ${updatedAt}`,
  createdAt: updatedAt,
  updatedAt,
});

function stageWith(issue: Partial<Issue> | undefined, settings: Partial<PluginSettings> = {}) {
  return makeStage((did) => ({
    config: {
      plugins: () => ({ comments: "writers", template: undefined, ...settings }) as PluginSettings,
    },
    ...(issue
      ? {
        plugins: {
          issue(_, options) {
            did(`read since ${options?.since}`);
            return Promise.resolve({ ...ISSUE, ...issue });
          },
        },
      }
      : {}),
    context: { readFile: () => Promise.resolve("{ref}: {issue}") },
  }));
}

test("a message alone needs no forge", async () => {
  const { context } = stageWith(undefined);
  assert.deepEqual(await taskFor(context, REF, "fix it", {}), { message: "fix it" });
});

test("the issue is the task where there is no message, and stands behind one if that is wanted", async () => {
  const { context } = stageWith({});
  const alone = await taskFor(context, REF, undefined, {});
  assert.match(
    alone.message,
    /^Work on the issue git\.example\.org\/a\/b#1 \([^]*Often\.[^]*Do what/,
  );
  assert.equal(alone.issue?.title, "It breaks");
  const behind = await taskFor(context, REF, "fix it", { withIssue: true });
  assert.match(behind.message, /^fix it\n\n=====[^]*Often\.[^]*written by others$/);
});

test("a template of one's own is read from its file", async () => {
  const { context } = stageWith({}, { template: "/etc/task" });
  assert.match(
    (await taskFor(context, REF, undefined, {})).message,
    /^git.example.org\/a\/b#1: =====/,
  );
});

test("a closed issue is refused unless it is wanted", async () => {
  const { context } = stageWith({ state: "closed" });
  await assert.rejects(
    taskFor(context, REF, undefined, {}),
    (error) => error instanceof KugetsuError && error.code === errors.issueClosed("").code,
  );
  assert((await taskFor(context, REF, undefined, { closed: true })).message);
  await assert.rejects(
    taskFor(context, REF, "do it", { closed: true }),
    (error) => error instanceof KugetsuError && error.exit === 2,
  );
});

test("news is what is not older than the last turn, even if the forge tells more", async () => {
  const comments = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"].map(commentAt);
  const { context, effects } = stageWith({ comments });
  const since = "2026-01-02T01:00:00+01:00";
  const news = await newsFor(context, REF, undefined, { since });
  assert.match(news!.message, /^There are new comments[^]*at 2026-01-02/);
  assert(!news!.message.includes("at 2026-01-01"));
  assert.deepEqual(effects, [`read since ${since}`]);
  const later = { since: "2026-02-01T00:00:00Z" };
  assert.equal(await newsFor(context, REF, undefined, later), undefined);
  assert.equal((await newsFor(context, REF, "go on", later))!.message, "go on");
});
