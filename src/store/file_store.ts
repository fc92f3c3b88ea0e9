/**
 * The store as files, readable by the tool before this one.
 *
 * | lock | held for | by |
 * |---|---|---|
 * | `locks/store.lock` | one read-modify-write | whoever changes the index or opens or deletes a turn lock |
 * | `locks/turns/FILE.lock` | a whole turn | whoever runs it |
 *
 * Commit order: session file, then index, both when a session comes and when it goes. So a file without an
 * entry is an orphan or a cut-off start, and an entry without a file is a finished destroy.
 */
import { basename } from "node:path";
import { errors, reasonOf } from "../errors.ts";
import { removeDurably } from "../platform/durable_write.ts";
import type { MadeSession, SessionRecord } from "../session/record.ts";
import { foldRef, formatRef, type IssueRef, parseRef } from "../session/ref.ts";
import { allBases, baseOf, defaultBase, dropBase, putBase, standingBase } from "./bases.ts";
import { type Found, readEntry, readIndex, readSession, writeSession } from "./files.ts";
import { type Layout, layoutOf, prepareFolder } from "./layout.ts";
import { Journal } from "./journal.ts";
import { type HeldLock, holderOf, isHeld, lock, tryLock, whileFree } from "./lock.ts";
import type {
  Finding,
  Following,
  Hold,
  Listing,
  Named,
  Orphan,
  Overview,
  Store,
  StoredEvent,
  StoredSession,
} from "./mod.ts";
import { sessionPath } from "./records.ts";
import type { Index } from "./schemas.ts";
import { findOrphans, readListing, readOverview, storedSession } from "./stored_sessions.ts";
import { hasSession, holdOf } from "./turn_hold.ts";

/** How long a command waits for the store lock, which is held for milliseconds. */
const STORE_LOCK_SECONDS = 30;

export class FileStore implements Store {
  readonly folder: string;
  readonly #layout: Layout;
  readonly #journal: Journal;
  readonly #describe: () => string;
  readonly #debug: (text: string) => void;
  #prepared = false;

  /**
   * `holder` names this process to those who have to wait for it: `pid 123 (kugetsu start …)`. `debug` is told of
   * the folder and of waits for locks.
   */
  constructor(folder: string, holder: () => string, debug: (text: string) => void = () => {}) {
    this.folder = folder;
    this.#layout = layoutOf(folder);
    this.#describe = holder;
    this.#debug = debug;
    this.#journal = new Journal(this.#layout, { debug });
    debug(`state in ${folder}`);
  }

  list(): Promise<Listing> {
    return readListing(this.#layout);
  }

  async overview(issues?: readonly Named[]): Promise<Overview> {
    if (!issues) return await readOverview(this.#layout);
    const places = await Promise.all(issues.map((issue) => this.#entryOrPlace(issue)));
    return await readOverview(this.#layout, places);
  }

  base(): Promise<MadeSession | undefined> {
    return look(() => defaultBase(this.#layout));
  }

  bases(): Promise<MadeSession[]> {
    return look(() => allBases(this.#layout));
  }

  baseOf(repository: string): Promise<MadeSession | undefined> {
    return look(() => baseOf(this.#layout, repository));
  }

  standingBase(repository: string | undefined): Promise<MadeSession | undefined> {
    return look(() => standingBase(this.#layout, repository));
  }

  setBase(record: MadeSession, { replace }: { replace: boolean }): Promise<void> {
    return this.#changing(() => {
      const index = readIndex(this.#layout);
      const standing = replace ? undefined : standingBase(this.#layout, record.repository);
      if (standing) throw errors.baseExists(standing.opencode_session_id, record.repository);
      putBase(this.#layout, record, index);
    });
  }

  removeBase(repository?: string): Promise<boolean> {
    return this.#changing(() => dropBase(this.#layout, repository));
  }

  async find(issue: Named): Promise<StoredSession | undefined> {
    const entry = entryOf(readIndex(this.#layout), issue);
    return entry && await storedSession(this.#layout, entry.key, entry.file);
  }

  claim(ref: IssueRef): Promise<Hold> {
    return this.#locked(async () => {
      const index = readIndex(this.#layout);
      const entry = entryOf(index, ref);
      if (entry && !mayStart(readSession(this.#layout, entry.file))) {
        throw errors.sessionExists(entry.key);
      }
      const key = entry?.key ?? formatRef(ref);
      const file = entry?.file ?? await this.#fileFor(ref, index);
      return await this.#takeTurn(key, file, (taken) => {
        const found = readSession(this.#layout, file);
        if (found.kind === "record" && hasSession(found.record)) {
          throw errors.notIndexed(key, this.#layout.session(file));
        }
        return holdOf(this.#place, key, file, taken, found);
      });
    });
  }

  hold(issue: Named): Promise<Hold & { readonly record: SessionRecord }> {
    return this.#locked(async () => {
      const entry = entryOf(readIndex(this.#layout), issue);
      if (!entry) throw await this.#missing(refOf(issue));
      const { key, file } = entry;
      return await this.#takeTurn(key, file, (taken) => {
        const found = readEntry(this.#layout, key, file);
        if (found.kind === "record" && hasSession(found.record)) {
          return holdOf(this.#place, key, file, taken, found) as
            & Hold
            & { readonly record: SessionRecord };
        }
        if (found.kind !== "damaged") throw errors.noSession(key);
        throw errors.damagedRecord(this.#layout.session(file), found.why);
      });
    });
  }

  resume(issue: Named): Promise<Hold> {
    return this.#locked(async () => {
      const { key, file } = await this.#entryOrPlace(issue);
      return await this.#takeTurn(key, file, (taken) => {
        const found = readSession(this.#layout, file);
        if (found.kind !== "damaged") return holdOf(this.#place, key, file, taken, found);
        throw errors.damagedRecord(this.#layout.session(file), found.why);
      });
    });
  }

  async nameOf(issue: Named): Promise<string> {
    return basename((await this.#entryOrPlace(issue)).file, ".json");
  }

  orphans(): Promise<Orphan[]> {
    return findOrphans(this.#layout);
  }

  deleteOrphans(spared: readonly string[] = []): Promise<Orphan[]> {
    return this.#changing(async () => {
      const deleted: Orphan[] = [];
      for (const orphan of await this.orphans()) {
        if (spared.includes(orphan.file)) continue;
        await whileFree(this.#layout.turnLock(orphan.file), this.#holder, () => {
          removeDurably(this.#layout.session(orphan.file));
          deleted.push(orphan);
        });
      }
      return deleted;
    });
  }

  async examine(): Promise<Finding[]> {
    const { examineFiles } = await import("./checkup.ts");
    return await examineFiles(this.#layout);
  }

  async repair(): Promise<Finding[]> {
    const { repairFiles } = await import("./checkup.ts");
    return await this.#changing(() => repairFiles(this.#layout, this.#holder));
  }

  amend(key: string, change: (record: SessionRecord) => SessionRecord): Promise<boolean> {
    return this.#locked(async () => {
      const file = readIndex(this.#layout).issues[key];
      if (!file) return false;
      const { catchUp } = await import("./catch_up.ts");
      await catchUp(this.#place, [sessionPath(file)]);
      const changed = await whileFree(this.#layout.turnLock(file), this.#holder, () => {
        const found = readEntry(this.#layout, key, file);
        if (found.kind !== "record") return false;
        writeSession(this.#layout, file, change(found.record));
        return true;
      });
      await catchUp(this.#place, [sessionPath(file)]);
      return changed ?? false;
    });
  }

  async #entryOrPlace(issue: Named): Promise<{ key: string; file: string }> {
    const index = readIndex(this.#layout);
    const entry = entryOf(index, issue);
    if (entry) return entry;
    const ref = refOf(issue);
    return { key: formatRef(ref), file: await this.#fileFor(ref, index) };
  }

  async *events({ since, follow }: Following): AsyncGenerator<StoredEvent> {
    const { readEvents } = await import("./journal_reader.ts");
    const meanwhile = () => this.#tellMissed();
    await meanwhile();
    yield* readEvents(this.#layout, { since, follow, meanwhile });
  }

  /** The file of an issue that is not in the index: its own, or the one with a digest if that is taken. */
  async #fileFor(ref: IssueRef, index: Index): Promise<string> {
    const key = formatRef(ref);
    const names = await fileNames(ref);
    const used = new Set(Object.values(index.issues));
    for (const file of names) {
      const found = readSession(this.#layout, file);
      const ours = found.kind === "record" && foldRef(found.record.issue_ref ?? "") === key;
      if (!used.has(file) && (found.kind === "absent" || ours)) return file;
    }
    throw errors.fileTaken(this.#layout.session(names[0]!), "another issue");
  }

  /** Takes the turn lock, and gives it back where `use` throws: this process may live on. */
  async #takeTurn<T>(key: string, file: string, use: (taken: HeldLock) => T): Promise<T> {
    const path = this.#layout.turnLock(file);
    const taken = await tryLock(path, this.#holder);
    if (!taken) throw errors.turnRunning(key, holderOf(path));
    this.#debug(`turn lock of ${key} taken`);
    try {
      return use(taken);
    } catch (error) {
      taken.release({ remove: true });
      throw error;
    }
  }

  /** Why there is no session to hold: none, or one that is only being started. */
  async #missing(ref: IssueRef) {
    for (const file of await fileNames(ref)) {
      const path = this.#layout.turnLock(file);
      if (await isHeld(path)) return errors.turnRunning(formatRef(ref), holderOf(path));
    }
    return errors.noSession(formatRef(ref));
  }

  get #place() {
    return {
      layout: this.#layout,
      journal: this.#journal,
      holder: this.#holder,
      locked: <T>(change: () => T | Promise<T>) => this.#locked(change),
    };
  }

  get #holder(): string {
    return this.#describe();
  }

  /** What a crash kept from being told: looked for without a lock, and written under one. */
  async #tellMissed(): Promise<void> {
    try {
      const { catchUp, isUntold } = await import("./catch_up.ts");
      if (await isUntold(this.#layout)) await this.#locked(() => catchUp(this.#place));
    } catch (error) {
      this.#debug(`cannot complete the journal: ${reasonOf(error)}`);
    }
  }

  /** The same for what is written by `change`, and for what it is about to overwrite. */
  #changing<T>(change: () => T | Promise<T>): Promise<T> {
    return this.#locked(async () => {
      const { catchUp } = await import("./catch_up.ts");
      await catchUp(this.#place);
      const result = await Promise.resolve().then(change).catch(async (error) => {
        await catchUp(this.#place).catch(() => {}); // the first error matters
        throw error;
      });
      await catchUp(this.#place);
      return result;
    });
  }

  /** Runs `change` while no other process changes the store. */
  async #locked<T>(change: () => T | Promise<T>): Promise<T> {
    if (!this.#prepared) prepareFolder(this.#layout);
    this.#prepared = true;
    const path = this.#layout.storeLock;
    const began = performance.now();
    const taken = await lock(path, STORE_LOCK_SECONDS * 1000, this.#holder);
    this.#debug(`waited ${Math.round(performance.now() - began)} ms for the store lock`);
    if (!taken) throw errors.storeLocked(holderOf(path), STORE_LOCK_SECONDS);
    try {
      return await change();
    } finally {
      taken.release();
    }
  }
}

/** A look, as a promise: what it throws rejects. */
// deno-lint-ignore require-await
async function look<T>(read: () => T): Promise<T> {
  return read();
}

/** Loaded when needed: what makes names out of refs brings a digest along, which a listing has no use for. */
async function fileNames(ref: IssueRef): Promise<string[]> {
  const { fileNamesOf } = await import("../session/file_name.ts");
  return fileNamesOf(ref);
}

/** The index entry of an issue, however its key is spelled. The exact spelling goes first. */
function entryOf(index: Index, issue: Named): { key: string; file: string } | undefined {
  const key = typeof issue === "string" ? issue : formatRef(issue);
  if (Object.hasOwn(index.issues, key)) return { key, file: index.issues[key]! };
  const fold = foldRef(key);
  const folded = Object.entries(index.issues).find(([other]) => foldRef(other) === fold);
  return folded && { key: folded[0], file: folded[1] };
}

function refOf(issue: Named): IssueRef {
  return typeof issue === "string" ? parseRef(issue) : issue;
}

/** What a start may be made over: nothing, or a start that never got a session. */
function mayStart(found: Found): boolean {
  return found.kind === "absent" || (found.kind === "record" && !hasSession(found.record));
}
