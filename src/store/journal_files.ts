/**
 * The journal's files: `journal/NUMBER-TAG.jsonl`, one event a line, the highest number being written to.
 *
 * A file begins with the state in which it found each session (`standing`), so that the last word about any of them is
 * always in the newest file. The tag tells a journal from one that was deleted and begun anew.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SessionEvent } from "../session/event.ts";
import { readText } from "./files.ts";
import { filesIn, type Layout } from "./layout.ts";
import { parseEvent } from "./schemas.ts";

export interface JournalFile {
  name: string;
  number: number;
  path: string;
}

const NEWLINE = 10;
const NAME = /^(\d{6,})-[0-9a-f]{6}\.jsonl$/;
const NAMED = /^(\d{6,}-[0-9a-f]{6})-(\d{1,15})$/;

/** Oldest first. */
export function journalFiles(layout: Layout): JournalFile[] {
  return filesIn(layout.journal, ".jsonl").flatMap((file) => {
    const number = NAME.exec(file)?.[1];
    const name = file.slice(0, -".jsonl".length);
    return number ? [{ name, number: Number(number), path: join(layout.journal, file) }] : [];
  }).sort((a, b) => a.number - b.number);
}

export function journalFile(layout: Layout, number: number): JournalFile {
  const name = `${String(number).padStart(6, "0")}-${crypto.randomUUID().slice(0, 6)}`;
  return { name, number, path: join(layout.journal, `${name}.jsonl`) };
}

/** A place in the journal, for users: what comes behind it is what they have not seen. */
export function cursorOf({ name }: JournalFile, offset: number): string {
  return `${name}-${offset}`;
}

export function parseCursor(text: string): { name: string; offset: number } | undefined {
  const [, name, offset] = NAMED.exec(text) ?? [];
  return name && offset ? { name, offset: Number(offset) } : undefined;
}

/** What the newest file says last of each session file. */
export function lastWords(newest: JournalFile | undefined): Map<string, SessionEvent> {
  const words = new Map<string, SessionEvent>();
  const read = newest && readText(newest.path);
  const text = read?.ok ? read.value : "";
  // What is behind the last line's end was cut off: whoever appends next takes it away.
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    const event = parseEvent(line);
    if (event?.event === "removed") words.delete(event.file);
    else if (event) words.set(event.file, event);
  }
  return words;
}

/** The same for one of them, without reading the rest: no text can hold the quotes of a field's name. */
export function lastWord({ path }: JournalFile, file: string): SessionEvent | undefined {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(NEWLINE);
  const at = bytes.subarray(0, end + 1).lastIndexOf(`"file":${JSON.stringify(file)}`);
  if (at < 0) return undefined;
  const start = bytes.lastIndexOf(NEWLINE, at) + 1;
  return parseEvent(bytes.toString("utf8", start, bytes.indexOf(NEWLINE, at)));
}
