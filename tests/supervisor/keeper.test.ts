import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { errors, KugetsuError, partsOf } from "../../src/errors.ts";
import type { Outcome } from "../../src/session/outcome.ts";
import { Keeper } from "../../src/supervisor/keeper.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import type { Job, JobHost, Line, Submission } from "../../src/supervisor/mod.ts";
import type { Limits } from "../../src/supervisor/queue.ts";
import { Transcripts } from "../../src/supervisor/transcripts.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";
import { until } from "../support/until.ts";

const DONE: Outcome = { kind: "done" };
const REF = "github.com/shoko/kugetsu#1";
const NAME = "github.com-shoko-kugetsu-1";

/** A job under way, which the test brings forward. */
interface Running {
  submission: Submission;
  host: JobHost;
  recovered: boolean;
  /** Ends it. */
  end(outcome?: Outcome): void;
}

const ROOM = { host: 2, repository: 2 };

const nameOf = (ref: string) => ref.replaceAll(/[/#]/g, "-");

/** A keeper whose jobs are admitted at once and then wait for the test; those that `refuse` names are not. */
function makeLab(
  scratch: Scratch,
  caps: Limits,
  { job, refuse = () => undefined }: {
    job?: Job;
    refuse?: (submission: Submission) => Error | undefined;
  } = {},
) {
  const running: Running[] = [];
  const mailbox = new Mailbox(scratch.path);
  const stay: Job = async (submission, host, recovered) => {
    const refusal = refuse(submission);
    if (refusal) throw refusal;
    await host.admit({ key: submission.ref, name: nameOf(submission.ref) });
    const cancelled = (): Outcome => ({ kind: "cancelled", signal: host.signal.reason });
    if (host.signal.aborted) return host.ended({ outcome: cancelled(), session: null, text: "" });
    host.begun("/somewhere");
    const over = Promise.withResolvers<Outcome>();
    host.signal.addEventListener("abort", () => over.resolve(cancelled()));
    running.push({ submission, host, recovered, end: (outcome = DONE) => over.resolve(outcome) });
    const session = `ses_${submission.ref.at(-1)}`;
    host.ended({ outcome: await over.promise, session, text: "the end" });
  };
  const now = () => "2026-11-24T12:00:00+00:00";
  const said: string[] = [];
  /** What its runner has not heard to be asked. */
  const deaf = new Set<string>();
  const keeper = new Keeper({
    job: job ?? stay,
    mailbox,
    transcripts: new Transcripts(
      (name) => scratch.join("logs", `${name}.jsonl`),
      { maxBytes: 1_000_000, now },
    ),
    caps,
    answer: (turn, ask) => Promise.resolve(turn !== "" && !deaf.has(ask)),
    nameOf: (key) => Promise.resolve(nameOf(key)),
    now,
    debug: (text) => void said.push(text),
  });
  const refs = () => running.map((it) => it.submission.ref.at(-1)).join("");
  return { keeper, mailbox, running, refs, said, deaf };
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
  assert.equal(mailbox.read(NAME)?.current?.message, "hello");
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
  const mail = mailbox.read(NAME);
  assert.deepEqual([mail?.current, mail?.last?.id], [undefined, turn.id]);
  assert.deepEqual(await linesOf(keeper, turn.id), await lines, "afterwards it reads otherwise");
});

test("what a job refuses was never accepted, and leaves nothing behind", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox } = makeLab(scratch, ROOM, { refuse: () => errors.noBase() });
  await assert.rejects(keeper.submit(on(1)), code("no-base"));
  assert.deepEqual([mailbox.names(), keeper.turns()], [[], []]);
});

test("turns wait for their place in order; one that ends, or waits for an answer, gives its place back", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, refs } = makeLab(scratch, ROOM);
  const accepted = await Promise.all([1, 2, 3, 4, 5].map((number) => keeper.submit(on(number))));
  assert.deepEqual(accepted.map((it) => it.ahead), [0, 0, 1, 2, 3]);
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
  await assert.rejects(keeper.answer(REF, "another", { kind: "deny" }), code("wrong-answer"));
  assert.deepEqual(await keeper.answer(REF, ask.id, { kind: "deny" }), ask);
  running[0]!.host.event({ kind: "answered", id: "per_1" });
  assert.equal(keeper.turns()[0]?.state, "running");
  await assert.rejects(keeper.answer(REF, ask.id, { kind: "deny" }), code("nothing-asked"));
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

test("a key is known after other turns of the issue, and while one runs", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, ROOM);
  const first = on(1, { key: "first" });
  await keeper.submit(first);
  await until("it runs", () => running.length === 1);
  running[0]!.end();
  await until("it is settled", () => keeper.isIdle);
  await keeper.submit(on(1, { kind: "continue" }));
  await until("the next one runs", () => running.length === 2);
  const again = { key: REF, turn: first.id, ahead: 0, again: true };
  assert.deepEqual(await keeper.submit(on(1, { key: "first" })), again);
  running[1]!.end();
  await until("that is settled, too", () => keeper.isIdle);
  assert.deepEqual(await keeper.submit(on(1, { key: "first" })), again);
  assert.equal((await linesOf(keeper, first.id)).at(-1)?.kind, "ended");
  assert.equal(running.length, 2);
});

test("a second turn of an issue is refused, or waits behind the first if it was asked to", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, mailbox } = makeLab(scratch, ROOM);
  await keeper.submit(on(1));
  await until("it runs", () => running.length === 1);
  await assert.rejects(keeper.submit(on(1, { kind: "continue" })), code("turn-running"));
  const queued = on(1, { kind: "continue", queue: true, message: "then this" });
  assert.equal(keeper.turns()[0]?.behind, undefined);
  assert.equal((await keeper.submit(queued)).ahead, 1);
  assert.equal(keeper.turns()[0]?.behind, 1);
  assert.equal((await keeper.submit(queued)).again, true);
  assert.equal(mailbox.read(NAME)?.next.length, 1);
  running[0]!.end({ kind: "failed", reason: "provider", detail: "x" });
  await until("the next one runs", () => running.length === 2);
  assert.equal(running[1]!.submission.message, "then this");
  running[1]!.end();
  await until("all is settled", () => keeper.isIdle);
  assert.equal(mailbox.read(NAME)?.last?.id, queued.id);
});

test("a stop ends what runs, what waits for a place, and what waits behind a turn", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, mailbox } = makeLab(scratch, { host: 1, repository: 1 });
  const turns = [on(1), on(2), on(1, { kind: "continue", queue: true })];
  for (const turn of turns) await keeper.submit(turn);
  await until("one runs", () => running.length === 1);
  assert.deepEqual(await keeper.stop(["github.com/none/such#1"], "SIGINT"), []);
  assert.deepEqual(await keeper.stop("all", "SIGTERM"), [
    { key: REF, left: [], dropped: 1 },
    { key: turns[1]!.ref, left: [], dropped: 0 },
  ]);
  assert.equal(running.length, 1);
  for (const turn of turns) {
    const last = (await linesOf(keeper, turn.id, turn.ref)).at(-1);
    assert.ok(last?.kind === "ended", `${turn.kind} is told that it is over`);
    assert.deepEqual(last.outcome, { kind: "cancelled", signal: "SIGTERM" });
  }
  assert.equal(mailbox.read(NAME)?.next.length, 0);
  await until("all is settled", () => keeper.isIdle);
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

  const refusing = makeLab(scratch, ROOM, { refuse: () => errors.noSession(REF) });
  await refusing.keeper.recover();
  const mail = refusing.mailbox.read(NAME);
  assert.deepEqual([mail?.current, mail?.last?.message], [undefined, "hello"]);
  assert.equal((await linesOf(refusing.keeper, first.id)).at(-1)?.kind, "ended");
});

test("a turn that asked before it was taken up is blocked, takes no place, and is answered once it is heard", async () => {
  await using scratch = await makeScratch("keeper");
  const before = makeLab(scratch, ROOM);
  await before.keeper.submit(on(1));
  await before.keeper.submit(on(2));
  await until("both run", () => before.running.length === 2);
  const ask = { id: "late", kind: "permission", what: "bash (rm)", options: [] } as const;
  before.running[0]!.host.event({ kind: "asks", ask: { ...ask, options: [] } });
  const takenUp = async () => {
    const after = makeLab(scratch, { host: 1, repository: 1 });
    after.deaf.add("late");
    await after.keeper.recover();
    await until("both run", () => after.running.length === 2);
    assert.deepEqual(after.keeper.turns().map((it) => it.state), ["blocked", "running"]);
    let isOver = false;
    const asked = after.keeper.answer(REF, "late", { kind: "deny" });
    asked.catch(() => {}).finally(() => isOver = true);
    await new Promise((later) => setTimeout(later, 120));
    assert.equal(isOver, false, "its runner may hear of it yet");
    return { ...after, asked };
  };
  const heard = await takenUp();
  heard.deaf.clear();
  assert.deepEqual(await heard.asked, ask);

  const over = await takenUp();
  over.running[0]!.end();
  await assert.rejects(over.asked, code("nothing-asked"));
});

test("a turn that was taken up goes on as soon as opencode says that it asks nothing", async () => {
  await using scratch = await makeScratch("keeper");
  const before = makeLab(scratch, ROOM);
  await before.keeper.submit(on(1));
  await until("it runs", () => before.running.length === 1);
  const ask = { id: "gone", kind: "permission", what: "bash (rm)", options: [] } as const;
  before.running[0]!.host.event({ kind: "asks", ask: { ...ask, options: [] } });
  const { keeper, running, deaf } = makeLab(scratch, ROOM);
  deaf.add("gone");
  await keeper.recover();
  await until("it runs", () => running.length === 1);
  assert.equal(keeper.turns()[0]?.state, "blocked");
  const asked = keeper.answer(REF, "gone", { kind: "deny" });
  running[0]!.host.heard();
  assert.deepEqual([keeper.turns()[0]?.state, keeper.turns()[0]?.ask], ["running", undefined]);
  await assert.rejects(asked, code("nothing-asked"));
});

test("a job that breaks after it was accepted has failed, and others go on", async () => {
  await using scratch = await makeScratch("keeper");
  const job: Job = async (submission, host) => {
    await host.admit({ key: submission.ref, name: nameOf(submission.ref) });
    if (submission.message === "break") throw new Error("broken");
    host.ended({ outcome: DONE, session: "ses_2", text: "fine" });
  };
  const { keeper } = makeLab(scratch, { host: 1, repository: 1 }, { job });
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

test("what a turn says before it is accepted is told after that", async () => {
  await using scratch = await makeScratch("keeper");
  const job: Job = async (submission, host) => {
    host.say("note", "early");
    await host.admit({ key: submission.ref, name: nameOf(submission.ref) });
    host.say("warning", "late");
    host.ended({ outcome: DONE, session: null, text: "" });
  };
  const { keeper } = makeLab(scratch, ROOM, { job });
  const turn = on(1);
  await keeper.submit(turn);
  const said = (await linesOf(keeper, turn.id)).map((it) => it.kind === "said" ? it.text : it.kind);
  assert.deepEqual(said, ["accepted", "early", "late", "ended"]);
});

test("why a turn did not end well stays with its message until the next is over", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, mailbox } = makeLab(scratch, ROOM);
  const first = on(1);
  await keeper.submit(first);
  await until("it runs", () => running.length === 1);
  running[0]!.end({ kind: "failed", reason: "provider", detail: "no credit" });
  await until("it is settled", () => keeper.isIdle);
  const failed = mailbox.read(NAME);
  assert.deepEqual([failed?.last?.id, failed?.failure?.code], [first.id, "turn-failed"]);
  const next = on(1, { kind: "continue" });
  await keeper.submit(next);
  assert.deepEqual(mailbox.read(NAME)?.last, failed?.last);
  assert.deepEqual(mailbox.read(NAME)?.failure, failed?.failure);
  await until("the next runs", () => running.length === 2);
  running[1]!.end();
  await until("that is settled", () => keeper.isIdle);
  const done = mailbox.read(NAME);
  assert.deepEqual([done?.last?.id, done?.failure], [next.id, undefined]);
});

test("what waits behind a turn that was over when the keeper died runs in the next one", async () => {
  await using scratch = await makeScratch("keeper");
  const queued = [on(1, { kind: "continue" }), on(1, { kind: "continue" })];
  new Mailbox(scratch.path).write(NAME, { key: REF, last: on(1), next: queued });
  const { keeper, running, mailbox } = makeLab(scratch, ROOM);
  await keeper.recover();
  await until("the first of them runs", () => running.length === 1);
  const mail = mailbox.read(NAME);
  assert.deepEqual([mail?.current?.id, mail?.next.map((it) => it.id)], [
    queued[0]!.id,
    [queued[1]!.id],
  ]);
  assert.equal(running[0]!.recovered, false, "it has never begun");
  running[0]!.end();
  await until("the second runs", () => running.length === 2);
  running[1]!.end();
  await until("all is settled", () => keeper.isIdle);
  assert.deepEqual(running.map((it) => it.submission.id), queued.map((it) => it.id));
});

test("what is taken up comes in the order in which it was asked for, and others go on without one that cannot be read", async () => {
  await using scratch = await makeScratch("keeper");
  const at = (hour: number) => `2026-01-02T0${hour}:00:00+00:00`;
  const before = new Mailbox(scratch.path);
  for (const [number, hour] of [[1, 3], [2, 1], [3, 2], [4, 0]] as const) {
    const turn = on(number, { started_at: at(hour) });
    const mail = number === 3 ? { next: [turn] } : { current: turn, next: [] };
    before.write(nameOf(turn.ref), { key: turn.ref, ...mail });
  }
  await scratch.write(`turns/${nameOf(on(4).ref)}.json`, "{");
  const { keeper, running, refs, said } = makeLab(scratch, { host: 1, repository: 1 });
  await keeper.recover();
  assert.deepEqual(keeper.turns().map((it) => it.key.at(-1)), ["2", "3", "1"]);
  for (const expected of ["2", "23", "231"]) {
    await until("the next runs", () => refs() === expected);
    running.at(-1)!.end();
  }
  await until("all is settled", () => keeper.isIdle);
  assert.ok(said.some((text) => /kugetsu-4\.json/.test(text)), said.join("\n"));
});

test("a turn that waited and is refused when it is its turn is over, and the one behind it runs", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, mailbox } = makeLab(scratch, ROOM, {
    refuse: ({ message }) =>
      message === "bad"
        ? errors.noFolder("/gone", "the folder", "there is no such folder")
        : undefined,
  });
  await keeper.submit(on(1));
  await until("it runs", () => running.length === 1);
  const [bad, good] = ["bad", "good"].map((message) =>
    on(1, { kind: "continue", queue: true, message })
  ) as [Submission, Submission];
  for (const turn of [bad, good]) await keeper.submit(turn);
  const told = linesOf(keeper, bad.id);
  running[0]!.end();
  const [end, ...more] = await told;
  assert.ok(end?.kind === "ended" && more.length === 0);
  assert.equal(end.error?.code, "no-folder");
  await until("the other runs", () => running.length === 2);
  assert.equal(running[1]!.submission.id, good.id);
  assert.deepEqual(mailbox.read(NAME)?.next, []);
  running[1]!.end();
});

test("the message of one that was refused so stays, with the reason", async () => {
  await using scratch = await makeScratch("keeper");
  const bad = on(1, { kind: "continue" });
  new Mailbox(scratch.path).write(NAME, { key: REF, next: [bad] });
  const { keeper, mailbox } = makeLab(scratch, ROOM, { refuse: () => errors.noSession(REF) });
  await keeper.recover();
  const mail = mailbox.read(NAME);
  assert.deepEqual([mail?.next, mail?.last?.id], [[], bad.id]);
  assert.deepEqual(mail?.failure, JSON.parse(JSON.stringify(partsOf(errors.noSession(REF)))));
});

test("how many turns run at once is what the newest submission says, in the next keeper too", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, refs } = makeLab(scratch, { host: 1, repository: 9 });
  for (const number of [1, 2, 3]) await keeper.submit(on(number));
  await until("one runs", () => refs() === "1");
  await keeper.submit(on(4, { caps: { host: 3, repository: 2 } }));
  await until("two of the repository run", () => refs() === "12");
  assert.equal(keeper.maxParallel, 3);
  const last = { caps: { host: 4 }, started_at: "2026-01-02T09:00:00+00:00" };
  await keeper.submit(on(5, last));
  await until("four run", () => refs() === "1234");
  const next = makeLab(scratch, { host: 1, repository: 9 });
  await next.keeper.recover();
  assert.equal(next.keeper.maxParallel, 4);
  await until("four run there", () => next.running.length === 4);
  await next.keeper.submit(on(6));
  assert.equal(next.keeper.maxParallel, 1, "one that says nothing wants what the host allows");
});

test("a cap that a command line gave holds until another one is given", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper } = makeLab(scratch, { host: 8, repository: 9 });
  const given = (number: number, host: number) => on(number, { caps: { host, given: true } });
  await keeper.submit(given(1, 1));
  await keeper.submit(on(2));
  assert.equal(keeper.maxParallel, 1, "one that says nothing changes nothing");
  await keeper.submit(on(3, { caps: { host: 6, repository: 2 } }));
  assert.equal(keeper.maxParallel, 1, "nor do settings");
  await keeper.submit(
    on(1, { id: "behind", kind: "continue", queue: true, caps: { host: 5, given: true } }),
  );
  await keeper.submit(given(4, 3));
  assert.equal(keeper.maxParallel, 3);
  const next = makeLab(scratch, { host: 8, repository: 9 });
  await next.keeper.recover();
  assert.equal(next.keeper.maxParallel, 3);
  await until("those before it run", () => next.running.length === 3);
  next.running[0]!.end();
  await until("what was behind it runs", () => next.running.length === 4);
  assert.equal(next.keeper.maxParallel, 3, "a message that waited says nothing new");
});

test("one that a busy repository does not keep waiting runs at once, and is told so", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper } = makeLab(scratch, { host: 8, repository: 1 });
  await keeper.submit(on(1));
  assert.equal((await keeper.submit(on(2))).ahead, 1);
  const elsewhere = await keeper.submit(on(3, { ref: "github.com/acme/other#3" }));
  assert.equal(elsewhere.ahead, 0);
});

test("a mailbox that cannot be written keeps nobody waiting for the end of a turn", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running, said } = makeLab(scratch, ROOM);
  const turn = on(1);
  await keeper.submit(turn);
  await until("it runs", () => running.length === 1);
  const told = linesOf(keeper, turn.id);
  await scratch.write(`turns/${NAME}.json`, "{");
  running[0]!.end();
  assert.equal((await told).at(-1)?.kind, "ended");
  await until("it is settled", () => keeper.isIdle);
  assert.ok(said.some((text) => text.includes(`${NAME}.json`)), said.join("\n"));
});

test("a turn is stopped even where its mailbox cannot be read", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, ROOM);
  await keeper.submit(on(1));
  await until("it runs", () => running.length === 1);
  await scratch.write(`turns/${NAME}.json`, "{");
  await assert.rejects(keeper.stop("all", "SIGINT"), code("damaged-record"));
  assert.equal(running[0]!.host.signal.reason, "SIGINT");
  await until("it is settled", () => keeper.isIdle);
});

test("a turn that nobody knows, or that is over, keeps nobody waiting", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, running } = makeLab(scratch, ROOM);
  assert.deepEqual(await linesOf(keeper, "none"), []);
  await keeper.submit(on(1));
  await until("it runs", () => running.length === 1);
  assert.deepEqual(await linesOf(keeper, "none"), []);
  const waits = on(1, { kind: "continue", queue: true });
  await keeper.submit(waits);
  const told = linesOf(keeper, waits.id);
  running[0]!.end();
  await until("the next runs", () => running.length === 2);
  running[1]!.end();
  assert.deepEqual((await told).map((it) => it.kind), ["accepted", "begun", "ended"]);
});

test("what could not be accepted is refused, and the next keeper finds nothing of it", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox, running } = makeLab(scratch, ROOM);
  failOnce(mailbox);
  await assert.rejects(keeper.submit(on(1)), code("durability-uncertain"));
  assert.deepEqual([mailbox.names(), keeper.isIdle], [[], true]);

  const first = on(1);
  await keeper.submit(first);
  await until("it runs", () => running.length === 1);
  failOnce(mailbox);
  const second = on(1, { kind: "continue", queue: true });
  await assert.rejects(keeper.submit(second), code("durability-uncertain"));
  running[0]!.end();
  await until("it is settled", () => keeper.isIdle);
  assert.deepEqual([mailbox.read(NAME)?.last?.id, running.length], [first.id, 1]);
});

test("without a transcript that can be read nothing is accepted, and nothing stays open", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox } = makeLab(scratch, ROOM);
  await mkdir(scratch.join("logs", `${NAME}.jsonl`), { recursive: true });
  await assert.rejects(keeper.submit(on(1)), code("unreadable"));
  await assert.rejects(linesOf(keeper, "none"), code("unreadable"));
  assert.deepEqual([mailbox.names(), keeper.isIdle], [[], true]);
});

test("a turn that could not be put away is known by its key all the same", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox, running } = makeLab(scratch, ROOM);
  const turn = on(1, { key: "a" });
  await keeper.submit(turn);
  await until("it runs", () => running.length === 1);
  failOnce(mailbox, { before: true });
  running[0]!.end();
  await until("it is settled", () => keeper.isIdle);
  assert.equal(mailbox.read(NAME)?.current?.id, turn.id);
  const { turn: known, again } = await keeper.submit(on(1, { key: "a" }));
  assert.deepEqual([known, again, running.length], [turn.id, true, 1]);
});

test("the end is told before the turn is put away, and once, though the keeper died in between", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper, mailbox, running } = makeLab(scratch, ROOM);
  const turn = on(1);
  await keeper.submit(turn);
  await until("it runs", () => running.length === 1);
  failOnce(mailbox, { before: true });
  running[0]!.end();
  await until("it is settled", () => keeper.isIdle);
  const job: Job = async (submission, host) => {
    await host.admit({ key: submission.ref, name: NAME });
    host.ended({ outcome: DONE, session: "ses_1", text: "" });
  };
  const next = makeLab(scratch, ROOM, { job });
  await next.keeper.recover();
  await until("it is settled", () => next.keeper.isIdle);
  assert.equal(mailbox.read(NAME)?.last?.id, turn.id);
  const ends = (await linesOf(next.keeper, turn.id)).filter((it) => it.kind === "ended");
  assert.deepEqual(ends.map((it) => "text" in it && it.text), ["the end"]);
});

test("a keeper that cannot read what was accepted does not begin without it", async () => {
  await using scratch = await makeScratch("keeper");
  const { keeper } = makeLab(scratch, ROOM);
  await mkdir(scratch.join("turns", `${NAME}.json`), { recursive: true });
  await assert.rejects(keeper.recover(), code("unreadable"));
});

/** The next write fails, after it is done unless it is to fail before. */
function failOnce(mailbox: Mailbox, { before = false } = {}): void {
  const write = mailbox.write.bind(mailbox);
  mailbox.write = (name, mail) => {
    mailbox.write = write;
    if (!before) write(name, mail);
    throw errors.uncertain(name, new Error("no"));
  };
}

test("a stop before a turn is accepted refuses it, and the next one waits until the issue is let go", async () => {
  await using scratch = await makeScratch("keeper");
  const gone = Promise.withResolvers<void>();
  const begun: string[] = [];
  const { keeper, mailbox } = makeLab(scratch, ROOM, {
    job: async (submission, host) => {
      begun.push(submission.message);
      if (submission.message === "first") await gone.promise;
      await host.admit({ key: submission.ref, name: "github.com-shoko-kugetsu-1" });
      host.ended({ outcome: { kind: "done" }, session: "ses_1", text: "" });
    },
  });
  const first = keeper.submit(on(1, { message: "first" }));
  await until("it is looked at", () => begun.length === 1);
  assert.deepEqual(await keeper.stop([REF], "SIGINT"), [{ key: REF, left: [], dropped: 0 }]);
  await assert.rejects(first, code("start-stopped"));
  const second = keeper.submit(on(1, { message: "second" }));
  await new Promise((later) => setTimeout(later, 50));
  assert.deepEqual(begun, ["first"]);
  gone.resolve();
  assert.equal((await second).again, false);
  assert.deepEqual(begun, ["first", "second"]);
  await until("all is over", () => keeper.isIdle);
  assert.equal(mailbox.read("github.com-shoko-kugetsu-1")?.last?.message, "second");
});
