/** Which forge is asked, with which token, and what becomes of a token in an error. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { ForgeContext, IssueRef, Plugin } from "../../src/api/mod.ts";
import { KugetsuError } from "../../src/errors.ts";
import { identify } from "../../src/platform/processes.ts";
import { address, Forges, type ForgesOptions, issue, posted } from "../../src/plugins/forges.ts";
import { tokenFrom } from "../../src/plugins/token_command.ts";
import { CANARY, memberOf } from "../support/members.ts";
import { needs } from "../support/needs.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { until } from "../support/until.ts";

const REF: IssueRef = { host: "git.example.org", project: ["a", "b"], number: "1" };

const forgeOf = (name: string, more: object = {}): Plugin => ({
  name,
  apiVersion: 1,
  forges: [{
    name,
    hosts: ["git.example.org"],
    url: (_, { token = "none" }) => `https://${name}/${token}`,
    issue: () => Promise.reject(new Error("not asked for")),
    comment: (_, { token = "none" }) => Promise.resolve({ url: `https://${name}/${token}` }),
    ...more,
  }],
});

async function forgesOf(plugins: Plugin[], more: Partial<ForgesOptions> = {}) {
  const scratch: Scratch = await makeScratch("forges");
  const members = plugins.map((it) => memberOf(it));
  const forges = new Forges({
    members,
    instances: {},
    limitMs: 5000,
    env: {},
    cache: scratch.join("run", "forges.json"),
    ...more,
  });
  return { forges, members, scratch, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
}

const rejected = (code: string, exit: number, message: RegExp) => (error: unknown) => {
  assert(error instanceof KugetsuError, String(error));
  assert.deepEqual([error.code, error.exit], [code, exit]);
  assert.match(error.message, message);
  return true;
};

test("two plugins that claim one host are refused with both names, and none of them is started", async () => {
  await using made = await forgesOf([forgeOf("one"), forgeOf("two")]);
  await assert.rejects(
    made.forges.ask(REF, "url", address),
    rejected("two-forges", 2, /"git.example.org": "one" and "two" claim it/),
  );
  assert(made.members.every((it) => !it.started()));
});

test("config says which one, and only that is started", async () => {
  await using made = await forgesOf([forgeOf("one"), forgeOf("two")], {
    instances: { "git.example.org": { forge: "two" } },
  });
  assert.equal(await made.forges.ask(REF, "url", address), "https://two/none");
  assert.deepEqual(made.members.map((it) => it.started()), [false, true]);
});

test("plugins whose forges have one name are told apart by their own, or refused", async () => {
  const same = (plugin: string) => {
    const { forges, ...rest } = forgeOf(plugin);
    return { ...rest, forges: [{ ...forges![0]!, name: "acme" }] };
  };
  const named = (forge: string) =>
    forgesOf([same("one"), same("two")], { instances: { "git.example.org": { forge } } });
  await using unclear = await named("acme");
  const asked = unclear.forges.ask(REF, "url", address);
  await assert.rejects(asked, rejected("two-forges", 2, /"one" and "two" claim it/));
  await using clear = await named("two");
  assert.equal(await clear.forges.ask(REF, "url", address), "https://two/none");
});

test("a host that cannot be reached is not one that nobody knows", async () => {
  const away = Object.assign(new Error("git.example.org cannot be reached"), {
    kind: "unreachable",
  });
  const probe = () => Promise.reject(away);
  const one = forgeOf("one", { hosts: [], probe });
  await using all = await forgesOf([one, forgeOf("two", { hosts: [], probe })]);
  const asked = () => all.forges.ask(REF, "url", address);
  await assert.rejects(asked(), rejected("forge-unreachable", 5, /cannot be reached/));
  await using some = await forgesOf([one, forgeOf("two", { hosts: [], probe: () => false })]);
  await assert.rejects(some.forges.ask(REF, "url", address), rejected("no-forge", 2, /speaks for/));
});

test("a host that nobody names is asked about once, without a token; what is found is kept", async () => {
  const probed: ForgeContext[] = [];
  const probe = (context: ForgeContext) => {
    probed.push(context);
    return true;
  };
  await using made = await forgesOf([
    forgeOf("one", { hosts: [], probe }),
    forgeOf("two", { hosts: [], probe: () => Promise.reject(new Error("broken")) }),
  ]);
  assert.equal(await made.forges.ask(REF, "url", address), "https://one/none");
  assert.equal(await made.forges.ask(REF, "url", address), "https://one/none");
  assert.equal(probed.length, 1);
  assert.equal("token" in probed[0]!, false);
  assert.match(await readFile(made.scratch.join("run", "forges.json"), "utf8"), /git.example.org/);
});

test("a host that nobody knows is named, and asked about again the next time", async () => {
  let answer = false;
  await using made = await forgesOf([forgeOf("one", { hosts: [], probe: () => answer })]);
  const url = () => made.forges.ask(REF, "url", address);
  await assert.rejects(url(), rejected("no-forge", 2, /no plugin speaks for it/));
  answer = true;
  assert.equal(await url(), "https://one/none");
});

test("the token comes from the variable or the command that config names for the host", async () => {
  const tokenBy = async (instance: object) => {
    await using made = await forgesOf([forgeOf("one")], {
      instances: { "git.example.org": instance },
      env: { MINE: "from-variable", OTHER: "from-command" },
    });
    return (await made.forges.ask(REF, "comment", posted)).url;
  };
  assert.equal(await tokenBy({ token_variable: "MINE" }), "https://one/from-variable");
  assert.equal(
    await tokenBy({ token_command: 'echo "$OTHER"; echo more' }),
    "https://one/from-command",
  );
  for (const command of ["exit 1", "true", "echo secret-4711 >&2; exit 3"]) {
    await assert.rejects(
      tokenBy({ token_command: command }),
      rejected("token-command-failed", 5, /^(?!.*4711).*"git.example.org"/),
    );
  }
});

test("where config names a variable that is not set, no other token is sent in its place", async () => {
  const sent: (string | undefined)[] = [];
  const asks = forgeOf("one", {
    issue: (_: IssueRef, { token }: ForgeContext) => void sent.push(token),
  });
  await using made = await forgesOf([asks], {
    instances: { "git.example.org": { token_variable: "MINE" } },
    env: { MINE: "", GITHUB_TOKEN: "another" },
  });
  const asked = made.forges.ask(REF, "issue", issue);
  await assert.rejects(asked, rejected("token-unset", 5, /MINE, which config names/));
  assert.deepEqual(sent, []);
  assert.equal(await made.forges.ask(REF, "url", address), "https://one/none", "nobody is asked");
});

test(
  "a command for a token that takes too long leaves nothing behind",
  { skip: needs("linux") },
  async () => {
    await using scratch = await makeScratch("token");
    const pid = scratch.join("pid");
    assert.equal(
      await tokenFrom(`sleep 300 & echo $! >"${pid}"; wait`, process.env, 300),
      undefined,
    );
    const child = Number(await readFile(pid, "utf8"));
    await until("its child is gone", () => identify(child) === undefined);
  },
);

test("a token in what a forge fails with is taken out of the error", async () => {
  const fails = (_: unknown, { token, env }: ForgeContext) =>
    Promise.reject(new Error(`cannot use ${token} or ${env.DECLARED_TOKEN}`));
  const plugin = { ...forgeOf("one", { issue: fails }), env: ["DECLARED_TOKEN"] };
  await using made = await forgesOf([plugin], {
    instances: { "git.example.org": { token_variable: "MINE" } },
    env: { MINE: "canary-4711", DECLARED_TOKEN: CANARY },
  });
  await assert.rejects(
    made.forges.ask(REF, "issue", issue),
    rejected("forge-failed", 5, /^(?!.*canary).*cannot use \[token\] or \[DECLARED_TOKEN\]/),
  );
});

test("an answer that is no issue is refused, not believed", async () => {
  const nonsense = { issue: () => Promise.resolve({ title: 3 }), url: () => "javascript:alert(1)" };
  await using made = await forgesOf([forgeOf("one", nonsense)]);
  const why = /its answer is not as it should be/;
  await assert.rejects(made.forges.ask(REF, "issue", issue), rejected("forge-failed", 5, why));
  await assert.rejects(made.forges.ask(REF, "url", address), rejected("forge-failed", 5, why));
});
