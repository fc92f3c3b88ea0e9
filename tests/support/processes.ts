/** Finding and ending the processes that a test left behind, by what only they carry in their environment. */
import { readdir, readFile } from "node:fs/promises";
import process from "node:process";

/** The processes whose environment has exactly this `NAME=value`; none where there is no /proc. */
export async function processesWith(variable: string): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  const pids = entries.map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found = await Promise.all(pids.map(async (pid) => {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    return environment.split("\0").includes(variable) ? [pid] : [];
  }));
  return found.flat();
}

/** The words that a process was called with; none of one that is gone. */
export async function commandLine(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.split("\0").filter((word) => word !== "");
}

/** Kills processes and returns when they are gone. */
export async function endProcesses(pids: number[]): Promise<void> {
  const deadline = Date.now() + 5000;
  for (const pid of pids) signal(pid, "SIGKILL");
  while (pids.some((pid) => signal(pid, 0)) && Date.now() < deadline) {
    await new Promise((later) => setTimeout(later, 20));
  }
}

/** Whether the process was there to be signalled. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
