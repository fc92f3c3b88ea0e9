/**
 * Reading the journal, each event once. No lock is taken: only whole lines count, they stay where they are, and nobody
 * writes to a file any more once there is a newer one.
 *
 * Before an event is handed out, its file is flushed: whoever has seen it will find its cursor even after a power cut,
 * and what nobody has seen may be lost, since the record still says it.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  type FSWatcher,
  openSync,
  readSync,
  watch,
} from "node:fs";
import { errors } from "../errors.ts";
import { cursorOf, type JournalFile, journalFiles, parseCursor } from "./journal_files.ts";
import type { Layout } from "./layout.ts";
import type { Following, StoredEvent } from "./mod.ts";
import { parseEvent } from "./schemas.ts";

/** The system tells of most changes at once; where it cannot, they are seen this much later. */
const POLL_MS = 1000;
/** How often a follower has what was missed looked for. */
const MISSED_MS = 30_000;
const NEWLINE = 10;

interface Place {
  file: JournalFile;
  offset: number;
}

interface Reading extends Following {
  /** Tells what a crash kept from being told. */
  meanwhile(): Promise<void>;
}

export async function* readEvents(
  layout: Layout,
  { since, follow, meanwhile }: Reading,
): AsyncGenerator<StoredEvent> {
  let at = since === undefined ? undefined : placeOf(layout, since);
  let began = at?.file.name;
  let looked = Date.now();
  const changes = follow ? new Changes(layout.journal) : undefined;
  try {
    do {
      const files = journalFiles(layout);
      if (at && !files.some((it) => it.name === at?.file.name)) {
        throw errors.noCursor(cursorOf(at.file, at.offset));
      }
      for (const file of files) {
        if (file.number < (at?.file.number ?? 0)) continue;
        began ??= file.name;
        if (at?.file.name !== file.name) at = { file, offset: 0 };
        for (const { event, offset } of eventsAt(at)) {
          at = { file, offset };
          // How a file begins is news only to whoever begins there.
          if (event && (event.event !== "standing" || file.name === began)) {
            const { v, ...rest } = event;
            yield { v, cursor: cursorOf(file, offset), ...rest };
          }
        }
      }
      await changes?.next();
      if (!follow || Date.now() - looked < MISSED_MS) continue;
      looked = Date.now();
      await meanwhile();
    } while (follow);
  } finally {
    changes?.close();
  }
}

/** @throws bad-cursor, no-cursor */
function placeOf(layout: Layout, cursor: string): Place {
  const parsed = parseCursor(cursor);
  if (!parsed) throw errors.badCursor(cursor);
  const { name, offset } = parsed;
  const file = journalFiles(layout).find((it) => it.name === name);
  if (!file) throw errors.noCursor(cursor);
  const [before] = offset > 0 ? bytesAt({ file, offset: offset - 1 }, 1) : [NEWLINE];
  if (before !== NEWLINE) throw errors.badCursor(cursor);
  return { file, offset };
}

/** The whole lines behind a place, each with the place behind it; no event for what is none. */
function* eventsAt({ file, offset }: Place) {
  const bytes = bytesAt({ file, offset });
  for (let start = 0, end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
    const event = parseEvent(bytes.toString("utf8", start, end));
    yield { event, offset: offset + end + 1 };
  }
}

/** @throws unreadable */
function bytesAt({ file: { path }, offset }: Place, most = Infinity): Buffer {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(Math.max(0, Math.min(fstatSync(file).size - offset, most)));
      const read = bytes.length && readSync(file, bytes, 0, bytes.length, offset);
      if (read > 0) fdatasyncSync(file);
      return bytes.subarray(0, read);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw errors.unreadable(path, cause);
  }
}

/** Waits for something to happen in a folder. Nothing that happens between two waits is lost. */
class Changes {
  readonly #folder: string;
  #watcher: FSWatcher | undefined;
  #seen = true;
  #wake = () => {};

  constructor(folder: string) {
    this.#folder = folder;
  }

  async next(): Promise<void> {
    this.#watcher ??= this.#watch();
    if (!this.#seen) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#seen = false;
  }

  close(): void {
    this.#watcher?.close();
  }

  /** Undefined where it cannot be had: the folder may not be there yet, or the system has too many. */
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#folder, () => {
        this.#seen = true;
        this.#wake();
      });
      return watcher.on("error", () => watcher.close());
    } catch {
      return undefined;
    }
  }
}
