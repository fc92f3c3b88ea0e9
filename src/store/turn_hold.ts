/** The right to one issue's turn: how its record and its index entry come and go while the turn lock is held. */
import { basename } from "node:path";
import { removeDurably } from "../platform/durable_write.ts";
import type { MadeSession, SessionRecord } from "../session/record.ts";
import { isActive } from "../session/state.ts";
import { type Found, inspectIndex, removeEntry, setEntry, writeSession } from "./files.ts";
import type { Journal, Past } from "./journal.ts";
import type { Layout } from "./layout.ts";
import type { HeldLock } from "./lock.ts";
import type { Hold } from "./mod.ts";
import { sessionPath } from "./records.ts";

/** Where the files are, and how to change the index while nobody else does. */
interface Place {
  layout: Layout;
  journal: Journal;
  locked<T>(change: () => T | Promise<T>): Promise<T>;
}

export function holdOf(
  place: Place,
  key: string,
  file: string,
  taken: HeldLock,
  found: Found,
): Hold {
  const { layout, journal, locked } = place;
  let record = found.kind === "record" ? found.record : undefined;
  // What was found may not have been told either: whoever wrote it may have been killed right after.
  const untold: Past[] = [{ record, left: true }];
  const tell = async () => {
    if (await journal.tell(sessionPath(file), untold)) untold.length = 0;
  };
  const put = async (next: SessionRecord) => {
    await tell();
    writeSession(layout, file, next);
    record = next;
    untold.push({ record: next });
    await tell();
  };
  return {
    key,
    name: basename(file, ".json"),
    get record() {
      return record;
    },
    save: async (next) => {
      if (next.opencode_session_id === null) return put(next);
      // Until the index has the session, its file says that the turn is under way: what comes to an end in
      // between is an unfinished start, which the doctor adopts, and no orphan.
      if (!hasSession(record)) await put(isActive(next) ? next : { ...next, state: "running" });
      await enter(place, key, file);
      if (record !== next) await put(next);
    },
    remove: () =>
      locked(async () => {
        await tell();
        removeDurably(layout.session(file));
        removeEntry(layout, key);
        untold.push({ record: undefined });
        await tell();
        taken.release({ remove: true });
      }),
    release: async () => {
      await locked(() => taken.release({ remove: true })).catch(() => taken.release());
    },
  };
}

/** Puts a session in the index. Entries are only ever removed by the holder, so one look is enough. */
async function enter({ layout, locked }: Place, key: string, file: string): Promise<void> {
  const inspected = inspectIndex(layout);
  if (inspected.ok && inspected.value.issues[key] === file) return;
  await locked(() => setEntry(layout, key, file));
}

export function hasSession(record: SessionRecord | undefined): record is MadeSession {
  return typeof record?.opencode_session_id === "string";
}
