/** What is promised of every runner, on the real opencode: one suite for both. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type {
  Runner,
  StopReason,
  TurnEvent,
  TurnRequest,
  TurnResult,
} from "../../src/runner/mod.ts";
import { OpencodeCommand } from "../../src/runner/opencode_command.ts";
import { OpencodeRunRunner } from "../../src/runner/opencode_run.ts";
import { OpencodeServer } from "../../src/runner/opencode_server.ts";
import { OpencodeServers } from "../../src/runner/opencode_servers.ts";
import { ServerRunner } from "../../src/runner/server_runner.ts";
import { exits } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { until } from "../support/until.ts";

const world = await makeWorld();
const opencode = new OpencodeCommand({
  env: world.env,
  cacheFolder: world.scratch.join("run"),
  debug() {},
});
const makeServers = () =>
  new OpencodeServers({
    opencode,
    runFolder: world.scratch.join("run"),
    logFolder: world.scratch.join("logs"),
    env: { ...world.env, SHELL: "/bin/bash" },
    debug() {},
  });
const servers = makeServers();
after(async () => {
  await servers.stop();
  await world[Symbol.asyncDispose]();
});
const { opencode_session_id: base } = JSON.parse(
  exits(0, await world.kugetsu(["init", "--headless", "--json"])).stdout,
);
await mkdir(world.scratch.join("state", "worktrees"), { recursive: true });
const worktree = world.scratch.join("state", "worktrees", "one");
await world.git("worktree", "add", "--quiet", worktree, "-b", "kugetsu/one");

const RUNNERS: Record<string, Runner> = {
  "opencode run": new OpencodeRunRunner(opencode),
  "opencode serve": new ServerRunner(servers),
};

interface Told extends TurnResult {
  events: TurnEvent[];
  named: string[];
  /** What the message was called, each time that it was told. */
  messages: string[];
}

const LIMITS = { firstEvent: 60, silence: 60, total: 120, answer: 60 };

async function turn(
  runner: Runner,
  message: string,
  changes: Partial<TurnRequest>,
  stop: (abort: (reason: StopReason) => void, told: Told) => void = () => {},
): Promise<Told> {
  const told: Told = {
    outcome: { kind: "done" },
    session: undefined,
    text: "",
    events: [],
    named: [],
    messages: [],
  };
  const controller = new AbortController();
  const request: TurnRequest = {
    id: crypto.randomUUID(),
    kind: "fork",
    session: base,
    directory: world.repository,
    message,
    permissions: "deny",
    limits: LIMITS,
    ...changes,
  };
  const result = runner.turn(request, {
    started: () => {},
    named: (session, messageId) => {
      told.named.push(session);
      if (messageId !== undefined) told.messages.push(messageId);
    },
    event: (event) => void told.events.push(event),
  }, controller.signal);
  stop((reason) => controller.abort(reason), told);
  return Object.assign(told, await result);
}

const tool = (command: string) =>
  `@tool bash ${JSON.stringify({ command, description: "Does it" })}`;

for (const [name, runner] of Object.entries(RUNNERS)) {
  test(`${name}: a fork and its next turn, with the message byte for byte`, async () => {
    const message = `--odd "quotes" $HOME \`x\`\n\n  end ü 月 \u{1F319}`;
    const first = await turn(runner, message, {});
    assert.equal(first.outcome.kind, "done");
    assert.deepEqual(first.named, [first.session]);
    assert.match(first.text, /^bytes=\d+ sha256=/);
    assert.ok(world.model.prompts.includes(message));
    const next = await turn(runner, "@say Again.", { kind: "continue", session: first.session! });
    assert.deepEqual([next.outcome.kind, next.text, next.session], [
      "done",
      "Again.",
      first.session,
    ]);
    assert.deepEqual(next.named.filter((it) => it !== first.session), []);
    const texts = next.events.flatMap((it) => it.kind === "text" ? [it.text] : []);
    assert.deepEqual(texts, ["Again."]);
  });

  test(`${name}: tools run in the folder of the turn, and are told`, async () => {
    const { outcome, events } = await turn(runner, `${tool("pwd > where.txt")}\n@say Over.`, {});
    assert.equal(outcome.kind, "done");
    await access(join(world.repository, "where.txt"));
    assert.ok(events.some((it) => it.kind === "tool" && it.tool === "bash" && it.state === "done"));
  });

  test(`${name}: what each step used is told, and nothing of opencode's log`, async () => {
    const { events } = await turn(runner, `${tool("true")}\n@say Over.`, {});
    const used = events.filter((it) => it.kind === "usage");
    assert.deepEqual(used, [
      { kind: "usage", tokens: 15, cost: 0 },
      { kind: "usage", tokens: 15, cost: 0 },
    ]);
    assert.deepEqual(events.filter((it) => it.kind === "notice"), []);
  });

  test(`${name}: a turn that is stopped for what it used has failed for that`, async () => {
    const message = `${tool("true")}\n@hang`;
    const { outcome } = await turn(runner, message, {}, (abort, told) => {
      void until("it has used some", () => told.events.some((it) => it.kind === "usage"))
        .then(() => abort({ budget: "it used 15 tokens" }), () => abort("SIGINT"));
    });
    assert.deepEqual(outcome, { kind: "failed", reason: "budget", detail: "it used 15 tokens" });
  });

  test(`${name}: each outcome`, async () => {
    const cases: [string, Partial<TurnRequest>, object][] = [
      ["@status 401", {}, { kind: "failed", reason: "provider" }],
      ["@cut Half", {}, { kind: "failed", reason: "output-limit" }],
      ["@hang", { limits: { ...LIMITS, silence: 3, firstEvent: 20 } }, { kind: "stalled" }],
      [
        "@slow 600 a b c d e f g h i j k l m n o p q r s t u v",
        { limits: { ...LIMITS, total: 8 } },
        { kind: "timeout" },
      ],
      ["@say x", { session: "ses_0000000000000000000000000000" }, {
        kind: "failed",
        reason: "session-gone",
      }],
      ["@say x", { agent: "nobody" }, { kind: "failed", reason: "agent-unknown" }],
      ["@say x", { model: "local/none" }, { kind: "failed", reason: "model-unknown" }],
    ];
    for (const [message, changes, expected] of cases) {
      const { outcome } = await turn(runner, message, changes);
      for (const [key, value] of Object.entries(expected)) {
        assert.equal(
          (outcome as Record<string, unknown>)[key],
          value,
          `${message}: ${JSON.stringify(outcome)}`,
        );
      }
    }
  });

  test(`${name}: what would be asked is denied, and the turn goes on; or allowed`, async () => {
    const read = `@tool read ${JSON.stringify({ filePath: "/etc/hostname" })}\n@say Over.`;
    const denied = await turn(runner, read, {});
    assert.deepEqual([denied.outcome.kind, denied.text], ["done", "Over."]);
    assert.ok(
      denied.events.some((it) =>
        it.kind === "permission" && it.permission === "external_directory"
      ),
    );
    const allowed = await turn(runner, read, { permissions: "allow" });
    assert.equal(allowed.outcome.kind, "done");
    assert.match(world.model.results.at(-1)!.text, /End of file/);
  });

  test(`${name}: a stop ends the turn and all that it started, and the session goes on`, {
    skip: needs("linux"),
  }, async () => {
    const command = "setsid sh -c 'trap \"\" TERM; cd /; sleep 300' & trap '' TERM; sleep 301";
    const began = Date.now();
    const { outcome, session } = await turn(runner, tool(command), {}, (abort, told) => {
      void until("the tool runs", () => told.events.length > 0 || Date.now() - began > 9000)
        .then(() => setTimeout(() => abort("SIGINT"), 1500));
    });
    assert.deepEqual(outcome, { kind: "cancelled", signal: "SIGINT" });
    const left = await sleepers();
    assert.deepEqual(left, []);
    const next = await turn(runner, "@say On.", { kind: "continue", session: session! });
    assert.deepEqual([next.outcome.kind, next.text], ["done", "On."]);
  });
}

test("opencode serve: a session that another opencode moved does not go on there, and is put back", async () => {
  const runner = RUNNERS["opencode serve"]!;
  const first = await turn(runner, "@say One.", { directory: worktree });
  const session = first.session!;
  await using beside = await otherOpencode();
  const client = beside.client(worktree);
  const folderNow = async () => (await client.session.get({ sessionID: session })).data?.directory;
  assert.equal(await folderNow(), worktree);
  await client.experimental.controlPlane.moveSession({
    sessionID: session,
    destination: { directory: world.repository },
  });
  const again = { kind: "continue", session, directory: worktree } as const;
  const strayed = await turn(runner, "@slow 500 a b c d e f g h", again);
  const detail = `opencode has the session in ${world.repository}`;
  assert.deepEqual(strayed.outcome, { kind: "failed", reason: "wrong-folder", detail });
  const next = await turn(runner, `${tool("pwd > moved.txt")}\n@say Two.`, again);
  assert.deepEqual([next.outcome.kind, await folderNow()], ["done", worktree]);
  await access(join(worktree, "moved.txt"));
});

test("opencode serve: a session that another opencode deleted is gone, also right after a turn", async () => {
  const runner = RUNNERS["opencode serve"]!;
  const first = await turn(runner, "@say One.", { directory: worktree });
  await using beside = await otherOpencode();
  await beside.client(worktree).session.delete({ sessionID: first.session! });
  const again = { kind: "continue", session: first.session!, directory: worktree } as const;
  const { outcome } = await turn(runner, "@say Two.", again);
  assert.deepEqual([outcome.kind, "reason" in outcome && outcome.reason], [
    "failed",
    "session-gone",
  ]);
});

test("opencode serve: a message whose name was given long ago, or before others spoke, gets a new one", async () => {
  const runner = RUNNERS["opencode serve"]!;
  const stale = runner.newMessageId()!;
  const first = await turn(runner, "@say One.", {});
  assert.ok(first.messages.length === 1 && first.messages[0]! > stale);
  for (const isAgain of [true, false]) {
    await new Promise((later) => setTimeout(later, isAgain ? 0 : 1100));
    const again = { kind: "continue", session: first.session!, messageId: stale, isAgain } as const;
    const next = await turn(runner, `@say Two ${isAgain}.`, again);
    assert.deepEqual([next.outcome.kind, next.text], ["done", `Two ${isAgain}.`]);
    assert.ok(next.messages.length === 1 && next.messages[0]! > first.messages[0]!);
  }
  const fresh = runner.newMessageId()!;
  const asIs = { kind: "continue", session: first.session!, messageId: fresh } as const;
  const last = await turn(runner, "@say Three.", asIs);
  assert.deepEqual([last.text, last.messages], ["Three.", []]);
});

test("opencode serve: a folder's settings are read anew, but not under a turn that may be under way", async () => {
  await turn(RUNNERS["opencode serve"]!, "@say One.", { directory: worktree });
  // As the next supervisor, which finds the server and cannot know what it has read.
  const next = makeServers();
  const isOutdated = async (isAgain: boolean) => {
    const lease = await next.forTurn({ directory: worktree, session: base, isAgain });
    lease.release();
    return [lease.isOutdated, lease.connection] as const;
  };
  const [[under, connection], [first], [second]] = [
    await isOutdated(true),
    await isOutdated(false),
    await isOutdated(false),
  ];
  connection.events.close();
  assert.deepEqual([under, first, second], [false, true, false]);
});

/** A server of the same user's that is none of kugetsu's. */
async function otherOpencode() {
  const files = { state: world.scratch.join("other.json"), log: world.scratch.join("other.log") };
  const server = new OpencodeServer(files);
  const call = { file: opencode.executable(), args: ["serve"], env: world.env };
  const { connection } = await server.open(() => Promise.resolve(call));
  return { client: connection.client, [Symbol.asyncDispose]: () => server.stop() };
}

/** Processes of the world that sleep for as long as the test's do. */
async function sleepers(): Promise<string[]> {
  const { readFile } = await import("node:fs/promises");
  const lines = await Promise.all(
    (await world.leftovers()).map((pid) =>
      readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
    ),
  );
  return lines.filter((it) => /sleep\0?30[01]|sleep 300/.test(it));
}
