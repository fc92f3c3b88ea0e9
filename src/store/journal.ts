/**
 * The journal: every change of every session, in order, for those who follow.
 *
 * A record is durable first, and told of second. What a crash in between leaves untold is found by comparing the record
 * with the journal's last word about it, before the record is next changed (turn_hold.ts) and whenever somebody
 * reads the journal (catch_up.ts). So nothing here waits for the disk, and nothing here ever fails a turn. Whoever
 * tells of a session holds its turn lock, or the store lock while nobody holds the turn lock; an append takes the
 * journal's own lock, inside those.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { errors, reasonOf } from "../errors.ts";
import { writeDurably } from "../platform/durable_write.ts";
import { eventBetween, type SessionEvent, settled, standing } from "../session/event.ts";
import { type SessionRecord, timestamp } from "../session/record.ts";
import {
  type JournalFile,
  journalFile,
  journalFiles,
  lastWord,
  lastWords,
} from "./journal_files.ts";
import type { Layout } from "./layout.ts";
import { lock } from "./lock.ts";
import { recordsOf } from "./records.ts";

/** Events enough for some hundred turns a file, since the newest one is searched whenever something is told. */
const FILE_BYTES = 256 * 1024;
const FILES = 32;
/** The lock is held for less than a millisecond, or, once in thousands of events, for a new file. */
const LOCK_MS = 2000;
const NEWLINE = 10;

/** What a session's file held at some time: nothing, or a record. */
export interface Past {
  record: SessionRecord | undefined;
  /** Whether nobody works on it any more. */
  left?: boolean;
}

export interface JournalOptions {
  debug(text: string): void;
  /** How much a file takes before the next one is begun. */
  fileBytes?: number;
}

export class Journal {
  readonly #layout: Layout;
  readonly #options: JournalOptions;

  constructor(layout: Layout, options: JournalOptions) {
    this.#layout = layout;
    this.#options = options;
  }

  /** Tells what became of a session. False where that could not be written; it may then be tried again. */
  async tell(file: string, history: readonly Past[]): Promise<boolean> {
    try {
      const newest = journalFiles(this.#layout).at(-1);
      if (newest && eventsOf(lastWord(newest, file), file, history).length === 0) return true;
      return await this.#locked(() => {
        const into = this.#current({ file, record: history[0]?.record });
        append(into, eventsOf(lastWord(into, file), file, history));
      });
    } catch (error) {
      this.#options.debug(`cannot write the journal: ${reasonOf(error)}`);
      return false;
    }
  }

  /** Its last word about each session file; where there is no journal yet, it is begun with what there is. */
  async words(): Promise<Map<string, SessionEvent> | undefined> {
    try {
      if (journalFiles(this.#layout).length === 0) {
        await this.#locked(() => void this.#current());
      }
      return lastWords(journalFiles(this.#layout).at(-1));
    } catch (error) {
      this.#options.debug(`cannot read the journal: ${reasonOf(error)}`);
      return undefined;
    }
  }

  async #locked(write: () => void): Promise<boolean> {
    const taken = await lock(this.#layout.journalLock, LOCK_MS);
    if (!taken) return false;
    try {
      write();
      return true;
    } finally {
      taken.release();
    }
  }

  /** The file to append to: a new one where there is none, or where it is full and another one can be made. */
  #current(first?: First): JournalFile {
    const files = journalFiles(this.#layout);
    const newest = files.at(-1);
    if (!newest) return this.#next(1, found(this.#layout, first));
    if (!isFull(newest, this.#options.fileBytes ?? FILE_BYTES)) return newest;
    try {
      const next = this.#next(newest.number + 1, [...lastWords(newest).values()]);
      for (const { path } of files.slice(0, 1 - FILES)) rmSync(path, { force: true });
      return next;
    } catch (error) {
      this.#options.debug(`cannot begin a file of the journal: ${reasonOf(error)}`);
      return newest;
    }
  }

  #next(number: number, words: SessionEvent[]): JournalFile {
    mkdirSync(this.#layout.journal, { recursive: true, mode: 0o700 });
    const file = journalFile(this.#layout, number);
    writeDurably(file.path, textOf(words.map((it) => ({ ...it, event: "standing", from: null }))));
    return file;
  }
}

/** What stood in the file that is about to be told of: what it holds by now is what is told. */
interface First {
  file: string;
  record: SessionRecord | undefined;
}

function found(layout: Layout, first: First | undefined): SessionEvent[] {
  const now = timestamp(new Date());
  return recordsOf(layout).flatMap(({ file, found }) => {
    const read = found.kind === "record" ? found.record : undefined;
    const record = file === first?.file ? first.record : read;
    return record ? [standing(record, file, now)] : [];
  });
}

function eventsOf(
  told: SessionEvent | undefined,
  file: string,
  history: readonly Past[],
): SessionEvent[] {
  const now = timestamp(new Date());
  const events: SessionEvent[] = [];
  for (const { record, left } of history) {
    for (const it of left ? settled(events.at(-1) ?? told, record, now) : [record]) {
      const event = eventBetween(events.at(-1) ?? told, it, { file, now });
      if (event) events.push(event);
    }
  }
  return events;
}

/** How each file begins does not count: with very many sessions that alone would fill it. */
function isFull({ path }: JournalFile, most: number): boolean {
  if (statSync(path).size <= most) return false;
  const text = readFileSync(path);
  const last = text.lastIndexOf('"event":"standing"');
  return text.length - (last < 0 ? 0 : text.indexOf(NEWLINE, last)) > most;
}

/** Whole lines only: what could be written of one that did not fit is taken back, and so is what a crash has cut. */
function append({ path }: JournalFile, events: SessionEvent[]): void {
  if (events.length === 0) return;
  const file = openSync(path, "a+", 0o600);
  try {
    const size = wholeSize(file, path);
    const bytes = Buffer.from(textOf(events));
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    } catch (error) {
      ftruncateSync(file, size);
      throw errors.unwritable(path, error);
    }
  } finally {
    closeSync(file);
  }
}

function wholeSize(file: number, path: string): number {
  const { size } = fstatSync(file);
  const end = Buffer.alloc(1);
  if (size === 0 || (readSync(file, end, 0, 1, size - 1) === 1 && end[0] === NEWLINE)) return size;
  const whole = readFileSync(path).lastIndexOf(NEWLINE) + 1;
  ftruncateSync(file, whole);
  return whole;
}

function textOf(events: SessionEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}
