/** What the scripts share that make a page of docs/ from the source. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "./_checkout.ts";
import { run } from "./_run.ts";

/** The text as `deno fmt` has it, so that a made file passes the checks that a written one does. */
export async function formatted(extension: "md" | "json", text: string): Promise<string> {
  const args = ["fmt", `--config=${join(ROOT, "deno.json")}`, `--ext=${extension}`, "-"];
  const { code, stdout, stderr } = await run(process.execPath, args, { input: text });
  if (code !== 0) throw new Error(`deno fmt failed: ${stderr}`);
  return stdout;
}

/** `path` is relative to the checkout. */
export async function writeReference(path: string, text: string): Promise<void> {
  const file = join(ROOT, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  process.stderr.write(`Wrote ${path}\n`);
}
