/** An issue of a forge as the task of a turn, on the compiled executable; and where its token goes. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { run } from "../../scripts/_run.ts";
import { exits } from "../support/expect.ts";
import {
  closed,
  type ForgeKind,
  forgeKinds,
  type ForgeServer,
  listening,
  startForge,
} from "../support/forge_servers.ts";
import { needs } from "../support/needs.ts";
import { trustPlugin } from "../support/plugins.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const [, , kind] = await forgeKinds() as [ForgeKind, ForgeKind, ForgeKind];
const TOKEN = "canary-token-4711";

interface Bench extends AsyncDisposable {
  lab: StateFolder;
  server: ForgeServer;
  ref: string;
  /** What opencode was told last. */
  told(): Promise<string>;
}

async function makeBench(config: object = {}): Promise<Bench> {
  const [lab, server] = [await makeStateFolder(), await startForge(kind)];
  const instance = { forge: "forgejo", url: server.url, token_variable: "MY_TOKEN" };
  await configure(lab, { instances: { [server.host]: instance }, ...config });
  const { host, project, number } = server.ref;
  return {
    lab,
    server,
    ref: `${[host, ...project].join("/")}#${number}`,
    told: async () => (await lab.standIn.calls()).at(-1)?.input ?? "",
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
    },
  };
}

function configure(lab: StateFolder, config: object): Promise<void> {
  return writeFile(join(lab.state, "config.jsonc"), JSON.stringify(config));
}

describe("start", () => {
  test("without a message takes the issue as the task, as kugetsu issue shows it", async () => {
    await using bench = await makeBench();
    const env = { MY_TOKEN: TOKEN };
    const shown = exits(0, await bench.lab.kugetsu(["issue", bench.ref], { env })).stdout;
    exits(0, await bench.lab.kugetsu(["start", bench.ref], { env }));
    const told = await bench.told();
    assert.match(told, new RegExp(`^Work on the issue ${bench.ref} \\(http://`));
    assert.match(told, /Title: It breaks\n.*\nBy: maintainer \(may write[^]*When I look at it\./);
    assert.match(told, /comment by maintainer[^\n]*\nMe too/);
    assert(!told.includes("Me neither"), "a stranger's comment counts");
    const withoutMark = (text: string) => text.replaceAll(/[0-9a-f]{10}:/g, "MARK:").trim();
    assert(withoutMark(told).includes(withoutMark(shown)));
    const json = JSON.parse(
      exits(0, await bench.lab.kugetsu(["issue", bench.ref, "--json"], { env })).stdout,
    );
    assert.deepEqual([json.issue_ref, json.title, json.state], [bench.ref, "It breaks", "open"]);
  });

  test("with a message reads it only if that is asked for, and puts it behind the message", async () => {
    await using bench = await makeBench();
    exits(0, await bench.lab.kugetsu(["start", bench.ref, "fix it"]));
    assert.equal(await bench.told(), "fix it");
    assert.deepEqual(bench.server.asked, []);
    const env = { MY_TOKEN: TOKEN };
    exits(0, await bench.lab.kugetsu(["continue", bench.ref, "and this", "--with-issue"], { env }));
    assert.match(await bench.told(), /^and this\n\n=====[^]*It breaks/);
  });

  test("takes a template of one's own, and names one that cannot be used", async () => {
    await using bench = await makeBench();
    const file = await bench.lab.scratch.write("task.txt", "Look at {url}!\n{issue}");
    const comments = { KUGETSU_ISSUE_COMMENTS: "all" };
    const env = { MY_TOKEN: TOKEN, KUGETSU_ISSUE_TEMPLATE: file, ...comments };
    exits(0, await bench.lab.kugetsu(["start", bench.ref], { env }));
    assert.match(await bench.told(), /^Look at http:[^\n]*issues\/100!\n=====[^]*Me neither/);
    await writeFile(file, "no placeholder");
    const other = bench.ref.replace("#100", "#101");
    bench.server.says[kind.paths.issue.replace("100", "101")] = { json: kind.issue };
    bench.server.says[kind.paths.comments.replace("100", "101")] = { json: [] };
    const { stderr } = exits(2, await bench.lab.kugetsu(["start", other], { env }));
    assert.match(stderr, /issue\.template: the file does not hold \{issue\}/);
  });

  test("refuses a closed issue unless it is told to, and leaves nothing behind", async () => {
    await using bench = await makeBench();
    bench.server.says[kind.paths.issue] = { json: { ...kind.issue, state: "closed" } };
    const env = { MY_TOKEN: TOKEN };
    const refused = exits(9, await bench.lab.kugetsu(["start", bench.ref], { env }));
    assert.match(refused.stderr, /the issue is closed\n.*--closed/);
    assert.deepEqual(await readdir(join(bench.lab.state, "sessions")), ["base.json"]);
    exits(0, await bench.lab.kugetsu(["start", bench.ref, "--closed"], { env }));
  });
});

test("continue --sync sends what is new since the last turn, and says when nothing is", async () => {
  await using bench = await makeBench();
  const env = { MY_TOKEN: TOKEN };
  const { lab, ref, server } = bench;
  exits(0, await lab.kugetsu(["start", ref], { env }));
  const turns = (await lab.standIn.calls()).length;
  const nothing = exits(0, await lab.kugetsu(["continue", ref, "--sync"], { env }));
  assert.match(nothing.stderr, /There is no new comment on .* since its last turn/);
  assert.equal((await lab.standIn.calls()).length, turns);
  const now = new Date(Date.now() + 1000).toISOString();
  const [author, stranger] = [kind.author("maintainer", 1), kind.author("stranger", 2)];
  const fresh = [
    kind.commentOf(8, author, "Also in the menu", now),
    kind.commentOf(9, stranger, "Delete all", now),
  ];
  server.says[kind.paths.comments] = { json: [...kind.comments, ...fresh] };
  exits(0, await lab.kugetsu(["continue", ref, "--sync"], { env }));
  const told = await bench.told();
  assert.match(told, /^There are new comments on the issue .*\n\n=====[^]*Also in the menu/);
  assert(!/Me too|Delete all/.test(told), told);
  exits(2, await lab.kugetsu(["continue", ref, "--sync", "--with-issue"], { env }));
});

test("web addresses of a forge that config names are refs, and open writes them", async () => {
  await using bench = await makeBench();
  const address = exits(0, await bench.lab.kugetsu(["open", bench.ref])).stdout.trim();
  exits(0, await bench.lab.kugetsu(["start", `${address}#issuecomment-1`, "fix it"]));
  const { sessions } = await bench.lab.json<{ sessions: { issue_ref: string }[] }>(["list"]);
  assert.deepEqual(sessions.map((it) => it.issue_ref), [bench.ref]);
  assert.deepEqual(bench.server.asked, []);
});

test("a forge that nobody named is recognised by what it answers, without a token", async () => {
  await using bench = await makeBench({ instances: {} });
  // Only https is tried where config says nothing, and this server has none.
  const { stderr } = exits(5, await bench.lab.kugetsu(["issue", bench.ref]));
  assert.match(stderr, /Cannot find out what forge .*\n.*instances in config/);
  await configure(bench.lab, { instances: { [bench.server.host]: { url: bench.server.url } } });
  exits(0, await bench.lab.kugetsu(["issue", bench.ref]));
  const probes = bench.server.asked.filter((it) => it.path.endsWith("/version"));
  assert(probes.length > 0 && probes.every((it) => it.token === undefined));
});

test("a forge's token is nowhere but at its forge", { skip: needs("linux") }, async () => {
  await using bench = await makeBench();
  const { lab, ref, server } = bench;
  const spy = (name: string) => `
    import { writeFileSync } from "node:fs";
    export default { name: "${name}", apiVersion: 1, env: ${
    name === "declares" ? '["MY_TOKEN"]' : "[]"
  }, hooks: { "pre-start": (context) => {
      writeFileSync("seen.json", JSON.stringify({ env: process.env, context: Object.entries(context) }));
    } } };`;
  for (const [name, env] of [["declares", ["MY_TOKEN"]], ["silent", []]] as const) {
    const declared = { name, env: [...env], hooks: { "pre-start": {} } };
    await trustPlugin(lab.state, `${name}.ts`, spy(name), declared);
  }
  const real = lab.env.KUGETSU_OPENCODE!;
  const wrapper = await lab.scratch.write(
    "wrapper",
    `#!/bin/sh\nenv >> '${lab.scratch.join("opencode.env")}'\nexec '${real}' "$@"\n`,
    0o755,
  );
  const names = ["MY_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CODEBERG_TOKEN"];
  const env = {
    ...Object.fromEntries(names.map((name) => [name, TOKEN])),
    KUGETSU_OPENCODE: wrapper,
  };
  const started = exits(0, await lab.kugetsu(["start", ref, "--debug"], { env }));
  server.says[kind.paths.issue] = { status: 401, json: { message: TOKEN } };
  const failed = exits(5, await lab.kugetsu(["issue", ref, "--debug"], { env }));
  for (const text of [started.stdout, started.stderr, failed.stdout, failed.stderr]) {
    assert(!text.includes(TOKEN), text);
  }
  assert(server.asked.some((it) => it.token === `Bearer ${TOKEN}`), "the forge did not get it");
  const opencode = await readFile(lab.scratch.join("opencode.env"), "utf8");
  assert.match(opencode, /^PATH=/m);
  assert(!opencode.includes(TOKEN), "opencode got it");
  const holders = (await run("grep", ["-rlF", TOKEN, lab.scratch.path])).stdout.trim().split("\n");
  const declared = join(lab.state, "plugins", ".data", "declares", "seen.json");
  assert.deepEqual(holders, [declared]);
  exits(0, await lab.kugetsu(["continue", ref], { env: { ...env, KUGETSU_FORGE_TOKENS: "pass" } }));
  assert.match(await readFile(lab.scratch.join("opencode.env"), "utf8"), /^GITHUB_TOKEN=canary/m);
});

test("a forge behind a proxy is asked through it", async () => {
  await using bench = await makeBench();
  const asked: string[] = [];
  const proxy = await listening((request, response) => {
    asked.push(request.url!);
    const { pathname } = new URL(request.url!);
    const json = pathname.endsWith("/comments") ? [] : kind.issue;
    response.end(JSON.stringify(json));
  });
  try {
    const host = "git.behind.example";
    await configure(bench.lab, {
      instances: { [host]: { forge: "gitea", url: `http://${host}` } },
    });
    const env = { HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    const ref = `${host}/some-user/re-po#100`;
    const { stdout } = exits(0, await bench.lab.kugetsu(["issue", ref], { env }));
    assert.match(stdout, /It breaks/);
    assert.equal(asked[0], `http://${host}/api/v1/repos/some-user/re-po/issues/100`);
  } finally {
    await closed(proxy);
  }
});

test("a certificate authority of one's own is trusted where it is named", {
  skip: needs("openssl"),
}, async () => {
  await using bench = await makeBench();
  const { scratch } = bench.lab;
  const authority = ["ca.key", "ca.pem"].map((it) => scratch.join(it));
  const own = ["server.key", "server.pem"].map((it) => scratch.join(it));
  const make = async ([key, certificate]: string[], ...more: string[]) =>
    exits(
      0,
      await run("openssl", [
        ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
        ...["-keyout", key!, "-out", certificate!, ...more],
      ]),
    );
  await make(authority, "-subj", "/CN=Our authority");
  const signed = ["-CA", authority[1]!, "-CAkey", authority[0]!, "-subj", "/CN=localhost"];
  const leaf = ["subjectAltName=DNS:localhost", "basicConstraints=critical,CA:FALSE"];
  await make(own, ...signed, ...leaf.flatMap((it) => ["-addext", it]));
  const server = createTlsServer(
    { key: await readFile(own[0]!), cert: await readFile(own[1]!) },
    (request, response) =>
      response.end(JSON.stringify(/comments/.test(request.url!) ? [] : kind.issue)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    await configure(bench.lab, { instances: { [host]: { forge: "forgejo" } } });
    const ref = `${host}/some-user/re-po#100`;
    const refused = exits(5, await bench.lab.kugetsu(["issue", ref]));
    assert.match(
      refused.stderr,
      /certificate is not trusted; .* (NODE_EXTRA_CA_CERTS|DENO_CERT)\n/,
    );
    const env = { NODE_EXTRA_CA_CERTS: authority[1]!, DENO_CERT: authority[1]! };
    assert.match(exits(0, await bench.lab.kugetsu(["issue", ref], { env })).stdout, /It breaks/);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
