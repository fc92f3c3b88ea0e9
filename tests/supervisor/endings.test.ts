import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { errors } from "../../src/errors.ts";
import { Endings } from "../../src/supervisor/endings.ts";
import { Live } from "../../src/supervisor/live.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import type { Submission, TurnEnd } from "../../src/supervisor/mod.ts";
import { Transcripts } from "../../src/supervisor/transcripts.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";

const KEY = "github.com/shoko/kugetsu#1";
const NAME = "github.com-shoko-kugetsu-1";
const DONE: TurnEnd = { outcome: { kind: "done" }, session: "ses_1", text: "the end" };

function makeLab(scratch: Scratch) {
  const mailbox = new Mailbox(scratch.path);
  const path = (name: string) => scratch.join("logs", `${name}.jsonl`);
  const transcripts = new Transcripts(path, { maxBytes: 1_000_000, now: () => "now" });
  const said: string[] = [];
  const debug = (text: string) => void said.push(text);
  const endings = new Endings({ mailbox, transcripts, now: () => "later", debug });
  const liveOf = (submission: Submission) =>
    new Live({
      submission,
      key: KEY,
      name: NAME,
      transcript: transcripts.open(NAME),
      controller: new AbortController(),
      go: () => {},
      isOver: Promise.resolve(),
      now: () => "now",
    });
  const told = () => transcripts.read(NAME).map(({ turn, kind }) => `${turn} ${kind}`);
  return { mailbox, endings, said, liveOf, told };
}

test("a turn that is over is told, known, and the last one in the mailbox, with what waits behind it", async () => {
  await using scratch = await makeScratch("endings");
  const { mailbox, endings, liveOf, told } = makeLab(scratch);
  const [turn, behind] = [submission(), submission()];
  mailbox.write(NAME, { key: KEY, current: turn, next: [behind] });
  endings.of(liveOf(turn), DONE);
  assert.deepEqual(mailbox.read(NAME), {
    ...{ key: KEY, next: [behind], last: turn, over_at: "later" },
  });
  assert.deepEqual(told(), [`${turn.id} ended`]);
  assert.deepEqual(endings.known(turn.id), DONE);
});

test("what the mailbox could not take is put away before the next turn of the issue, and known meanwhile", async () => {
  await using scratch = await makeScratch("endings");
  const { mailbox, endings, said, liveOf } = makeLab(scratch);
  const turn = submission();
  await mkdir(scratch.join("turns", `${NAME}.json`), { recursive: true });
  endings.of(liveOf(turn), DONE);
  assert.match(said[0]!, /#1 cannot be put away: /);
  assert.deepEqual(endings.known(turn.id), DONE);
  assert.throws(() => endings.catchUp(NAME));

  await rm(scratch.join("turns", `${NAME}.json`), { recursive: true });
  mailbox.write(NAME, { key: KEY, current: turn, next: [] });
  endings.catchUp(NAME);
  assert.equal(mailbox.read(NAME)?.last?.id, turn.id);
  const next = submission();
  mailbox.write(NAME, { key: KEY, current: next, next: [] });
  endings.catchUp(NAME);
  assert.equal(mailbox.read(NAME)?.current?.id, next.id, "the late one came twice");
});

test("one that is refused is over with its reason, and the others stay as they are", async () => {
  await using scratch = await makeScratch("endings");
  const { mailbox, endings, told } = makeLab(scratch);
  const [current, refused, other] = [submission(), submission(), submission()];
  const mail = { key: KEY, current, next: [refused, other] };
  endings.ofRefused(NAME, mail, refused, errors.noBase());
  const left = mailbox.read(NAME)!;
  assert.deepEqual([left.current?.id, left.next.map(({ id }) => id)], [current.id, [other.id]]);
  assert.deepEqual([left.last?.id, left.failure?.code], [refused.id, "no-base"]);
  endings.ofRefused(NAME, left, current, errors.noBase());
  assert.deepEqual([mailbox.read(NAME)?.current, mailbox.read(NAME)?.next.length], [undefined, 1]);
  assert.deepEqual(told(), [`${refused.id} ended`, `${current.id} ended`]);
  assert.equal(endings.known(refused.id)?.error?.code, "no-base");
});

test("what waits behind a turn that is stopped is over, and the turn itself is not", async () => {
  await using scratch = await makeScratch("endings");
  const { mailbox, endings, liveOf, told } = makeLab(scratch);
  const [turn, behind] = [submission(), submission()];
  mailbox.write(NAME, { key: KEY, current: turn, next: [behind] });
  const live = liveOf(turn);
  live.behind = 1;
  const stopped = { kind: "cancelled", signal: "SIGINT" } as const;
  assert.deepEqual([endings.ofWaiting(live, stopped), endings.ofWaiting(live, stopped)], [1, 0]);
  assert.deepEqual(mailbox.read(NAME), { key: KEY, current: turn, next: [] });
  assert.deepEqual([live.behind, told()], [0, [`${behind.id} accepted`, `${behind.id} ended`]]);
  assert.equal(endings.known(behind.id)?.outcome.kind, "cancelled");
});

test("only the last hundred ends are known", async () => {
  await using scratch = await makeScratch("endings");
  const { endings, liveOf } = makeLab(scratch);
  const turns = Array.from({ length: 101 }, () => submission());
  for (const turn of turns) endings.of(liveOf(turn), DONE);
  assert.equal(endings.known(turns[0]!.id), undefined);
  assert.deepEqual(endings.known(turns[1]!.id), DONE);
});
