/**
 * How often a test that hunts for rare failures repeats itself: `rounds(10, 1000)` is 10 in `deno task test`,
 * which CI can wait for, and 1000 in `deno task torture`, which runs exactly the files that import this one.
 */
import process from "node:process";

export function rounds(usual: number, torture: number): number {
  return process.env.KUGETSU_TORTURE === "1" ? torture : usual;
}
