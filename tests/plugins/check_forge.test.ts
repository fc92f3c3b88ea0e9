import { test } from "node:test";
import assert from "node:assert/strict";
import type { Forge, ForgeExample, Plugin } from "../../src/api/mod.ts";
import { checkPlugin } from "../../src/plugins/check.ts";
import type { Driver } from "../../src/plugins/driver.ts";
import { memberOf } from "../support/members.ts";

const REF = "git.example.org/a/b#1";

/** It gives the titles of two pages, and takes the second where the first one says that it is. */
const FORGE: Forge = {
  name: "acme",
  hosts: ["git.example.org"],
  url: (ref, { base }) => `${base}/${ref.number}`,
  async issue(ref, { base, fetch }, { since }) {
    const first = await fetch(`${base}/api/1?since=${since}`);
    if (first.status === 404) throw Object.assign(new Error("none"), { kind: "not-found" });
    const second = await fetch(first.headers.get("link")!);
    const title = (await first.json()).title + (await second.json()).title;
    const author = { name: "ada", standing: "unknown" } as const;
    const url = `${base}/${ref.number}`;
    return { title, body: "", state: "open", author, labels: [], url, comments: [] };
  },
  async comment(_, { base, fetch }, options) {
    const reply = await fetch(`${base}/api/1`, { method: "POST", body: JSON.stringify(options) });
    return { url: (await reply.json()).url };
  },
};

const REPLIES: ForgeExample["replies"] = {
  "/api/1?since=undefined": {
    headers: { link: "https://git.example.org/api/2" },
    json: { title: "It " },
  },
  "GET /api/2": { json: { title: "breaks" } },
  "POST /api/1": { status: 201, json: { url: "https://git.example.org/1#7" } },
};

/** What is wrong with the one example; undefined if nothing is. */
async function problemOf(example: ForgeExample, forge = FORGE): Promise<string | undefined> {
  const plugin: Plugin = { name: "acme", apiVersion: 1, forges: [forge], examples: [example] };
  const driver = await memberOf(plugin).driver() as Driver;
  const [loads, tried] = await checkPlugin(() => driver, 3000);
  assert.equal(loads!.problem, undefined);
  return tried!.problem;
}

test("a forge is asked at a server that has the example's replies, and the forge's address is the server's", async () => {
  const gives = { title: "It breaks", url: "https://git.example.org/1" };
  assert.equal(await problemOf({ issue: REF, replies: REPLIES, gives }), undefined);
  assert.match(
    (await problemOf({ issue: REF, replies: REPLIES, gives: { title: "It works" } }))!,
    /gives \{"title":"It breaks"\} and not \{"title":"It works"\}/,
  );
  const url = "https://git.example.org/1#7";
  const comment = { comment: REF, body: "done", replies: REPLIES };
  assert.equal(await problemOf({ ...comment, gives: { url } }), undefined);
});

test("an error is as good as an answer if the example says so, and another one is not", async () => {
  const since = "2026-01-01T00:00:00Z";
  const example = { issue: REF, since, replies: REPLIES };
  assert.equal(await problemOf({ ...example, fails: "not-found" }), undefined);
  assert.match(
    (await problemOf({ ...example, fails: "gone" }))!,
    /^none; the example brings no reply to GET \/api\/1\?since=2026-01-01T00:00:00Z$/,
  );
  assert.match((await problemOf({ issue: REF, replies: REPLIES, fails: "gone" }))!, /and not/);
});

test("what an example or a forge does wrong is said", async () => {
  const silent: Forge = {
    ...FORGE,
    comment: () => Promise.resolve({ url: "https://git.example.org/1#7" }),
  };
  const comment = { comment: REF, body: "done", replies: {} };
  assert.match((await problemOf(comment, silent))!, /asked nothing of context.base/);
  const wrong: [example: object, why: RegExp][] = [
    [{ issue: "nonsense", replies: {} }, /nonsense/],
    [{ issue: REF, replies: { "/api/1": { status: 99 } } }, /replies is not as it should be/],
    [{ issue: REF, replies: { "/api/1": { headers: { "a b": "c" } } } }, /replies is not as/],
    [{ issue: REF, replies: 7 }, /replies is not as it should be/],
    [{ title: "nothing" }, /one of hook, parse, issue and comment/],
  ];
  for (const [example, why] of wrong) assert.match((await problemOf(example as never))!, why);
});
