/**
 * Files that are either old or new, never half, and that are still there after a power cut.
 *
 * A write makes an exclusive temporary file beside the target, writes every byte, fsyncs it, renames it over
 * the target and fsyncs the folder. When anything before the rename fails, the temporary file is removed
 * and the target is as it was. When only the folder's fsync fails, the new content is in place and the
 * error says that its durability is uncertain. The calls are synchronous: each takes a few milliseconds, and
 * a signal handler can then never see the middle of one.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errors } from "../errors.ts";

/** Temporary files end so; whoever finds one without a live writer may delete it. */
export const TEMPORARY_SUFFIX = ".tmp";

/**
 * Puts `content` in `path`, mode 0600.
 *
 * @throws unwritable (the old content is in place), durability-uncertain (the new content is in place)
 */
export function writeDurably(path: string, content: string | Uint8Array): void {
  replace(path, content, writeNew);
  syncFolder(dirname(path), path);
}

/** The same for what a power cut may take: it waits for no disk. @throws unwritable */
export function writeWhole(path: string, content: string): void {
  replace(path, content, (temporary, bytes) => {
    writeFileSync(temporary, bytes, { flag: "wx", mode: 0o600 });
  });
}

function replace(
  path: string,
  content: string | Uint8Array,
  write: (temporary: string, bytes: Uint8Array) => void,
): void {
  const temporary = join(
    dirname(path),
    `.${basename(path).slice(0, 100)}.${process.pid}.${
      crypto.randomUUID().slice(-12)
    }${TEMPORARY_SUFFIX}`,
  );
  try {
    write(temporary, typeof content === "string" ? Buffer.from(content) : content);
    renameSync(temporary, path);
  } catch (cause) {
    tryUnlink(temporary);
    throw errors.unwritable(path, cause);
  }
}

/** Deletes `path` so that it stays deleted. One that is already gone is fine. */
export function removeDurably(path: string): void {
  try {
    unlinkSync(path);
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return;
    throw errors.unwritable(path, cause);
  }
  syncFolder(dirname(path), path);
}

/** Writes a new file whole and flushes it, without renaming: for backups beside the original. */
export function writeNew(path: string, content: Uint8Array): void {
  const file = openSync(path, "wx", 0o600);
  try {
    let written = 0;
    while (written < content.length) {
      written += writeSync(file, content, written, content.length - written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(folder: string, path: string): void {
  try {
    const handle = openSync(folder, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    throw errors.uncertain(path, cause);
  }
}

function tryUnlink(path: string): void {
  try {
    unlinkSync(path);
  } catch { /* it was never made, or the disk is beyond help: the first error matters */ }
}
