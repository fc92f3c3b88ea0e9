/**
 * How often a test that hunts for rare failures repeats itself: `rounds(10, 1000)` is 10 in `deno task test`,
 * which CI can wait for, and 1000 in `deno task torture`, which runs exactly the files that import this one.
 */
import process from "node:process";

export function rounds(usual: number, torture: number): number {
  return process.env.KUGETSU_TORTURE === "1" ? torture : usual;
}

/** In another order each time, so that many short runs try all. */
export function shuffled<T>(cases: readonly T[]): T[] {
  const drawn = cases.map((it) => ({ it, at: Math.random() }));
  return drawn.sort((a, b) => a.at - b.at).map(({ it }) => it);
}

/** A number below `count`: where to begin with every `count`-th of many, so that many short runs try all. */
export function drawn(count: number): number {
  return Math.floor(Math.random() * count);
}
