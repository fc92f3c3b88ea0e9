import { test } from "node:test";
import assert from "node:assert/strict";
import { asRepository, resolveKey, resolveKeys, resolveRef } from "../../src/commands/target.ts";
import { errors, EXIT, KugetsuError } from "../../src/errors.ts";
import { formatRef } from "../../src/session/ref.ts";
import { makeStage } from "../support/fakes.ts";

/** Resolves a ref in a folder whose origin is this. */
async function resolve(typed: string, origin?: string, git = () => "/git"): Promise<string> {
  const { context } = makeStage(() => ({
    workspace: {
      git,
      remote(folder, name) {
        assert.deepEqual([folder, name], ["/cwd", "origin"]);
        return Promise.resolve(origin);
      },
    },
  }));
  return formatRef(await resolveRef(context, typed));
}

test("a whole ref and a web address need no repository", async () => {
  const { context } = makeStage(() => ({}));
  for (
    const typed of ["GitHub.com/shoko/kugetsu#14", "https://github.com/shoko/kugetsu/issues/14"]
  ) {
    assert.equal(formatRef(await resolveRef(context, typed)), "github.com/shoko/kugetsu#14");
  }
});

test("a number alone is an issue of the current repository's origin", async () => {
  const origin = "git@github.com:Shoko/kugetsu.git";
  assert.equal(await resolve("14", origin), "github.com/shoko/kugetsu#14");
  assert.equal(await resolve("#14", origin), "github.com/shoko/kugetsu#14");
  assert.equal(
    await resolve("7", "https://token@git.example.org:8443/group/sub/repo"),
    "git.example.org:8443/group/sub/repo#7",
  );
});

test("a number alone is refused where it means nothing, with the folder and an example", async () => {
  const cases: [typed: string, origin: string | undefined, code: string, why: RegExp][] = [
    ["14", undefined, "no-origin", /"14" in "\/cwd": the folder has no git remote called origin/],
    ["#14", "/srv/git/a/b.git", "no-origin", /"#14" in "\/cwd": its origin is not a repository/],
    ["0", "git@github.com:a/b", "bad-ref", /"0" is not an issue number/],
    ["14", "git@work:a/b.git", "no-origin", /in its remote origin, "work" is not a whole host/],
  ];
  for (const [typed, origin, code, why] of cases) {
    await assert.rejects(resolve(typed, origin), (error) => {
      assert(error instanceof KugetsuError, String(error));
      assert.deepEqual([error.code, error.exit], [code, EXIT.usage]);
      assert.match(error.message, why);
      assert.match(error.hint ?? "", /for example github\.com\/shoko\/kugetsu#14/);
      return true;
    });
  }
});

test("a number alone blames git where that is missing, and not the folder", async () => {
  const git = () => {
    throw errors.noGit();
  };
  await assert.rejects(resolve("14", undefined, git), (error) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], ["no-git", EXIT.environment]);
    return true;
  });
});

test("a repository is read in any spelling, and what is none is refused as what it is", () => {
  assert.equal(asRepository(" GitHub.com/Shoko/kugetsu.git "), "github.com/shoko/kugetsu");
  for (const typed of ["kugetsu", "", "github.com/shoko/kugetsu#14"]) {
    assert.throws(() => asRepository(typed), (error) => {
      assert(error instanceof KugetsuError, String(error));
      assert.deepEqual([error.code, error.exit], ["bad-repository", EXIT.usage]);
      assert.ok(error.message.includes(`${JSON.stringify(typed)}:`), error.message);
      return true;
    });
  }
});

test("an issue that is named twice counts once", async () => {
  const { context } = makeStage(() => ({}));
  const typed = ["github.com/a/b#2", "github.com/A/b#1", "github.com/a/B#2"];
  assert.deepEqual(await resolveKeys(context, typed), ["github.com/a/b#2", "github.com/a/b#1"]);
});

test("a key of the index is taken as it is, be it a ref or not", async () => {
  const keys = ["github.com/a/b#001", "not a ref", "GitHub.com/a/b#1", "github.com/a/b#1"];
  const { context } = makeStage(() => ({ context: { issueKeys: () => Promise.resolve(keys) } }));
  for (const key of keys) assert.equal(await resolveKey(context, key), key);
  assert.equal(await resolveKey(context, "GitHub.com/A/b#1"), "github.com/a/b#1");
  await assert.rejects(resolveKey(context, "no ref either"), { code: "bad-ref" });
});
