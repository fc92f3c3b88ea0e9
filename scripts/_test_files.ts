/** Which files are tests, and which source file a test belongs to. Paths are relative, with slashes. */
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** The folders of a checkout that hold nothing of ours. */
const NOT_OURS = new Set(["node_modules", "dist", ".cache", ".git"]);

/** All that the runner runs: every `*.test.ts` below tests/. */
export async function testFiles(root: string): Promise<string[]> {
  const files = await filesBelow(root, "tests");
  return files.filter((file) => file.endsWith(".test.ts")).sort();
}

/** The files whose path contains one of the words; all of them without a word. */
export function selectFiles(files: string[], words: string[]): string[] {
  if (words.length === 0) return files;
  return files.filter((file) => words.some((word) => file.includes(word.replace(/^\.\//, ""))));
}

/** Whether someone who named a file like this meant it to be run as a test. */
export function looksLikeTest(file: string): boolean {
  return /[._](?:test|spec)\.[cm]?[jt]sx?$/.test(file);
}

export function isEndToEnd(file: string): boolean {
  return file.startsWith("tests/e2e/");
}

/** Those that boot a Debian, and are about what is done to one. */
export function isHost(file: string): boolean {
  return file.startsWith("tests/host/");
}

/**
 * The source files of which one must exist: `tests/store/lock.test.ts` tests `src/store/lock.ts`. A second
 * test of the same file puts a word in between: `lock.contention.test.ts`. Null for end-to-end tests, which
 * mirror nothing.
 */
export function sourcesOf(testFile: string): string[] | null {
  if (isEndToEnd(testFile)) return null;
  if (testFile.startsWith("tests/install/")) return ["install.sh"];
  if (isHost(testFile)) return ["skills/kugetsu/scripts/sshd-setup.sh"];
  const source = testFile.replace(/^tests\//, "").replace(/\.[^/]*test\.ts$/, ".ts");
  // First-party plugins stand beside src, and so do the scripts.
  const beside = /^(?:plugins|scripts)\//.test(source) ? [source] : [];
  return [`src/${source}`, ...beside];
}

/** Every file of the checkout that is ours, below `folder`. */
export async function filesBelow(root: string, folder = "."): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const found = await Promise.all(entries.map((entry) => {
    const path = relative(root, join(root, folder, entry.name)).split(sep).join("/");
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(root, path);
    return [path];
  }));
  return found.flat();
}
