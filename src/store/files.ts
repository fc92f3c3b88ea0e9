/** Reading and writing the index and the session files. A reader takes no lock: files change by rename. */
import { readFileSync, statSync } from "node:fs";
import { errors } from "../errors.ts";
import { writeDurably } from "../platform/durable_write.ts";
import type { SessionRecord } from "../session/record.ts";
import { foldRef } from "../session/ref.ts";
import { BASE_FILE, filesIn, type Layout } from "./layout.ts";
import { type Index, type Parsed, parseIndex, parseRecord } from "./schemas.ts";

/** A session file as found: absent, damaged, or a record. */
export type Found =
  | { kind: "absent" }
  | { kind: "damaged"; why: string }
  | { kind: "record"; record: SessionRecord };

/**
 * The text of a file, or why it is none; undefined where there is nothing. A pipe or a device is not read: that might
 * never end. @throws unreadable
 */
export function readText(path: string): Parsed<string> | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return undefined;
    if (!stats.isFile()) {
      return {
        ok: false,
        why: stats.isDirectory() ? "it is a folder" : "it is not a regular file",
      };
    }
    return { ok: true, value: readFileSync(path, "utf8") };
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw errors.unreadable(path, cause);
  }
}

/** What the text of a file says. @throws unreadable */
export function readParsed<T>(
  path: string,
  parse: (text: string) => Parsed<T>,
): Parsed<T> | undefined {
  const text = readText(path);
  return text?.ok ? parse(text.value) : text;
}

export function readSession(layout: Layout, file: string): Found {
  const parsed = readParsed(layout.session(file), parseRecord);
  if (!parsed) return { kind: "absent" };
  return parsed.ok
    ? { kind: "record", record: parsed.value }
    : { kind: "damaged", why: parsed.why };
}

/** The file behind an index entry; one that speaks of another issue counts as damaged. */
export function readEntry(layout: Layout, key: string, file: string): Found {
  const found = readSession(layout, file);
  if (found.kind !== "record") return found;
  const says = found.record.issue_ref ?? "no issue";
  if (says === key || foldRef(says) === foldRef(key)) return found;
  return { kind: "damaged", why: `it holds the session of "${says}"` };
}

export function writeSession(layout: Layout, file: string, record: SessionRecord): void {
  writeDurably(layout.session(file), toJson(record));
}

/**
 * The index, or why it cannot be used. A folder without index and without session files is simply new; one
 * with session files has lost its index.
 */
export function inspectIndex(layout: Layout): Parsed<Index> {
  const read = readParsed(layout.index, parseIndex);
  if (read) return read;
  if (filesIn(layout.sessions, ".json").length === 0) {
    return { ok: true, value: { base: null, issues: {} } };
  }
  // The first session may have come since: its index was there before it.
  const since = readParsed(layout.index, parseIndex);
  return since ?? { ok: false, why: "it is missing, but there are session files" };
}

/** @throws index-damaged */
export function readIndex(layout: Layout): Index {
  const parsed = inspectIndex(layout);
  if (!parsed.ok) throw errors.indexDamaged(layout.index, parsed.why);
  return parsed.value;
}

export function writeIndex(layout: Layout, index: Index): void {
  writeDurably(layout.index, toJson(index));
}

/** All session files but the base's. */
export function sessionFiles(layout: Layout): string[] {
  return filesIn(layout.sessions, ".json").filter((file) => file !== BASE_FILE);
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** To be called with the store lock held, like every change of the index. */
export function setEntry(layout: Layout, key: string, file: string): void {
  const index = readIndex(layout);
  writeIndex(layout, { ...index, issues: { ...index.issues, [key]: file } });
}

export function removeEntry(layout: Layout, key: string): void {
  const index = readIndex(layout);
  if (!(key in index.issues)) return;
  const { [key]: _, ...issues } = index.issues;
  writeIndex(layout, { ...index, issues });
}
