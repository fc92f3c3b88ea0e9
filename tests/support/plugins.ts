/** Plugins in a state folder, trusted without having been run: for those that could never be added. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Declared } from "../../src/plugins/mod.ts";
import { digestOf, TrustFiles } from "../../src/plugins/trust.ts";

export async function trustPlugin(
  state: string,
  file: string,
  content: string,
  declared: Partial<Declared> & { name: string },
): Promise<string> {
  const folder = join(state, "plugins");
  await mkdir(folder, { recursive: true });
  const path = join(folder, file);
  await writeFile(path, content, { mode: 0o755 });
  new TrustFiles(folder).write({
    declared: { env: [], comments: false, forges: [], hooks: {}, ...declared },
    path: file,
    sha256: digestOf(path),
    source: "/a/test",
    enabled: true,
  });
  return path;
}

/** One that does its work, and keeps how often in a file of its folder. */
export const GOOD = `
import { appendFileSync } from "node:fs";
export default {
  name: "good",
  apiVersion: 1,
  hooks: {
    "pre-start": { order: "first", run: ({ message }) => {
      appendFileSync("ran", "pre-start\\n");
      return { message: message + ", please" };
    } },
    outcome: ({ outcome }) => appendFileSync("ran", outcome.kind + "\\n"),
  },
};
`;

export const GOOD_DECLARED = {
  name: "good",
  hooks: { "pre-start": { order: "first" as const }, outcome: {} },
};
