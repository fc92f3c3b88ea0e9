import { test } from "node:test";
import assert from "node:assert/strict";
import { chooseBase, repositoryIn } from "../../src/commands/base.ts";
import { KugetsuError } from "../../src/errors.ts";
import { parseRef } from "../../src/session/ref.ts";
import type { MadeSession } from "../../src/session/record.ts";
import { BASE, makeStage, REF } from "../support/fakes.ts";

const OWN = { ...BASE, opencode_session_id: "ses_own", repository: "github.com/shoko/kugetsu" };

function stageWith(bases: { own?: MadeSession; first?: MadeSession }, remotes: string[] = []) {
  const { context } = makeStage(() => ({
    store: {
      base: () => Promise.resolve(bases.first),
      baseOf: (it) => Promise.resolve(bases.own?.repository === it ? bases.own : undefined),
    },
    workspace: {
      remotes: () => Promise.resolve(remotes),
      remote: () => Promise.resolve(remotes[0]),
    },
  }));
  return context;
}

const choose = (...call: Parameters<typeof stageWith>) =>
  chooseBase(stageWith(...call), parseRef(REF), undefined);

test("the base of the ref's repository goes first, then the default one", async () => {
  assert.equal(await choose({ own: OWN, first: BASE }), OWN);
  assert.equal(await choose({ first: BASE }), BASE);
  const byName = await chooseBase(stageWith({ own: OWN, first: BASE }), parseRef(REF), "default");
  assert.equal(byName, BASE);
});

test("a default base is right if any remote of its folder is the ref's repository, or there is none", async () => {
  const fork = ["git@github.com:me/kugetsu.git", "https://github.com/Shoko/Kugetsu"];
  assert.equal(await choose({ first: BASE }, fork), BASE);
  assert.equal(await choose({ first: BASE }, ["/srv/git/x.git"]), BASE);
});

test("a default base of which no repository is known serves, and is told of", async () => {
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const context = stageWith({ first: BASE }, ["/srv/git/x.git"]);
  await chooseBase(context, parseRef(REF), "default", say);
  await chooseBase(stageWith({ own: OWN, first: BASE }), parseRef(REF), undefined, say);
  assert.deepEqual(said, []);
  assert.equal(await chooseBase(context, parseRef(REF), undefined, say), BASE);
  assert.match(said[0]!, /the default base, in \/repository, of which no repository is known\.$/);
});

test("a default base that is a clone of something else is refused with 3, unless it is asked for by name", async () => {
  const other = ["https://github.com/acme/widget.git"];
  await assert.rejects(choose({ first: BASE }, other), (error) => {
    assert(error instanceof KugetsuError);
    assert.deepEqual([error.code, error.exit], ["foreign-base", 3]);
    assert.match(
      error.message,
      /no base for github\.com\/shoko\/kugetsu.*"\/repository" is of github\.com\/acme\/widget/,
    );
    assert.match(error.next!, /^kugetsu init --headless --dir /);
    assert.match(error.hint!, /--base default/);
    return true;
  });
  assert.equal(await chooseBase(stageWith({ first: BASE }, other), parseRef(REF), "default"), BASE);
});

test("without any base there is none, by whatever name", async () => {
  for (const which of ["default", undefined] as const) {
    await assert.rejects(chooseBase(stageWith({}), parseRef(REF), which), { code: "no-base" });
  }
});

test("a folder's repository is what its origin names on a forge", async () => {
  const of = (...remotes: string[]) => repositoryIn(stageWith({}, remotes), "/folder");
  assert.equal(await of("git@github.com:Acme/Widget.git"), "github.com/acme/widget");
  assert.equal(await of("/srv/git/x.git"), undefined);
  assert.equal(await of(), undefined);
});
