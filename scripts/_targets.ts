/** What a release has executables for: its own name, as install.sh works it out, and Bun's name of it. */

export interface Target {
  name: string;
  bun: string;
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", bun: "bun-linux-x64" },
  // Without the AVX2 instructions, which processors from before about 2013 lack. Bun 1.4.5 has the same for both.
  { name: "linux-x64-baseline", bun: "bun-linux-x64-baseline" },
  { name: "linux-arm64", bun: "bun-linux-arm64" },
  { name: "linux-x64-musl", bun: "bun-linux-x64-musl" },
  { name: "linux-arm64-musl", bun: "bun-linux-arm64-musl" },
  { name: "darwin-arm64", bun: "bun-darwin-arm64" },
  { name: "darwin-x64", bun: "bun-darwin-x64" },
];

/** Those whose name contains one of the words; all without a word. */
export function selectTargets(words: readonly string[]): Target[] {
  const unknown = words.filter((word) => !TARGETS.some((it) => it.name.includes(word)));
  if (unknown.length > 0) throw new Error(`There is no target "${unknown[0]}"`);
  return TARGETS.filter((it) => words.length === 0 || words.some((word) => it.name.includes(word)));
}
