/** The memory of all processes of a world together, while something runs in it. */
import { readFile } from "node:fs/promises";
import { processesWith } from "../tests/support/processes.ts";

const SAMPLE_MS = 200;

/** How long the work took, and the most memory that the processes with this `NAME=value` had meanwhile. */
export async function peakOf(
  variable: string,
  work: () => Promise<unknown>,
): Promise<{ ms: number; bytes: number }> {
  let isOver = false;
  let bytes = 0;
  const sampling = (async () => {
    while (!isOver) {
      bytes = Math.max(bytes, await memoryOf(await processesWith(variable)));
      await new Promise((later) => setTimeout(later, SAMPLE_MS));
    }
  })();
  const began = performance.now();
  let ms: number;
  try {
    await work();
    ms = performance.now() - began;
  } finally {
    isOver = true;
    await sampling;
  }
  return { ms, bytes };
}

/** What they share counts once: each has its part of it (PSS). */
export async function memoryOf(pids: number[]): Promise<number> {
  const parts = await Promise.all(pids.map(async (pid) => {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  }));
  return parts.reduce((sum, part) => sum + part, 0);
}
