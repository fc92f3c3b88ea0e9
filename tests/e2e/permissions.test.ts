/** What becomes of each thing that opencode can ask about, as the user's own settings have it. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exits, refOf, sessionOf } from "../support/expect.ts";
import { makeWorld } from "../support/opencode_home.ts";

const world = await makeWorld({ env: { KUGETSU_WORKTREE: "shared" } });
after(() => world[Symbol.asyncDispose]());
exits(0, await world.kugetsu(["init", "--headless"]));
await writeFile(join(world.repository, ".env"), "SECRET=1\n");
await world.scratch.write(
  "home/.config/opencode/skill/greeting/SKILL.md",
  "---\nname: greeting\ndescription: How to greet\n---\nSay good morning.\n",
);
const settings = join(world.home, ".config", "opencode", "opencode.json");
const withoutPermissions = JSON.parse(await readFile(settings, "utf8"));

/** Sets what the user's settings say of permissions. */
async function userSays(permission: unknown, more = {}): Promise<void> {
  await writeFile(settings, JSON.stringify({ ...withoutPermissions, permission, ...more }));
}

const call = (tool: string, args: unknown) => `@tool ${tool} ${JSON.stringify(args)}`;
const inRepository = (name: string) => join(world.repository, name);
const read = (filePath: string) => call("read", { filePath });

/**
 * A call for each permission that opencode 1.18 has a tool for, and what the model is told if it is allowed.
 * Some tools need ripgrep, which opencode downloads: without a network they fail, but only after the question.
 */
const CALLS: [permission: string, order: string, happened: RegExp][] = [
  ["read", read(inRepository(".env")), /SECRET=1/],
  ["glob", call("glob", { pattern: "*.md" }), /README\.md|ripgrep/],
  ["grep", call("grep", { pattern: "scratch" }), /README\.md|ripgrep/],
  ["bash", call("bash", { command: "touch by-bash", description: "Touches" }), /^\(?no output|^$/],
  ["edit", call("write", { filePath: inRepository("by-write"), content: "x" }), /success/],
  ["task", call("task", taskFor("@say From below.")), /From below\./],
  ["skill", call("skill", { name: "greeting" }), /good morning|ripgrep/],
  [
    "webfetch",
    call("webfetch", { url: new URL("/page", world.model.url), format: "text" }),
    /page/,
  ],
  ["todowrite", call("todowrite", { todos: [todo("Rest")] }), /Rest/],
  ["external_directory", read("/etc/hostname"), /End of file/],
];
const EVERYTHING = `${CALLS.map(([, order]) => order).join("\n")}\n@say Over.`;

function taskFor(prompt: string) {
  return { description: "A part of it", prompt, subagent_type: "general" };
}

function todo(content: string) {
  return { content, status: "pending", priority: "low", id: "1" };
}

/** What the model was told of the calls that were made since. */
function tellsSince(count: number): string[] {
  return world.model.results.slice(count).map((it) => it.text);
}

const REJECTED = /rejected permission/;

test("deny: whatever would be asked is denied, and the turn goes on to its end", async () => {
  await userSays("ask");
  const { stdout, stderr } = exits(0, await world.kugetsu(["start", refOf(1), EVERYTHING]));
  assert.equal(stdout, "Over.\n");
  for (const [permission] of CALLS) {
    assert.match(stderr, new RegExp(`wanted a permission and was denied: ${permission} \\(`));
  }
  const tells = tellsSince(0);
  assert.equal(tells.length, CALLS.length);
  for (const text of tells) assert.match(text, REJECTED);
  await assert.rejects(access(inRepository("by-bash")));
  await assert.rejects(access(inRepository("by-write")));
  assert.equal((await sessionOf(world, 1)).state, "idle");
});

test("deny: tools that opencode has only on request, and what a subagent wants", async () => {
  const before = world.model.results.length;
  const orders = [
    call("websearch", { query: "kugetsu" }),
    call("lsp", {
      operation: "documentSymbol",
      filePath: inRepository("README.md"),
      line: 1,
      character: 1,
    }),
    call("task", taskFor(`${read("/etc/hostname")}\n@say From below.`)),
    "@say Over.",
  ];
  await userSays({ websearch: "ask", lsp: "ask", external_directory: "ask" });
  const env = { OPENCODE_ENABLE_EXA: "1", OPENCODE_EXPERIMENTAL_LSP_TOOL: "1" };
  const { stdout, stderr } = exits(
    0,
    await world.kugetsu(["continue", refOf(1), orders.join("\n")], { env }),
  );
  assert.equal(stdout, "Over.\n");
  for (const permission of ["websearch", "lsp", "external_directory"]) {
    assert.match(stderr, new RegExp(`was denied: ${permission} \\(`));
  }
  const [search, lsp, below, task] = tellsSince(before);
  for (const text of [search!, lsp!, below!]) assert.match(text, REJECTED);
  assert.match(task!, /From below\./);
});

test("allow: all of it happens", async () => {
  await userSays("ask");
  const before = world.model.results.length;
  const args = ["continue", refOf(1), EVERYTHING, "--permissions", "allow"];
  const { stdout, stderr } = exits(0, await world.kugetsu(args));
  assert.equal(stdout, "Over.\n");
  assert.doesNotMatch(stderr, /denied/);
  const tells = tellsSince(before);
  for (const [i, [permission, , happened]] of CALLS.entries()) {
    assert.match(tells[i]!, happened, `${permission}: ${tells[i]}`);
  }
  await access(inRepository("by-bash"));
  await access(inRepository("by-write"));
});

test("wait without a server: the turn ends as blocked, says what it wanted, and can be continued", async () => {
  await userSays({ bash: "ask" });
  const wait = ["--permissions", "wait", "--runner", "run"];
  const order = `${call("bash", { command: "touch waited", description: "Touches" })}\n@say Over.`;
  const blocked = await world.kugetsu(["continue", refOf(1), order, ...wait]);
  assert.match(exits(7, blocked).stderr, /permission bash \(touch waited\)\n.*--permissions allow/);
  const { state, reason, last_turn: turn } = await sessionOf(world, 1);
  assert.deepEqual([state, turn?.outcome], ["blocked", "blocked"]);
  assert.match(reason!, /bash/);
  await assert.rejects(access(inRepository("waited")));

  const below = call("task", taskFor(call("bash", { command: "touch waited", description: "T" })));
  const args = ["continue", refOf(1), `${below}\n@say Over.`, ...wait];
  exits(7, await world.kugetsu(args));
  await assert.rejects(access(inRepository("waited")));

  exits(0, await world.kugetsu(["continue", refOf(1), order, "--permissions", "allow"]));
  await access(inRepository("waited"));
  assert.equal((await sessionOf(world, 1)).state, "idle");
});

test("doom_loop: three equal calls at once are asked about, and a denial is what ends the turn", async () => {
  await userSays({});
  const filePath = inRepository("README.md");
  const order = `@repeat 3 read ${JSON.stringify({ filePath })}\n@say Over.`;
  const { stderr } = exits(7, await world.kugetsu(["continue", refOf(1), order]));
  assert.match(stderr, /is blocked: .*doom_loop/);
  const args = ["continue", refOf(1), order, "--permissions", "allow"];
  assert.equal(exits(0, await world.kugetsu(args)).stdout, "Over.\n");
});

test("what the user's settings allow stays allowed, and what they forbid stays forbidden", async () => {
  const bash = { "*": "allow", "rm *": "deny" };
  await userSays({ external_directory: { "*": "ask", "/etc/*": "allow" }, bash });
  const remove = call("bash", { command: "rm README.md", description: "Removes" });
  const order = `${read("/etc/hostname")}\n${remove}\n@say Over.`;
  for (const policy of ["deny", "allow"]) {
    const before = world.model.results.length;
    const args = ["continue", refOf(1), order, "--permissions", policy];
    assert.equal(exits(0, await world.kugetsu(args)).stdout, "Over.\n");
    const [readTold, removeTold] = tellsSince(before);
    assert.match(readTold!, /End of file/);
    assert.match(removeTold!, /rule which prevents/);
  }
  await access(inRepository("README.md"));
});

test("a question to a human never hangs, whatever the settings say", async () => {
  const question = {
    question: "Which?",
    header: "Which",
    options: [{ label: "a", description: "" }],
  };
  const order = `${call("question", { questions: [question] })}\n@say Over.`;
  const permission = { question: "allow", "*": "allow" };
  await userSays(permission, { agent: { build: { permission } } });
  for (const policy of ["deny", "allow"]) {
    const args = ["continue", refOf(1), order, "--permissions", policy, "--timeout", "60s"];
    assert.equal(exits(0, await world.kugetsu(args)).stdout, "Over.\n");
  }
});
