/**
 * The turns of an issue that were accepted, and the last one that was over: `turns/NAME.json`, 0600.
 *
 * A turn is accepted once it stands here. It holds the message, so that a turn can run after a crash of all that knew
 * of it, and once more after a failure. Only the supervisor writes here; whoever holds an issue may remove its file.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as v from "valibot";
import type { Issue } from "../api/mod.ts";
import { errors, type ExitStatus, partsOf } from "../errors.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";
import { once } from "../platform/once.ts";
import type { Submission } from "./mod.ts";

/** What a client may hand in, and what is stored of it. */
export const submissionSchema = once(() => {
  const positive = v.pipe(v.number(), v.gtValue(0));
  return v.object({
    id: v.string(),
    kind: v.picklist(["start", "continue"]),
    ref: v.string(),
    started_at: v.pipe(v.string(), v.check((it) => !Number.isNaN(Date.parse(it)))),
    message: v.string(),
    issue: v.optional(v.custom<Issue>((it) => typeof it === "object" && it !== null)),
    model: v.optional(v.string()),
    agent: v.optional(v.string()),
    permissions: v.picklist(["deny", "allow", "wait"]),
    limits: v.object({
      firstEvent: positive,
      silence: positive,
      total: positive,
      answer: v.optional(positive),
    }),
    runner: v.picklist(["server", "run"]),
    base: v.optional(v.literal("default")),
    place: v.object({
      mode: v.picklist(["shared", "own"]),
      demanded: v.boolean(),
      from: v.optional(v.string()),
      copy: v.pipe(v.array(v.string()), v.readonly()),
      setup: v.optional(v.string()),
      setupSeconds: positive,
    }),
    caps: v.optional(v.object({
      host: v.optional(positive),
      repository: v.optional(positive),
      given: v.optional(v.boolean()),
    })),
    budget: v.optional(v.object({ tokens: v.optional(positive), cost: v.optional(positive) })),
    key: v.optional(v.string()),
    queue: v.optional(v.boolean()),
    debug: v.optional(v.boolean()),
  });
});

const mailSchema = once(() =>
  v.looseObject({
    /** The issue as the index spells it. */
    key: v.string(),
    /** The turn that waits for its place, or runs. */
    current: v.optional(submissionSchema()),
    /** Turns for after it, in order. */
    next: v.optional(v.array(submissionSchema()), []),
    /** The last one that was over, when, and the error that it ended with, if it is not done. */
    last: v.optional(submissionSchema()),
    /** The turns that are over and had a key, the latest last. */
    keys: v.optional(v.array(v.object({
      key: v.string(),
      turn: v.string(),
      kind: v.optional(v.picklist(["start", "continue"])),
    }))),
    over_at: v.optional(v.string()),
    failure: v.optional(v.object({
      code: v.string(),
      exit: v.custom<ExitStatus>((it) => typeof it === "number"),
      message: v.string(),
      next: v.optional(v.string()),
      hint: v.optional(v.string()),
      details: v.optional(v.array(v.string())),
    })),
  })
);

export type Mail = v.InferOutput<ReturnType<typeof mailSchema>>;

/** So many keys of an issue are remembered, longer than anybody repeats a command. */
const MOST_KEYS = 100;

/** Whether it is the same turn, handed in once more. A key names a start or a continue, never both. */
export function isSame(a: Submission, b: Submission): boolean {
  return a.id === b.id || (a.key !== undefined && a.key === b.key && a.kind === b.kind);
}

/** The id of the turn, if it was handed in before and is over. */
export function turnOver({ last, keys = [] }: Mail, submission: Submission): string | undefined {
  if (last && isSame(last, submission)) return last.id;
  return keys.find(({ key, turn, kind = submission.kind }) =>
    (key === submission.key && kind === submission.kind) || turn === submission.id
  )?.turn;
}

/** With a turn of it that is over. */
export function withOver(
  mail: Mail,
  submission: Submission,
  over_at: string,
  failure: Mail["failure"],
): Mail {
  const { id: turn, key, kind } = submission;
  const over = { ...mail, last: submission, over_at, failure };
  if (key === undefined) return over;
  return { ...over, keys: [...mail.keys ?? [], { key, turn, kind }].slice(-MOST_KEYS) };
}

export class Mailbox {
  readonly #folder: string;

  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, "turns");
  }

  /** `name` is the issue's, as its session file has it. @throws unreadable, damaged-record */
  read(name: string): Mail | undefined {
    const path = this.#path(name);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      if ((cause as { code?: string }).code === "ENOENT") return undefined;
      throw errors.unreadable(path, cause);
    }
    try {
      return v.parse(mailSchema(), JSON.parse(text));
    } catch {
      throw errors.damagedRecord(path, "it is not a list of turns");
    }
  }

  /**
   * The same, and undefined for what is damaged, which is told. What cannot be read now may hold a turn, which must not
   * be passed over. @throws unreadable
   */
  readWhole(name: string, damaged: (why: string) => void = () => {}): Mail | undefined {
    try {
      return this.read(name);
    } catch (error) {
      const { code, message } = partsOf(error);
      if (code !== "damaged-record") throw error;
      damaged(message);
      return undefined;
    }
  }

  /** Writes what is to be accepted. Where that fails, the next supervisor must not find it there. */
  accept(name: string, before: Mail | undefined, mail: Mail): void {
    try {
      this.write(name, mail);
    } catch (error) {
      try {
        if (before) this.write(name, before);
        else this.remove(name);
      } catch { /* the first error matters */ }
      throw error;
    }
  }

  write(name: string, mail: Mail): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw errors.unwritable(this.#folder, cause);
    }
    writeDurably(this.#path(name), `${JSON.stringify(mail, null, 2)}\n`);
  }

  remove(name: string): void {
    removeDurably(this.#path(name));
  }

  /** The names of all issues that have something here. @throws unreadable */
  names(): string[] {
    try {
      return readdirSync(this.#folder).filter((it) => it.endsWith(".json") && !it.startsWith("."))
        .map((it) => basename(it, ".json"));
    } catch (cause) {
      if ((cause as { code?: string }).code === "ENOENT") return [];
      throw errors.unreadable(this.#folder, cause);
    }
  }

  /** Whether there is a turn that was accepted and is not over. What is damaged says nothing. @throws unreadable */
  hasAccepted(): boolean {
    return this.names().some((name) => {
      const mail = this.readWhole(name);
      return mail !== undefined && (mail.current !== undefined || mail.next.length > 0);
    });
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}
