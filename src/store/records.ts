/** All session files, bases among them, by their path in the state folder. */
import { BASE_FILE, filesIn, type Layout } from "./layout.ts";
import { type Found, readSession } from "./files.ts";
import { baseFiles, readBase } from "./bases.ts";

export interface RecordFile {
  /** `sessions/NAME.json`, or `bases/NAME.json`. */
  file: string;
  found: Found;
}

export function recordsOf(layout: Layout): RecordFile[] {
  const bases = baseFiles(layout).map((name) => `bases/${name}`);
  return [...filesIn(layout.sessions, ".json").map(sessionPath), ...bases]
    .map((file) => ({ file, found: recordAt(layout, file) }));
}

export function recordAt(layout: Layout, file: string): Found {
  const name = file.slice(file.indexOf("/") + 1);
  return isSession(file) ? readSession(layout, name) : readBase(layout, name);
}

export function sessionPath(name: string): string {
  return `sessions/${name}`;
}

/** The name of an issue's session file, whose turns have a lock; undefined for a base. */
export function issueFileOf(file: string): string | undefined {
  const name = file.slice("sessions/".length);
  return isSession(file) && name !== BASE_FILE ? name : undefined;
}

function isSession(file: string): boolean {
  return file.startsWith("sessions/");
}
