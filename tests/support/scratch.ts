/** Scratch folders for tests: made anew, and removed with all that is in them when the test ends. */
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder of its own; `await using scratch = await makeScratch()` removes it at the end of the block. */
export interface Scratch extends AsyncDisposable {
  /** Without symbolic links, as programs report it. */
  readonly path: string;
  join(...parts: string[]): string;
  /** Writes a file and the folders it needs; returns its path. */
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
}

export async function makeScratch(label = "test"): Promise<Scratch> {
  const path = await realpath(await mkdtemp(join(tmpdir(), `kugetsu-${label}-`)));
  return {
    path,
    join: (...parts) => join(path, ...parts),
    write: (name, content, mode = 0o644) => write(join(path, name), content, mode),
    [Symbol.asyncDispose]: () => removeTree(path),
  };
}

async function write(file: string, content: string | Uint8Array, mode: number): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

/** Removes a tree even if a test took away the rights to its folders, or a dying process still writes. */
async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 };
  await rm(path, options).catch(async () => {
    await unlockFolders(path);
    await rm(path, options);
  });
}

async function unlockFolders(path: string): Promise<void> {
  await chmod(path, 0o700).catch(() => {});
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlockFolders(join(path, entry.name));
  }
}
