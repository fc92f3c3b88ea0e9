/**
 * opencode's catalogue of models as it fetches it, which no test may. The executable carries a copy for hosts without a
 * network; it is taken from there, so that what is measured is as large as what people have.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where the copy begins: a function that returns it. */
const BEFORE = ".sync(()=>({deepinfra:{id:";

/** The catalogue of an opencode executable of the pinned version, as JSON. */
export async function catalogueOf(executable: string): Promise<string> {
  const text = (await readFile(executable)).toString("utf8");
  const at = text.indexOf(BEFORE);
  if (at < 0) throw new Error(`${executable} does not have its catalogue where it is looked for`);
  const from = at + BEFORE.indexOf("{");
  const value = new Function(`return ${text.slice(from, endOfObject(text, from))}`)();
  return JSON.stringify(value);
}

/** Puts it where opencode keeps what it has fetched. */
export async function giveCatalogue(home: string, catalogue: string): Promise<void> {
  const path = join(home, ".cache", "opencode", "models.json");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, catalogue);
}

/** Behind the brace that closes the one at `from`. */
function endOfObject(text: string, from: number): number {
  let depth = 0;
  for (const { 0: token, index } of text.slice(from).matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") depth++;
    if (token === "}" && --depth === 0) return from + index + 1;
  }
  throw new Error("the catalogue has no end");
}
