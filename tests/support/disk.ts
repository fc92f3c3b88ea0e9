/**
 * File systems made for one test, which can be filled up or have their power cut. They need root (see needs.ts:
 * "loop", "tmpfs") and are gone at the end of the block, whatever happened in it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, statfs, truncate, writeFile } from "node:fs/promises";
import { run } from "../../scripts/_run.ts";
import type { Scratch } from "./scratch.ts";
import { until } from "./until.ts";

export interface Disk extends AsyncDisposable {
  readonly path: string;
}

/** A file system in memory. */
export interface SmallDisk extends Disk {
  /** Fills it up until just so much is left. */
  leave(kilobytes: number): Promise<void>;
}

/** An ext4 on a loop device. */
export interface FragileDisk extends Disk {
  /** Gets the switch ready, so that the cut is a matter of less than a millisecond when it comes. */
  arm(): Promise<() => Promise<void>>;
  /** Takes it away and mounts it again, as the next boot would. */
  reboot(): Promise<void>;
}

export async function makeSmallDisk(scratch: Scratch, kilobytes: number): Promise<SmallDisk> {
  const path = scratch.join("small-disk");
  await mkdir(path);
  await must("mount", "-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", path);
  const filler = `${path}/filler`;
  return {
    path,
    async leave(kilobytes) {
      await writeFile(filler, "");
      const { bavail, bsize } = await statfs(path);
      await writeFile(filler, new Uint8Array(Math.max(0, bavail * bsize - kilobytes * 1024)));
    },
    [Symbol.asyncDispose]: () => unmount(path),
  };
}

const EXT4_IOC_SHUTDOWN = 0x8004587d;
/** EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal is written out. */
const WITHOUT_FLUSH = 2;

export async function makeFragileDisk(scratch: Scratch): Promise<FragileDisk> {
  const [path, image] = [scratch.join("fragile-disk"), scratch.join("image")];
  await mkdir(path);
  await writeFile(image, "");
  await truncate(image, 32 * 1024 * 1024);
  await must("mkfs.ext4", "-q", "-F", image);
  // Without lazy work in the background a cut meets nothing but what the test itself does.
  const mount = () => must("mount", "-o", "loop,noinit_itable", image, path);
  await mount();
  return {
    path,
    arm: () => armSwitch(path),
    async reboot() {
      await unmount(path);
      await untilFree(image);
      await mount();
    },
    [Symbol.asyncDispose]: () => unmount(path),
  };
}

/**
 * A container that another test has just started has copies of all mounts, for a moment: as long as one is there, the
 * file system lives on, and would be mounted again as dead as it is.
 */
async function untilFree(image: string): Promise<void> {
  await until(`${image} is free`, async () => (await run("losetup", ["-j", image])).stdout === "");
}

const SWITCH = `
import fcntl, os, struct, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
print("armed", flush=True)
sys.stdin.readline()
fcntl.ioctl(folder, ${EXT4_IOC_SHUTDOWN}, struct.pack("I", ${WITHOUT_FLUSH}))
`;

async function armSwitch(path: string): Promise<() => Promise<void>> {
  const python = spawn("python3", ["-c", SWITCH, path], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(python, "exit");
  await Promise.race([once(python.stdout, "data"), ended]);
  return async () => {
    python.stdin.end("cut\n");
    const [code] = await ended;
    if (code !== 0) throw new Error(`the power of ${path} could not be cut`);
  };
}

/** Waits for processes that are about to end. `mount -o loop` has the kernel free the loop device with it. */
async function unmount(path: string): Promise<void> {
  for (let tries = 1;; tries++) {
    const { code, stderr } = await run("umount", [path]);
    if (code === 0) return;
    if (tries === 50) throw new Error(`umount ${path}: ${stderr}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.at(-1)}: ${stderr}`);
}
