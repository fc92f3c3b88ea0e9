/**
 * A supervisor in the process of the test: a real keeper with mailbox and transcripts in a scratch folder, whose jobs
 * work with the context of the test. What goes through it is made JSON and back, as the socket would.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Output } from "../../src/commands/output.ts";
import { turnJob } from "../../src/commands/turn_job.ts";
import { KugetsuError, partsOf } from "../../src/errors.ts";
import { Keeper } from "../../src/supervisor/keeper.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import type { JobHost, Line, Supervisor } from "../../src/supervisor/mod.ts";
import { PROTOCOL } from "../../src/supervisor/protocol.ts";
import { parseRequest } from "../../src/supervisor/requests.ts";
import { Transcripts } from "../../src/supervisor/transcripts.ts";
import { makeStage, NAME, NOW, type Parts, type Stage } from "./fakes.ts";

export interface TurnStage extends Stage {
  keeper: Keeper;
  mailbox: Mailbox;
}

const folders: string[] = [];
after(() => folders.forEach((it) => rmSync(it, { recursive: true, force: true })));

/** A stage on which turns that are handed in run. */
export function makeTurnStage(make: (did: (effect: string) => void) => Parts): TurnStage {
  const folder = mkdtempSync(join(tmpdir(), "kugetsu-supervisor-"));
  folders.push(folder);
  const mailbox = new Mailbox(folder);
  const keeper = new Keeper({
    job: (submission, host, recovered) =>
      turnJob({ ...stage.context, output: saying(stage, host) }, submission, host, recovered),
    mailbox,
    transcripts: new Transcripts(
      (name) => join(folder, `${name}.jsonl`),
      { maxBytes: 1_000_000, now: () => NOW },
    ),
    caps: { host: 2, repository: 2 },
    answer: () => Promise.resolve(false),
    nameOf: () => Promise.resolve(NAME),
    now: () => NOW,
    debug: () => {},
  });
  const stage = makeStage((did) => ({ supervisor: overWire(keeper), ...make(did) }));
  return { ...stage, keeper, mailbox };
}

/** What a job says goes to those who follow it. */
function saying({ context }: Stage, host: JobHost): Output {
  return {
    ...context.output,
    note: (text) => host.say("note", text),
    warn: (text) => host.say("warning", text),
  };
}

function overWire(keeper: Keeper): Partial<Supervisor> {
  return {
    submit: (submission) =>
      crossing(() => {
        const said = { protocol: PROTOCOL, version: "1", ask: "submit", submission };
        const request = parseRequest(JSON.parse(JSON.stringify(said)));
        if (request?.ask !== "submit") throw new Error("It cannot be handed in as it is");
        return keeper.submit(request.submission);
      }),
    async *follow(what, signal) {
      const lines: Line[] = [];
      await keeper.follow(what, (line) => lines.push(line), signal);
      yield* JSON.parse(JSON.stringify(lines)) as Line[];
    },
    stop: (keys, signal) => crossing(() => keeper.stop(keys, signal)),
    answer: (key, askId, answer) => crossing(() => keeper.answer(key, askId, answer)),
    wake: () => Promise.resolve(false),
  };
}

async function crossing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return JSON.parse(JSON.stringify(await work()));
  } catch (error) {
    throw new KugetsuError(JSON.parse(JSON.stringify(partsOf(error))));
  }
}
