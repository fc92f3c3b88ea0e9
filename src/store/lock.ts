/**
 * Locks that the kernel forgets when their holder dies, the same under every runtime.
 *
 * A lock is an exclusive transaction on an SQLite database that is never written, so the file stays empty.
 * Calling sequence: `tryLock` or `lock`, then `release` exactly once. A held lock is kept referenced here:
 * a database that is garbage-collected gives its lock up in silence.
 *
 * The file of a turn lock is opened and deleted only by whoever holds the store lock, so nobody ever locks
 * a file that is no longer in the folder. `isHeld` may look at any time: it takes a shared lock for an
 * instant, which a taker survives because it tries for longer than that.
 */
import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { errors } from "../errors.ts";

/** A lock that this process holds. */
export interface HeldLock {
  /** Gives the lock up; with `remove`, deletes its file first (see above for who may). */
  release(options?: { remove: boolean }): void;
}

/** How long a taker puts up with those who only look: one of them may be put to sleep in the middle of it. */
const LOOKERS_MS = 5000;
const POLL_MS = { least: 1, most: 12 };

/**
 * Without the first, SQLite writes a journal beside the lock: a full disk or kill -9 would be felt. The last is
 * never written either; it fails where the file could be opened for reading only, in which case SQLite says
 * yes to an exclusive transaction and locks nothing.
 */
const TAKE = "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 1";
const LOOK = "SELECT 1 FROM sqlite_schema";

const held = new Set<DatabaseSync>();

/**
 * Takes the lock within `waitMs`, or returns undefined. `holder` describes this process for those who wait;
 * it is kept beside the lock and is a hint only, which a lock that is held for an instant does without.
 */
export async function lock(
  path: string,
  waitMs: number,
  holder?: string,
): Promise<HeldLock | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  makeFile(path);
  const database = opened(path, () => new DatabaseSync(path));
  try {
    if (!await take(database, waitMs)) {
      database.close();
      return undefined;
    }
  } catch (cause) {
    database.close();
    throw errors.unwritable(path, cause);
  }
  held.add(database);
  if (holder) tryTo(() => writeFileSync(holderPath(path), holder, { mode: 0o600 }));
  return {
    release({ remove } = { remove: false }) {
      if (!held.delete(database)) return;
      if (remove) {
        tryTo(() => unlinkSync(holderPath(path)));
        tryTo(() => unlinkSync(path));
      }
      database.close();
    },
  };
}

/** Takes the lock at once, or returns undefined when somebody holds it. */
export function tryLock(path: string, holder: string): Promise<HeldLock | undefined> {
  return lock(path, 0, holder);
}

/** Whether somebody holds the lock now. */
export async function isHeld(path: string): Promise<boolean> {
  for (let tries = 1;; tries++) {
    if (!existsSync(path)) return false;
    const { DatabaseSync } = await import("node:sqlite");
    try {
      const database = new DatabaseSync(path, { readOnly: true });
      try {
        return !begin(database, LOOK);
      } finally {
        database.close();
      }
    } catch (cause) {
      // It may have been deleted, and even made anew, since it was seen to be there.
      if (tries === 3) throw errors.unreadable(path, cause);
    }
  }
}

/** Who said to hold the lock: `pid 123 (kugetsu start …)`, or "another process". */
export function holderOf(path: string): string {
  try {
    return readFileSync(holderPath(path), "utf8") || "another process";
  } catch {
    return "another process";
  }
}

/**
 * An existing file is not even opened: closing it would make the kernel forget every lock that this process
 * has on it.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "ax", 0o600));
  } catch (cause) {
    if ((cause as { code?: string }).code !== "EEXIST") throw errors.unwritable(path, cause);
  }
}

/** @throws unwritable */
function opened(path: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open();
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}

/** Whether the lock could be had in time. Whoever only looks does not count as a holder. */
async function take(database: DatabaseSync, waitMs: number): Promise<boolean> {
  const began = performance.now();
  while (!begin(database, TAKE)) {
    const waited = performance.now() - began;
    const patience = begin(database, LOOK) ? Math.max(waitMs, LOOKERS_MS) : waitMs;
    if (waited >= patience) return false;
    await pause();
  }
  return true;
}

function begin(database: DatabaseSync, statement: string): boolean {
  try {
    // Deno waits for seconds when the file was opened for reading only, and keeps everything else waiting.
    database.exec(`PRAGMA busy_timeout = 0; ${statement}`);
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

/** Only the message is the same in every runtime; the error number is not always there. */
function isBusy(error: unknown): boolean {
  return /database is locked/.test(String(error));
}

function holderPath(path: string): string {
  return `${path}.holder`;
}

function pause(): Promise<void> {
  const ms = POLL_MS.least + Math.random() * (POLL_MS.most - POLL_MS.least);
  return new Promise((later) => setTimeout(later, ms));
}

/** For what is only a courtesy to others: a full disk must not keep us from locking. */
function tryTo(action: () => void): void {
  try {
    action();
  } catch { /* the holder's name is then unknown */ }
}

/** Does something under a turn's lock and deletes the lock; undefined, and nothing done, where it is held. */
export async function whileFree<T>(
  path: string,
  holder: string,
  action: () => T,
): Promise<T | undefined> {
  const taken = await tryLock(path, holder);
  if (!taken) return undefined;
  try {
    return action();
  } finally {
    taken.release({ remove: true });
  }
}
