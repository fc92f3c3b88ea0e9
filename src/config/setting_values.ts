/**
 * The kinds of values that settings have: how each is written, in the words of JSON Schema, and how it is read. A reader
 * gives the value, or throws an Error that says what would be right. Pure.
 */

export const MODEL = /^[^\s/-][^\s/]*\/\S+$/;
export const NAME = /^[^\s-]\S*$/;
export const ABSOLUTE = /^\/./;
export const SECONDS = /^\d+(?:\.\d+)?$/;
const PARTS = /^(?:\d+(?:\.\d+)?[smhd])+$/;
const WHOLE = /^[1-9]\d*$/;
/** Timers count milliseconds in 31 bits. */
const LONGEST_SECONDS = 24 * 24 * 3600;
/** No timer counts an age. */
export const GREATEST_AGE = 10_000 * 24 * 3600;

export const DURATION = {
  type: ["string", "number"],
  pattern: `${SECONDS.source}|${PARTS.source}`,
  exclusiveMinimum: 0,
  maximum: LONGEST_SECONDS,
};
export const AGE = { ...DURATION, maximum: GREATEST_AGE };
export const COUNT = { type: ["integer", "string"], minimum: 1, pattern: WHOLE.source };

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90`, `90s`, `5m`, `2h`, `1h30m` or `30d`, in seconds. */
export function readDuration(value: unknown, longest = LONGEST_SECONDS): number {
  const text = typeof value === "string" || typeof value === "number" ? `${value}`.trim() : "";
  if (!SECONDS.test(text) && !PARTS.test(text)) {
    throw new Error("a duration is a number of seconds, or like 90s, 5m, 1h30m, 30d");
  }
  const parts = [...text.matchAll(/([\d.]+)([smhd]?)/g)];
  const seconds = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNITS[unit || "s"]!,
    0,
  );
  if (seconds <= 0) throw new Error("it has to be more than nothing");
  if (seconds > longest) {
    throw new Error(`the longest is ${longest / 3600}h (${longest / UNITS["d"]!} days)`);
  }
  return seconds;
}

export function readOneOf<T extends string>(words: readonly T[], value: unknown): T {
  const found = words.find((it) => it === value);
  if (found) return found;
  throw new Error(`it is ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
}

export function readCount(value: unknown): number {
  const count = typeof value === "string" && WHOLE.test(value) ? Number(value) : value;
  if (Number.isSafeInteger(count) && (count as number) >= 1) return count as number;
  throw new Error("it is a whole number, 1 or more");
}

export function readAmount(value: unknown): number {
  const amount = typeof value === "string" && SECONDS.test(value) ? Number(value) : value;
  if (Number.isFinite(amount) && (amount as number) > 0) return amount as number;
  throw new Error("it is an amount of dollars, such as 2.50");
}

export function readPath(value: unknown): string {
  if (typeof value === "string" && ABSOLUTE.test(value)) return value;
  throw new Error("a file is named by its whole path");
}

/** A list; or, as a variable and the command line have it, one in JSON, or text with commas. */
export function readNames(value: unknown): readonly string[] {
  const names = typeof value === "string" ? namesIn(value) : value;
  if (!Array.isArray(names) || !names.every((it) => typeof it === "string" && it !== "")) {
    throw new Error("it is a list of files, or their names with commas between them");
  }
  const pattern = names.find((it) => /[*?]/.test(it));
  if (pattern === undefined) return names;
  throw new Error("each file is named as it is; there are no patterns with * and ?");
}

function namesIn(text: string): unknown {
  if (!text.trimStart().startsWith("[")) return text.split(",").map((it) => it.trim());
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function readCommand(value: unknown): string {
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new Error("it is a command for the shell");
}

export function readModel(value: unknown): string {
  if (typeof value === "string" && MODEL.test(value)) return value;
  throw new Error("a model is written provider/model");
}

export function readName(value: unknown): string {
  if (typeof value === "string" && NAME.test(value)) return value;
  throw new Error("an agent is a name without spaces");
}
