import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { readFile, rm, utimes } from "node:fs/promises";
import {
  needsWholeCatalogue,
  partOf,
  providersIn,
  smallerCatalogue,
} from "../../src/runner/catalogue.ts";
import { OpencodeCommand } from "../../src/runner/opencode_command.ts";
import { projectSettings } from "../../src/runner/project_settings.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const provider = (id: string) => ({ id, env: [], models: { 'a{"/b': { id: "x" } } });
const CATALOGUE = JSON.stringify(
  {
    acme: provider("acme"),
    "github-copilot": provider("github-copilot"),
    other: { id: "other", acme: { models: {} } },
    opencode: provider("opencode"),
  },
  null,
  1,
);

/** A home with a catalogue, and an opencode that lists two models, each time that it is asked. */
async function setUp(scratch: Scratch, listing = "acme/a\\nacme/b\\nlocal/one\\n") {
  const calls = scratch.join("calls");
  const script =
    `#!/bin/sh\necho "$* $OPENCODE_DISABLE_PROJECT_CONFIG $OPENCODE_MODELS_PATH" >>'${calls}'\n` +
    `printf '${listing}'\n`;
  const file = await scratch.write("opencode", script, 0o755);
  await scratch.write("home/.cache/opencode/models.json", CATALOGUE);
  const debug: string[] = [];
  const path = async (env: Record<string, string> = {}) => {
    const settings = {
      env: { PATH: "/usr/bin:/bin", HOME: scratch.join("home"), KUGETSU_OPENCODE: file, ...env },
      cacheFolder: scratch.join("run"),
      debug: (text: string) => debug.push(text),
    };
    return (await smallerCatalogue(new OpencodeCommand(settings), settings)).OPENCODE_MODELS_PATH;
  };
  const callsMade = () =>
    readFile(calls, "utf8").then(
      (text) => text.trimEnd().split("\n").map((it) => `${it.trim()} `),
      () => [],
    );
  return { path, callsMade, debug };
}

const idsIn = async (path: string | undefined) =>
  Object.keys(JSON.parse(await readFile(path!, "utf8")));

describe("opencode gets", () => {
  test("the entries of the providers that it can use, and is asked once for them", async () => {
    await using scratch = await makeScratch();
    const { path, callsMade } = await setUp(scratch);
    const made = await path();
    assert.deepEqual(await idsIn(made), ["acme"]);
    assert.deepEqual(JSON.parse(await readFile(made!, "utf8")), { acme: provider("acme") });
    assert.equal(await path(), made);
    assert.deepEqual(await callsMade(), ["models 1 "]);
  });

  test("what one makes use of whose name begins with it, and what the user's own files name", async () => {
    await using scratch = await makeScratch();
    const { path } = await setUp(scratch, "github-copilot-enterprise/a");
    await scratch.write("home/.local/share/opencode/auth.json", '{ "other": { "type": "api" } }');
    assert.deepEqual(await idsIn(await path()), ["github-copilot", "other"]);
    await scratch.write("config/opencode.json", '{ "provider": { "acme": {} } }');
    const env = { OPENCODE_CONFIG_DIR: scratch.join("config") };
    assert.deepEqual(await idsIn(await path(env)), ["acme", "github-copilot", "other"]);
  });

  test("the same from a kugetsu within a turn", async () => {
    await using scratch = await makeScratch();
    const { path, callsMade } = await setUp(scratch);
    const made = await path();
    assert.equal(await path({ OPENCODE_MODELS_PATH: made! }), made);
    assert.ok((await callsMade()).every((it) => it === "models 1 "), (await callsMade()).join());
  });

  test("one answer where many turns begin at once", async () => {
    await using scratch = await makeScratch();
    const { path, callsMade } = await setUp(scratch);
    await Promise.all([path(), path(), path()]);
    assert.equal((await callsMade()).length, 1);
  });

  test("none of them where the user's are all his own", async () => {
    await using scratch = await makeScratch();
    const { path } = await setUp(scratch, "local/one");
    assert.deepEqual(await idsIn(await path()), []);
  });

  test("others once the user has set up something else", async () => {
    await using scratch = await makeScratch();
    const { path, callsMade } = await setUp(scratch);
    await path();
    await scratch.write("home/.local/share/opencode/auth.json", "{}");
    await path();
    await path({ ACME_API_KEY: "x" });
    assert.equal((await callsMade()).length, 3);
  });

  test("what is new in the catalogue", async () => {
    await using scratch = await makeScratch();
    const { path } = await setUp(scratch);
    const made = await path();
    const renewed = await scratch.write(
      "home/.cache/opencode/models.json",
      CATALOGUE.replaceAll('"x"', '"new"'),
    );
    const soon = new Date(Date.now() + 5000);
    await utimes(renewed, soon, soon);
    assert.equal(await path(), made);
    assert.match(await readFile(made!, "utf8"), /"new"/);
    await rm(made!);
    await path();
    assert.deepEqual(await idsIn(made), ["acme"]);
  });

  const ITS_OWN: [string, (scratch: Scratch) => Promise<string | undefined>][] = [
    ["has fetched none", async (scratch) => {
      const { path } = await setUp(scratch);
      await rm(scratch.join("home/.cache"), { recursive: true });
      return await path();
    }],
    [
      "is given one by the user",
      async (scratch) =>
        await (await setUp(scratch)).path({ OPENCODE_MODELS_PATH: "/models.json" }),
    ],
    [
      "is to fetch it elsewhere",
      async (scratch) =>
        await (await setUp(scratch)).path({ OPENCODE_MODELS_URL: "http://127.0.0.1:1" }),
    ],
    ["does not say what it can use", async (scratch) => await (await setUp(scratch, "")).path()],
    ["can keep no other", async (scratch) => {
      const { path } = await setUp(scratch);
      await scratch.write("run", "in place of the folder, as a full disk would be");
      return await path();
    }],
    ["has an empty one", async (scratch) => {
      const { path } = await setUp(scratch);
      await scratch.write("home/.cache/opencode/models.json", "null");
      return await path();
    }],
    ["has one that is cut off", async (scratch) => {
      const { path } = await setUp(scratch);
      await scratch.write("home/.cache/opencode/models.json", CATALOGUE.slice(0, -9));
      return await path();
    }],
  ];
  for (const [why, use] of ITS_OWN) {
    test(`its own catalogue where it ${why}`, async () => {
      await using scratch = await makeScratch();
      assert.equal(await use(scratch), undefined);
    });
  }
});

test("the providers are those of the models that are listed", () => {
  assert.deepEqual(providersIn("b/x\na/y/z\n\nb/w\nno model\n/\n"), ["a", "b"]);
});

test("a part has the entries that are wanted, as they stand", () => {
  const part = partOf(CATALOGUE, (id) => id.startsWith("o"));
  assert.deepEqual(JSON.parse(part), {
    other: JSON.parse(CATALOGUE).other,
    opencode: provider("opencode"),
  });
});

describe("a repository", () => {
  const CASES: [string, string, string, boolean][] = [
    ["without settings", "README.md", "", false],
    ["with a model", "opencode.json", '{ "model": "acme/a" }', false],
    ["with a provider", "opencode.jsonc", '{ "provider" : { "acme": {} } }', true],
    ["with code", ".opencode/plugin/x.ts", "", true],
  ];
  for (const [what, file, text, whole] of CASES) {
    test(`${what} needs ${whole ? "the whole catalogue" : "no more than the user"}`, async () => {
      await using scratch = await makeScratch();
      await scratch.write("repository/.git/HEAD", "");
      await scratch.write(`repository/${file}`, text);
      const project = projectSettings(scratch.join("repository"), { HOME: scratch.path });
      assert.equal(project !== undefined && needsWholeCatalogue(project), whole);
    });
  }
});
