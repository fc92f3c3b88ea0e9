/** The word of a list that was probably meant; undefined when none is close. */
import { closest, distance } from "fastest-levenshtein";

export function nearest(typed: string, words: readonly string[]): string | undefined {
  const best = closest(typed, words);
  return distance(typed, best) <= Math.max(2, best.length * 0.4) ? best : undefined;
}
