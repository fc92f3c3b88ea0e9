import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KugetsuError } from "../../src/errors.ts";
import type { MadeSession } from "../../src/session/record.ts";
import { FileStore } from "../../src/store/file_store.ts";
import { needs } from "../support/needs.ts";
import { readAsOldTool } from "../support/old_reader.ts";
import { makeScratch } from "../support/scratch.ts";

const base = (id: string, repository?: string): MadeSession => ({
  type: "base",
  issue_ref: null,
  opencode_session_id: id,
  created_at: "2026-03-29T18:00:00+02:00",
  state: "idle",
  directory: `/${id}`,
  ...(repository ? { repository } : {}),
});
const WIDGET = "github.com/acme/widget";
const GADGET = "github.com/acme/gadget";
const NEW = { replace: false };

async function makeStore() {
  const scratch = await makeScratch("bases");
  const state = scratch.join("state");
  const store = new FileStore(state, () => "the test");
  const ids = async () => (await store.bases()).map((it) => it.opencode_session_id);
  const idOf = async (repository: string) => (await store.baseOf(repository))?.opencode_session_id;
  return { ...scratch, state, store, ids, idOf };
}

const exists = (error: unknown) => error instanceof KugetsuError && error.code === "base-exists";

describe("bases", () => {
  test(
    "are one for each repository: the first in the old place, the others where the old tool does not look",
    {
      skip: needs("python3"),
    },
    async () => {
      await using it = await makeStore();
      await it.store.setBase(base("one", WIDGET), NEW);
      await it.store.setBase(base("two", GADGET), NEW);
      assert.deepEqual(await it.ids(), ["one", "two"]);
      assert.equal((await it.store.base())?.opencode_session_id, "one");
      assert.deepEqual([await it.idOf(WIDGET), await it.idOf(GADGET)], ["one", "two"]);
      assert.equal(await it.idOf("github.com/acme/other"), undefined);
      assert.deepEqual(await readdir(join(it.state, "bases")), ["github.com-acme-gadget.json"]);
      assert.deepEqual(await readdir(join(it.state, "sessions")), ["base.json"]);
      assert.equal((await readAsOldTool(it.state)).base, "one");
      assert.deepEqual((await it.store.overview()).bases.map((row) => [row.key, row.session]), [
        [`(base) ${GADGET}`, "two"],
      ]);
    },
  );

  test("show in a listing the branch that they were made on", async () => {
    await using it = await makeStore();
    await it.store.setBase({ ...base("one", WIDGET), branch: "main" }, NEW);
    await it.store.setBase({ ...base("two", GADGET), branch: "trunk" }, NEW);
    const { base: first, bases } = await it.store.overview();
    assert.deepEqual([first, ...bases].map((row) => row?.branch), ["main", "trunk"]);
  });

  test("are replaced in their own place, and only when told to", async () => {
    await using it = await makeStore();
    await it.store.setBase(base("one", WIDGET), NEW);
    await it.store.setBase(base("two", GADGET), NEW);
    for (const repository of [WIDGET, GADGET, undefined]) {
      await assert.rejects(it.store.setBase(base("x", repository), NEW), exists);
    }
    await it.store.setBase(base("three", GADGET), { replace: true });
    await it.store.setBase(base("four", WIDGET), { replace: true });
    assert.deepEqual(await it.ids(), ["four", "three"]);
    await it.store.setBase(base("five"), { replace: true });
    assert.deepEqual(await it.ids(), ["five", "three"]);
    // Nobody knows what the default one is a clone of: another repository does not take its place.
    await it.store.setBase(base("six", WIDGET), NEW);
    assert.deepEqual((await it.ids()).sort(), ["five", "six", "three"]);
  });

  test("stay in their place when their repository becomes known", async () => {
    await using it = await makeStore();
    await it.store.setBase(base("one"), NEW);
    await it.store.setBase(base("one", WIDGET), { replace: true });
    assert.deepEqual(await it.ids(), ["one"]);
    assert.equal((await it.store.base())?.repository, WIDGET);
    await assert.rejects(readdir(join(it.state, "bases")), { code: "ENOENT" });
  });

  test("are removed one by one", async () => {
    await using it = await makeStore();
    await it.store.setBase(base("one", WIDGET), NEW);
    await it.store.setBase(base("two", GADGET), NEW);
    assert.equal(await it.store.removeBase("github.com/acme/other"), false);
    assert.equal(await it.store.removeBase(GADGET), true);
    assert.equal(await it.store.removeBase(GADGET), false);
    assert.deepEqual(await it.ids(), ["one"]);
    await it.store.setBase(base("three", GADGET), NEW);
    assert.equal(await it.store.removeBase(WIDGET), true);
    assert.equal(await it.store.removeBase(), false);
    assert.deepEqual(await it.ids(), ["three"]);
    await assert.rejects(it.store.setBase(base("x", GADGET), NEW), exists);
    await it.store.setBase(base("four", WIDGET), NEW);
    assert.equal((await it.store.base())?.opencode_session_id, "four");
  });

  test("of many repositories can be made at once", async () => {
    await using it = await makeStore();
    await it.store.setBase(base("one", WIDGET), NEW);
    const names = Array.from({ length: 20 }, (_, at) => `github.com/acme/r${at}`);
    const others = names.map(() => new FileStore(it.state, () => "the test"));
    await Promise.all(names.map((name, at) => others[at]!.setBase(base(`b${at}`, name), NEW)));
    for (const [at, name] of names.entries()) assert.equal(await it.idOf(name), `b${at}`);
    const twice = await Promise.allSettled(
      others.map((store) => store.setBase(base("x", "github.com/acme/new"), NEW)),
    );
    assert.equal(twice.filter(({ status }) => status === "fulfilled").length, 1);
  });
});

describe("a base's file that is damaged is written anew with what can still be read in it", () => {
  const WHOLE = { ...base("ses_1", WIDGET), origin: "adopted", commit: "0123abc", state: "idle" };
  const CUT = JSON.stringify(WHOLE).slice(0, -5);
  const { commit: _, ...KNOWN } = WHOLE;

  async function repaired(place: string, text: string, index: string) {
    await using it = await makeStore();
    await it.store.setBase(base("ses_1"), NEW);
    await mkdir(join(it.state, "bases"));
    await writeFile(join(it.state, place), text);
    await writeFile(join(it.state, "index.json"), index);
    await it.store.repair();
    assert.deepEqual(await it.store.examine(), []);
    const folder = join(it.state, dirname(place));
    assert.match((await readdir(folder)).join(" "), /\.json\.damaged-/);
    return { default: await it.store.base(), widget: await it.store.baseOf(WIDGET) };
  }
  const BASE = "sessions/base.json";
  const INDEX = '{"base": "ses_1", "issues": {}}';

  test("cut off in the middle", async () => {
    const text = JSON.stringify({ ...KNOWN, commit: "0123abc" }).slice(0, -5);
    assert.deepEqual((await repaired(BASE, text, INDEX)).default, KNOWN);
  });

  test("with a field that cannot be", async () => {
    const text = JSON.stringify({ ...WHOLE, created_at: 7, state: null });
    const { created_at, ...rest } = (await repaired(BASE, text, INDEX)).default!;
    const { created_at: _, ...known } = WHOLE;
    assert.deepEqual(rest, known);
    assert.ok(Date.parse(created_at) > Date.now() - 60_000);
  });

  test("where the index is damaged too", async () => {
    assert.deepEqual((await repaired(BASE, CUT, "{")).default?.directory, "/ses_1");
  });

  test("where only the index has the session", async () => {
    const { default: found } = await repaired(BASE, "\0\0\0\0", INDEX);
    assert.deepEqual([found?.opencode_session_id, found?.directory], ["ses_1", undefined]);
  });

  test("of a further repository", async () => {
    const place = "bases/github.com-acme-widget.json";
    const text = JSON.stringify({ ...KNOWN, opencode_session_id: "ses_2" }).slice(0, -1);
    const { widget } = await repaired(place, text, INDEX);
    assert.deepEqual(widget, { ...KNOWN, opencode_session_id: "ses_2" });
  });
});

describe("a further base's file that is damaged", () => {
  const DAMAGES: Record<string, string> = {
    "not JSON": '{"type": "base',
    "of another repository": JSON.stringify(base("two", "github.com/acme/else")),
    "of no repository": JSON.stringify(base("two")),
    "without a session": JSON.stringify({ ...base("two", GADGET), opencode_session_id: null }),
    "of an issue": JSON.stringify({ ...base("two", GADGET), type: "forked" }),
  };
  for (const [what, text] of Object.entries(DAMAGES)) {
    test(`because it is ${what} is named, kept aside and taken away by the doctor`, async () => {
      await using it = await makeStore();
      await it.store.setBase(base("one", WIDGET), NEW);
      await mkdir(join(it.state, "bases"));
      const file = join(it.state, "bases", "github.com-acme-gadget.json");
      await writeFile(file, text);
      await assert.rejects(it.store.baseOf(GADGET), { code: "damaged-record" });
      assert.deepEqual(await it.ids(), ["one"]);
      assert.equal((await it.store.overview()).bases[0]?.state, "damaged");
      const [finding] = await it.store.examine();
      assert.deepEqual([finding?.kind, finding?.subject], ["record-damaged", file]);
      assert.equal((await it.store.repair()).length, 1);
      assert.deepEqual(await it.store.examine(), []);
      const [copy, ...more] = await readdir(join(it.state, "bases"));
      assert.match(copy!, /^github\.com-acme-gadget\.json\.damaged-/);
      assert.deepEqual(more, []);
      await it.store.setBase(base("two", GADGET), NEW);
    });
  }
});
