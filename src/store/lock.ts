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

/** A lock that this process holds. */
export interface HeldLock {
  /** Gives the lock up; with `remove`, deletes its file first (see above for who may). */
  release(options?: { remove: boolean }): void;
}

/** How long a taker goes on when somebody only looked. */
const GLANCE_MS = 60;
const POLL_MS = { least: 1, most: 12 };

const held = new Set<DatabaseSync>();

/**
 * Takes the lock within `waitMs`, or returns undefined. `holder` describes this process for those who wait;
 * it is kept beside the lock and is a hint only.
 */
export async function lock(
  path: string,
  waitMs: number,
  holder: string,
): Promise<HeldLock | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  const deadline = performance.now() + waitMs;
  while (!begin(database, "BEGIN EXCLUSIVE")) {
    if (performance.now() >= deadline) {
      database.close();
      return undefined;
    }
    await pause();
  }
  held.add(database);
  tryTo(() => writeFileSync(holderPath(path), holder, { mode: 0o600 }));
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
  return lock(path, GLANCE_MS, holder);
}

/** Whether somebody holds the lock now. */
export async function isHeld(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const { DatabaseSync } = await import("node:sqlite");
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return !begin(database, "SELECT 1 FROM sqlite_schema");
    } finally {
      database.close();
    }
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
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

function begin(database: DatabaseSync, statement: string): boolean {
  try {
    database.exec(statement);
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

function isMissing(error: unknown): boolean {
  return /unable to open/.test(String(error));
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
