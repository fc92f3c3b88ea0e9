/** What a crash left untold: the records are compared with the journal's last words about them. */
import { eventBetween, type SessionEvent, settled } from "../session/event.ts";
import { type SessionRecord, timestamp } from "../session/record.ts";
import type { Found } from "./files.ts";
import type { Journal } from "./journal.ts";
import { journalFiles, lastWords } from "./journal_files.ts";
import type { Layout } from "./layout.ts";
import { isHeld, whileFree } from "./lock.ts";
import { issueFileOf, recordAt, recordsOf } from "./records.ts";

/** Whether there is something to be told of. Takes no lock: it may have been told of since. */
export async function isUntold(layout: Layout): Promise<boolean> {
  const newest = journalFiles(layout).at(-1);
  if (!newest) return recordsOf(layout).length > 0;
  return (await untold(layout, lastWords(newest))).length > 0;
}

/**
 * Tells what has not been told of these files, or of all. A turn under way is left to whoever runs it; one that nobody
 * runs any more is told as interrupted. To be called with the store lock held.
 */
export async function catchUp(
  { layout, journal, holder }: { layout: Layout; journal: Journal; holder: string },
  files?: readonly string[],
): Promise<void> {
  for (const file of files ?? await untold(layout, await journal.words())) {
    const name = issueFileOf(file);
    const read = () => recordAt(layout, file);
    const found = name ? await whileFree(layout.turnLock(name), holder, read) : read();
    if (found && found.kind !== "damaged") {
      await journal.tell(file, [{ record: recordIn(found), left: true }]);
    }
  }
}

/** The files of which the journal's last word is not what is so; none where it cannot be read. */
async function untold(
  layout: Layout,
  words: Map<string, SessionEvent> | undefined,
): Promise<string[]> {
  if (!words) return [];
  const records = new Map(recordsOf(layout).map(({ file, found }) => [file, found]));
  const result: string[] = [];
  for (const file of new Set([...words.keys(), ...records.keys()])) {
    const found = records.get(file) ?? { kind: "absent" };
    if (found.kind === "damaged") continue;
    const [told, now] = [words.get(file), timestamp(new Date())];
    const record = settled(told, recordIn(found), now).at(-1);
    if (!eventBetween(told, record, { file, now })) continue;
    const name = issueFileOf(file);
    if (!name || !await isHeld(layout.turnLock(name))) result.push(file);
  }
  return result;
}

function recordIn(found: Found): SessionRecord | undefined {
  return found.kind === "record" ? found.record : undefined;
}
