/** A moment as a person writes it: how long ago, a time of today, or a date with a time. */
import { readDuration } from "../config/mod.ts";
import { errors } from "../errors.ts";

const CLOCK = /^\d{1,2}:\d{2}(:\d{2})?$/;
const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** In milliseconds, as Date has it. `now` is a time as records have it. @throws usage */
export function momentOf(text: string, now: string): number {
  const typed = text.trim();
  const date = CLOCK.test(typed)
    ? Date.parse(`${now.slice(0, 10)}T${typed.padStart(typed.length < 6 ? 5 : 8, "0")}`)
    : DATE.test(typed) && isDay(typed)
    // A date alone would be taken for midnight in Greenwich.
    ? Date.parse(typed.length === 10 ? `${typed}T00:00` : typed.replace(" ", "T"))
    : Date.parse(now) - secondsOf(typed) * 1000;
  if (Number.isNaN(date)) throw notAMoment(text);
  return date;
}

/** Date takes the 30th of February for the 2nd of March. */
function isDay(date: string): boolean {
  const [year, month, day] = date.slice(0, 10).split("-").map(Number);
  return day! <= new Date(Date.UTC(year!, month!, 0)).getUTCDate();
}

function secondsOf(text: string): number {
  try {
    return readDuration(text);
  } catch {
    throw notAMoment(text);
  }
}

function notAMoment(text: string) {
  return errors.usage(`Cannot read the time ${JSON.stringify(text)}`, {
    hint: "write 10m or 2h for so long ago, 18:03 for today, or 2026-11-22T18:03",
  });
}
