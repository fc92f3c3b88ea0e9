/** One contract for all forges: what each gives for an issue, and how each fails. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import type { IssueRef } from "../../src/api/mod.ts";
import type { Instance, PluginSettings } from "../../src/config/mod.ts";
import { KugetsuError } from "../../src/errors.ts";
import type { Plugins } from "../../src/plugins/mod.ts";
import { makePlugins } from "../../src/plugins/plugins.ts";
import {
  type ForgeKind,
  forgeKinds,
  type ForgeServer,
  startForge,
} from "../support/forge_servers.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const TOKEN = "canary-token-4711";

interface Bench extends AsyncDisposable {
  server: ForgeServer;
  plugins: Plugins;
  scratch: Scratch;
  debug: string[];
}

interface BenchOptions {
  instance?: Instance | null;
  token?: boolean;
  limitMs?: number;
}

async function benchOf(kind: ForgeKind, options: BenchOptions = {}): Promise<Bench> {
  const server = await startForge(kind);
  const scratch = await makeScratch("forge");
  const debug: string[] = [];
  const instance = options.instance === undefined
    ? {
      ...{ forge: kind.name, url: server.url },
      ...(options.token ?? true ? { token_variable: "FORGE_TOKEN" } : {}),
    }
    : options.instance;
  const settings: PluginSettings = {
    limitMs: options.limitMs ?? 20_000,
    order: [],
    instances: instance ? { [server.host]: instance } : {},
    comments: "writers",
    template: undefined,
    forgeTokens: "hide",
  };
  const plugins = makePlugins({
    state: scratch.path,
    hostCommand: [],
    env: {
      FORGE_TOKEN: TOKEN,
      GITHUB_TOKEN: "for-github-alone",
    },
    settings: () => Promise.resolve(settings),
    warn: (text) => debug.push(text),
    debug: (text) => debug.push(text),
  });
  return {
    server,
    plugins,
    scratch,
    debug,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** Rejects with this code, exit status and message, in which no token stands. */
async function failsWith(work: Promise<unknown>, code: string, exit: number, message: RegExp) {
  await assert.rejects(work, (error) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], [code, exit], error.message);
    assert.match(error.message, message);
    assert(!JSON.stringify([error.message, error.next, error.hint, error.stack]).includes(TOKEN));
    assert(error.next || error.hint);
    return true;
  });
}

for (const kind of await forgeKinds()) {
  const { paths } = kind;

  describe(kind.name, () => {
    test("gives title, text, state, author, labels, address and comments, with who may write", async () => {
      await using bench = await benchOf(kind);
      const { server } = bench;
      const issue = await bench.plugins.issue(server.ref);
      assert.equal(issue.title, kind.issue.title);
      assert.equal(issue.body, kind.issue.body ?? kind.issue.description);
      assert.equal(issue.state, "open");
      assert.equal(issue.author.standing, "writer");
      assert(issue.labels.every((it) => typeof it === "string"));
      assert.match(issue.url, new RegExp(`^${server.url}/.*/issues/${kind.number}$`));
      assert.deepEqual(issue.comments.map((it) => it.author.standing), ["writer", "reader"]);
      assert.equal(issue.comments[1]!.body, "Me neither");
      for (const { createdAt } of issue.comments) assert(Date.parse(createdAt) > 0);
      assert.deepEqual(new Set(server.asked.map((it) => it.token)), new Set([`Bearer ${TOKEN}`]));
    });

    test("is read without a token where that is allowed", async () => {
      await using bench = await benchOf(kind, { token: false });
      const issue = await bench.plugins.issue(bench.server.ref);
      assert.equal(issue.comments.length, 2);
      assert.deepEqual(new Set(bench.server.asked.map((it) => it.token)), new Set([undefined]));
    });

    test("may leave out nearly everything, and may be closed", async () => {
      await using bench = await benchOf(kind);
      bench.server.says[paths.issue] = { json: { state: "closed" } };
      bench.server.says[paths.comments] = { json: [{ id: 1 }] };
      const issue = await bench.plugins.issue(bench.server.ref);
      assert.deepEqual([issue.title, issue.body, issue.state], ["", "", "closed"]);
      assert.deepEqual(issue.comments.map((it) => it.author.name), ["ghost"]);
    });

    test("has comments on many pages", async () => {
      await using bench = await benchOf(kind);
      const { server } = bench;
      // Behind a proxy or a tunnel a forge may call itself otherwise than it was called.
      const next = (page: number) =>
        `<${
          page === 2 ? server.url : "https://forge.invalid"
        }${kind.api}${paths.comments}?page=${page}>; rel="next", <x>; rel="last"`;
      const page = (number: number, headers: Record<string, string>) => ({
        json: [
          kind.commentOf(number, kind.author("a", 5), `page ${number}`, "2020-01-01T00:00:00Z"),
        ],
        headers,
      });
      server.says[paths.comments] = [
        page(1, { link: next(2) }),
        page(2, { link: next(3) }),
        page(3, {}),
      ];
      const { comments } = await bench.plugins.issue(server.ref);
      assert.deepEqual(comments.map((it) => it.body), ["page 1", "page 2", "page 3"]);
    });

    test("gives what is new since a time", async () => {
      await using bench = await benchOf(kind);
      const [, , third] = await times(bench);
      const { comments } = await bench.plugins.issue(bench.server.ref, { since: third! });
      assert.deepEqual(comments.map((it) => it.body), ["Me neither"]);
    });

    test("is followed to where a repository was moved, and asked with its token", async () => {
      await using bench = await benchOf(kind);
      const { server } = bench;
      const there = `${server.url}${kind.api}/moved`;
      server.says[paths.issue] = { status: 301, headers: { location: there } };
      server.says["/moved"] = { json: { ...kind.issue, title: "Moved" } };
      assert.equal((await bench.plugins.issue(server.ref)).title, "Moved");
      assert.equal(server.asked.find((it) => it.path.endsWith("/moved"))!.token, `Bearer ${TOKEN}`);
    });

    test("never has its token sent to another host that it redirects to", async () => {
      await using bench = await benchOf(kind);
      await using other = await startForge(kind);
      const location = `${other.url}${kind.api}${paths.issue}`;
      bench.server.says[paths.issue] = { status: 302, headers: { location } };
      await bench.plugins.issue(bench.server.ref);
      assert.deepEqual(other.asked.map((it) => it.token), [undefined]);
    });

    test("is waited for when its limit is short, and fails clearly when it is long", async () => {
      await using bench = await benchOf(kind);
      const { says, ref } = bench.server;
      says[paths.issue] = [{ status: 429, headers: { "retry-after": "1" } }];
      const began = Date.now();
      await bench.plugins.issue(ref);
      assert(Date.now() - began >= 1000);
      assert(bench.debug.some((it) => /asks for a pause of 1 s/.test(it)), bench.debug.join());
      says[paths.issue] = { status: 429, headers: { "retry-after": "3600" } };
      await failsWith(
        bench.plugins.issue(ref),
        "rate-limited",
        5,
        /no more requests until 20\d\d-/,
      );
      const reset = String(Math.round(Date.now() / 1000) + 3000);
      says[paths.issue] = {
        status: 403,
        headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
      };
      await failsWith(bench.plugins.issue(ref), "rate-limited", 5, /no more requests until/);
    });

    test("is told apart: no such issue, and no permission to see the repository", async () => {
      await using bench = await benchOf(kind);
      const { says, ref } = bench.server;
      says[paths.issue] = { status: 404 };
      await failsWith(bench.plugins.issue(ref), "no-issue", 3, /there is no issue \d+ in/);
      says[paths.repository] = { status: 404 };
      await failsWith(
        bench.plugins.issue(ref),
        "forge-denied",
        5,
        /shows no repository .* with this token/,
      );
    });

    test("says that an issue is gone, that a token is refused, and that something is forbidden", async () => {
      await using bench = await benchOf(kind);
      const { says, ref, host } = bench.server;
      says[paths.issue] = { status: 410 };
      await failsWith(bench.plugins.issue(ref), "issue-gone", 3, /was deleted/);
      says[paths.issue] = { status: 401 };
      await failsWith(bench.plugins.issue(ref), "forge-denied", 5, /does not accept the token/);
      says[paths.issue] = { status: 403 };
      await failsWith(
        bench.plugins.issue(ref),
        "forge-denied",
        5,
        new RegExp(`${host} does not allow`),
      );
      says[paths.comments] = { status: 423 };
      await failsWith(
        bench.plugins.comment(ref, { body: "done" }),
        "forge-denied",
        5,
        /the repository is archived/,
      );
    });

    test("says that a pull request was meant", async () => {
      await using bench = await benchOf(kind);
      const { says, ref } = bench.server;
      if (kind.name === "gitlab") {
        says[paths.issue] = { status: 404 };
        says[paths.pull] = { json: { iid: 1 } };
      } else says[paths.issue] = { json: { ...kind.issue, pull_request: { url: "x" } } };
      await failsWith(bench.plugins.issue(ref), "not-an-issue", 2, /is a pull or merge request/);
    });

    test("that hangs, is in trouble, or answers with a page fails in time and says so", async () => {
      await using bench = await benchOf(kind, { limitMs: 3000 });
      const { says, ref } = bench.server;
      says[paths.issue] = { status: 502, text: "<html>" };
      await failsWith(bench.plugins.issue(ref), "forge-unreachable", 5, /it answered 502/);
      says[paths.issue] = [{ status: 503 }];
      await bench.plugins.issue(ref);
      says[paths.issue] = { text: "<html>Log in" };
      await failsWith(
        bench.plugins.issue(ref),
        "forge-failed",
        5,
        /not JSON: is it a page to log in/,
      );
      says[paths.issue] = { hangs: true };
      // It ends by itself, on a busy machine too.
      const began = Date.now();
      await assert.rejects(bench.plugins.issue(ref), /longer than 3 s|in time/);
      assert(Date.now() - began < 10_000);
    });

    test("that is not there says so", async () => {
      const bench = await benchOf(kind);
      await bench.server[Symbol.asyncDispose]();
      await failsWith(
        bench.plugins.issue(bench.server.ref),
        "forge-unreachable",
        5,
        /cannot be reached/,
      );
      await bench.scratch[Symbol.asyncDispose]();
    });

    test("is posted to, and only its own earlier comment is changed", async () => {
      await using bench = await benchOf(kind);
      const { says, ref, asked } = bench.server;
      assert.match((await bench.plugins.comment(ref, { body: "done" })).url, /^https?:/);
      assert.deepEqual(asked.at(-1)!.body, { body: "done" });
      const marked = "x\n\n<!-- kugetsu:outcome -->";
      const stranger = kind.commentOf(
        41,
        kind.author("stranger", 2),
        marked,
        "2020-01-01T00:00:00Z",
      );
      says[paths.comments] = [{ json: [stranger] }];
      await bench.plugins.comment(ref, { body: "first", replace: "outcome" });
      assert.equal(asked.at(-1)!.method, "POST");
      assert.deepEqual(asked.at(-1)!.body, { body: "first\n\n<!-- kugetsu:outcome -->" });
      const own = kind.commentOf(
        42,
        kind.author("kugetsu-bot", 99),
        marked,
        "2020-01-01T00:00:00Z",
      );
      says[paths.comments] = [{ json: [own, stranger] }];
      await bench.plugins.comment(ref, { body: "second", replace: "outcome" });
      assert.deepEqual([asked.at(-1)!.method, asked.at(-1)!.path.endsWith("/42")], [
        kind.change,
        true,
      ]);
      says[paths.comments] = [{ json: [own] }];
      assert.deepEqual((await bench.plugins.issue(ref)).comments, [], "kugetsu's own are no news");
    });

    test("is not asked under a name that config gives and nobody has", async () => {
      await using bench = await benchOf(kind, {
        instance: { url: "http://unused", forge: "nothing" },
      });
      await failsWith(
        bench.plugins.url(bench.server.ref),
        "unknown-forge",
        2,
        /"nothing", which no plugin/,
      );
      assert.deepEqual(bench.server.asked, []);
    });

    test("reads and writes addresses", async () => {
      await using bench = await benchOf(kind);
      const { ref, url } = bench.server;
      const address = await bench.plugins.url(ref);
      assert(address.startsWith(`${url}/${kind.project.join("/")}/`));
      assert.deepEqual(await bench.plugins.parse(address), ref);
      assert.equal(await bench.plugins.parse(`${url}/a/b/pulls/1`), undefined);
      assert.deepEqual(bench.server.asked, []);
    });
  });
}

/** When the sample's comments were made, and a moment after the last but one. */
async function times(bench: Bench): Promise<string[]> {
  const { comments } = await bench.plugins.issue(bench.server.ref);
  const [first, last] = comments.map((it) => it.updatedAt);
  return [first!, last!, new Date(Date.parse(first!) + 1000).toISOString()];
}

test("the pull request that GitHub publishes as an issue is taken for what it is", async () => {
  const [github] = await forgeKinds();
  await using bench = await benchOf(github!);
  const { default: sample } = await import("./samples/github-issue.json", {
    with: { type: "json" },
  });
  bench.server.says[github!.paths.issue] = { json: sample };
  await failsWith(bench.plugins.issue(bench.server.ref), "not-an-issue", 2, /1347 is a pull/);
});

test("what was imported into a Forgejo counts as by nobody who may write, whoever imported it", async () => {
  const forgejo = (await forgeKinds()).find((it) => it.name === "forgejo")!;
  await using bench = await benchOf(forgejo);
  const { paths, issue, comments } = forgejo;
  const imported = { original_author: "maintainer", original_author_id: 7 };
  bench.server.says[paths.issue] = { json: { ...issue, ...imported } };
  bench.server.says[paths.comments] = { json: [{ ...comments[0], ...imported }, comments[0]] };
  const read = await bench.plugins.issue(bench.server.ref);
  const [theirs, ours] = read.comments.map((it) => it.author);
  assert.deepEqual(theirs, { name: "maintainer (imported)", standing: "reader" });
  assert.deepEqual(read.author, theirs);
  assert.deepEqual(ours, { name: "maintainer", standing: "writer" });
});

test("each kind of forge answers only to its own question", async () => {
  const kinds = await forgeKinds();
  const ref: IssueRef = { host: "x.example", project: ["a", "b"], number: "1" };
  const { BUILT_IN } = await import("../../src/plugins/built_in.ts");
  for (const kind of kinds) {
    await using server = await startForge(kind);
    const found: string[] = [];
    for (const plugin of BUILT_IN) {
      const [forge] = plugin.forges!;
      const context = {
        host: ref.host,
        base: server.url,
        configured: false,
        token: TOKEN,
        env: { GITHUB_TOKEN: TOKEN, GITLAB_TOKEN: TOKEN, CODEBERG_TOKEN: TOKEN },
        fetch,
        signal: AbortSignal.timeout(5000),
        limitMs: 5000,
        log: { info() {}, warn() {} },
        store: { get: nothing, set: nothing, delete: nothing },
      };
      if (await forge!.probe!(context)) found.push(forge!.name);
    }
    assert.deepEqual(found, [kind.name]);
    assert(server.asked.every((it) => it.token === undefined), "a probe was sent a token");
  }
});

function nothing(): Promise<undefined> {
  return Promise.resolve(undefined);
}
