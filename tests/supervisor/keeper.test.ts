import { test } from "node:test";
import assert from "node:assert/strict";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { Outcome } from "../../src/session/outcome.ts";
import { type Job, type JobHost, Keeper } from "../../src/supervisor/keeper.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import type { Caps } from "../../src/supervisor/queue.ts";
import type { Line, Submission } from "../../src/supervisor/mod.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";
import { until } from "../support/until.ts";

const DONE: Outcome = { kind: "done" };
const REF = "github.com/shoko/kugetsu#1";

/** A job under way, which the test brings forward. */
interface Running {
  submission: Submission;
  host: JobHost;
  recovered: boolean;
  /** Ends it. */
  end(outcome?: Outcome): void;
}

/** A keeper whose jobs are admitted at once and then wait for the test. */
const ROOM = { host: 2, repository: 2 };

function makeLab(scratch: Scratch, caps: Caps, job?: Job) {
  const running: Running[] = [];
  const mailbox = new Mailbox(scratch.path);
  const nameOf = (ref: string) => ref.replaceAll(/[/#]/g, "-");
  const keeper = new Keeper({
    job: job ?? (async (submission, host, recovered) => {
      await host.admit({ key: submission.ref, name: nameOf(submission.ref) });
      if (host.signal.aborted) {
        return host.ended({ kind: "cancelled", signal: host.signal.reason }, undefined, "");
      }
      host.begun("/somewhere");
      const over = Promise.withResolvers<Outcome>();
      const stop = () => over.resolve({ kind: "cancelled", signal: host.signal.reason });
      host.signal.addEventListener("abort", stop);
      running.push({ submission, host, recovered, end: (outcome = DONE) => over.resolve(outcome) });
      host.ended(await over.promise, `ses_${submission.ref.at(-1)}`, "the end");
    }),
    mailbox,
    transcriptPath: (name) => scratch.join("logs", `${name}.jsonl`),
    transcriptBytes: 1_000_000,
    caps,
    answer: (turn, ask) => Promise.resolve(turn !== "" && ask !== "late"),
    nameOf: (key) => Promise.resolve(nameOf(key)),
    now: () => "2026-11-24T12:00:00+00:00",
    debug: () => {},
  });
  const refs = () => running.map((it) => it.submission.ref.at(-1)).join("");
  return { keeper, mailbox, running, refs, nameOf };
}

const on = (number: number, changes: Partial<Submission> = {}) =>
  submission({ ref: `github.com/shoko/kugetsu#${number}`, ...changes });

async function linesOf(keeper: Keeper, turn: string, key = REF): Promise<Line[]> {
  const lines: Line[] = [];
  await keeper.follow({ key, turn }, (line) => lines.push(line), new AbortController().signal);
  return lines;
}

const code = (expected: string) => (error: Error) =>
  error instanceof KugetsuError && error.code === expected;

test("a turn is accepted, stands in the mailbox while it runs, and is told from beginning to end", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox, running } = makeLab(scratch, ROOM);
  const turn = on(1);
  assert.deepEqual(await keeper.submit(turn), { key: REF, turn: turn.id, ahead: 0, again: false });
  await until("it runs", () => running.length === 1);
  assert.equal(mailbox.read("github.com-shoko-kugetsu-1")?.current?.message, "hello");
  assert.equal(keeper.turns()[0]?.state, "running");
  const lines = linesOf(keeper, turn.id);
  running[0]!.host.named("ses_1");
  running[0]!.host.event({ kind: "text", text: "so" });
  running[0]!.end();
  assert.deepEqual((await lines).map((it) => it.kind), [
    "accepted",
    "begun",
    "session",
    "text",
    "ended",
  ]);
  await until("it is settled", () => keeper.isIdle);
  const mail = mailbox.read("github.com-shoko-kugetsu-1");
  assert.deepEqual([mail?.current, mail?.last?.id], [undefined, turn.id]);
  assert.deepEqual(await linesOf(keeper, turn.id), await lines, "afterwards it reads otherwise");
});

test("what a job refuses was never accepted, and leaves nothing behind", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox } = makeLab(scratch, ROOM, () => Promise.reject(errors.noBase()));
  await assert.rejects(keeper.submit(on(1)), code("no-base"));
  assert.deepEqual([mailbox.names(), keeper.turns()], [[], []]);
});

test("turns wait for their place in order; one that ends, or waits for an answer, gives its place back", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, refs } = makeLab(scratch, ROOM);
  const accepted = await Promise.all([1, 2, 3, 4, 5].map((number) => keeper.submit(on(number))));
  assert.deepEqual(accepted.map((it) => it.ahead), [0, 0, 0, 1, 2]);
  await until("two run", () => running.length === 2);
  assert.deepEqual(keeper.turns().map((it) => [it.state, it.position]), [
    ["running", undefined],
    ["running", undefined],
    ["queued", 1],
    ["queued", 2],
    ["queued", 3],
  ]);
  running[1]!.end();
  await until("the third runs", () => refs() === "123");
  const ask = { id: "per_1", kind: "permission", what: "bash (rm)", options: [] } as const;
  running[0]!.host.event({ kind: "asks", ask: { ...ask, options: [] } });
  await until("the fourth runs", () => refs() === "1234");
  assert.equal(keeper.turns()[0]?.state, "blocked");
  assert.deepEqual(await keeper.answer(REF, { kind: "deny" }), ask);
  running[0]!.host.event({ kind: "answered", id: "per_1" });
  assert.equal(keeper.turns()[0]?.state, "running");
  await assert.rejects(keeper.answer(REF, { kind: "deny" }), code("nothing-asked"));
});

test("one repository at its cap does not hold up another", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, { host: 2, repository: 1 });
  await keeper.submit(on(1));
  await keeper.submit(on(2));
  await keeper.submit(submission({ ref: "github.com/other/one#3" }));
  await until("two run", () => running.length === 2);
  assert.deepEqual(running.map((it) => it.submission.ref.at(-1)), ["1", "3"]);
});

test("the same id or key is the same turn, while it runs and when it is over", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, ROOM);
  const turn = on(1, { key: "once" });
  const twice = await Promise.all([keeper.submit(turn), keeper.submit(turn)]);
  assert.deepEqual(twice.map((it) => [it.turn, it.again]), [[turn.id, false], [turn.id, true]]);
  assert.equal((await keeper.submit(on(1, { key: "once" }))).turn, turn.id);
  await assert.rejects(keeper.submit(on(1, { key: "other" })), code("session-exists"));
  running[0]!.end();
  await until("it is settled", () => keeper.isIdle);
  assert.deepEqual(await keeper.submit(on(1, { key: "once" })), {
    key: REF,
    turn: turn.id,
    ahead: 0,
    again: true,
  });
  assert.equal(running.length, 1);
});

test("a second turn of an issue is refused, or waits behind the first if it was asked to", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, mailbox } = makeLab(scratch, ROOM);
  await keeper.submit(on(1));
  await until("it runs", () => running.length === 1);
  await assert.rejects(keeper.submit(on(1, { kind: "continue" })), code("turn-running"));
  const queued = on(1, { kind: "continue", queue: true, message: "then this" });
  assert.equal((await keeper.submit(queued)).ahead, 1);
  assert.equal((await keeper.submit(queued)).again, true);
  assert.equal(mailbox.read("github.com-shoko-kugetsu-1")?.next.length, 1);
  running[0]!.end({ kind: "failed", reason: "provider", detail: "x" });
  await until("the next one runs", () => running.length === 2);
  assert.equal(running[1]!.submission.message, "then this");
  running[1]!.end();
  await until("all is settled", () => keeper.isIdle);
  assert.equal(mailbox.read("github.com-shoko-kugetsu-1")?.last?.id, queued.id);
});

test("a stop ends what runs, what waits for a place, and what waits behind a turn", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, mailbox } = makeLab(scratch, { host: 1, repository: 1 });
  const turns = [on(1), on(2), on(1, { kind: "continue", queue: true })];
  for (const turn of turns) await keeper.submit(turn);
  await until("one runs", () => running.length === 1);
  assert.deepEqual(await keeper.stop(["github.com/none/such#1"], "SIGINT"), []);
  assert.deepEqual((await keeper.stop("all", "SIGTERM")).sort(), [REF, turns[1]!.ref]);
  assert.equal(running.length, 1);
  const [, ended] = [
    await linesOf(keeper, turns[0]!.id),
    (await linesOf(keeper, turns[1]!.id, turns[1]!.ref)).at(-1),
  ];
  assert.deepEqual(ended?.kind === "ended" && ended.outcome, {
    kind: "cancelled",
    signal: "SIGTERM",
  });
  assert.equal(mailbox.read("github.com-shoko-kugetsu-1")?.next.length, 0);
  await until("all is settled", () => keeper.isIdle);
});

test("a turn that uses more than it may is stopped, with the figures", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, ROOM);
  await keeper.submit(on(1, { budget: { tokens: 100 } }));
  await keeper.submit(on(2, { budget: { cost: 0.5 } }));
  await until("they run", () => running.length === 2);
  for (const { host } of running) {
    host.event({ kind: "usage", tokens: 100, cost: 0.5 });
    assert.equal(host.signal.aborted, false);
    host.event({ kind: "usage", tokens: 1, cost: 0.01 });
  }
  assert.deepEqual(running.map((it) => it.host.signal.reason), [
    { budget: "it used 101 tokens, of 100 that it may use" },
    { budget: "it cost $0.51, of $0.50 that it may cost" },
  ]);
});

test("what was accepted is taken up by the next keeper; what cannot be taken up is over, and its message stays", async () => {
  await using scratch = await makeScratch("keeper");
  const before = makeLab(scratch, { host: 1, repository: 1 });
  const [first, second] = [on(1), on(2)];
  await before.keeper.submit(first);
  await before.keeper.submit(second);
  const after = makeLab(scratch, { host: 2, repository: 2 });
  await after.keeper.recover();
  await until("both run", () => after.running.length === 2);
  assert.deepEqual(
    after.running.map((it) => [it.submission.id, it.recovered]).sort(),
    [
      [first.id, true],
      [second.id, true],
    ].sort(),
  );
  assert.equal((await after.keeper.submit(first)).again, true);

  const refusing = makeLab(scratch, ROOM, () => Promise.reject(errors.noSession(REF)));
  await refusing.keeper.recover();
  const mail = refusing.mailbox.read("github.com-shoko-kugetsu-1");
  assert.deepEqual([mail?.current, mail?.last?.message], [undefined, "hello"]);
  assert.equal((await linesOf(refusing.keeper, first.id)).at(-1)?.kind, "ended");
});

test("a job that breaks after it was accepted has failed, and others go on", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper } = makeLab(scratch, { host: 1, repository: 1 }, async (submission, host) => {
    await host.admit({ key: submission.ref, name: submission.ref.replaceAll(/[/#]/g, "-") });
    if (submission.message === "break") throw new Error("broken");
    host.ended(DONE, "ses_2", "fine");
  });
  const [bad, good] = [on(1, { message: "break" }), on(2)];
  await keeper.submit(bad);
  await keeper.submit(good);
  const last = (await linesOf(keeper, bad.id)).at(-1);
  assert.match(last?.kind === "ended" ? JSON.stringify(last.outcome) : "", /broken/);
  assert.equal((await linesOf(keeper, good.id, good.ref)).at(-1)?.kind, "ended");
});

test("whoever follows an issue hears each line once, from where it was left", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, ROOM);
  await keeper.submit(on(1));
  await until("it runs", () => running.length === 1);
  const heard: number[] = [];
  const controller = new AbortController();
  const following = keeper.follow(
    { key: REF, after: 1 },
    (line) => heard.push(line.seq),
    controller.signal,
  );
  await until("it heard what was there", () => heard.length === 1);
  running[0]!.host.event({ kind: "text", text: "a" });
  running[0]!.end();
  await until("it heard the end", () => heard.length === 3);
  controller.abort();
  await following;
  assert.deepEqual(heard, [2, 3, 4]);
});
