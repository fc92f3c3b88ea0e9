/**
 * A process that makes entries in an index, one by one: `enter.ts FILE LOCK NAME COUNT`. With `-` for LOCK it does
 * so as if there were no lock, which is what a test of locks has to be able to tell apart.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { writeDurably } from "../../../src/platform/durable_write.ts";
import { lock } from "../../../src/store/lock.ts";

const [file = "", path = "", name = "", count = "0"] = process.argv.slice(2);

for (let i = 0; i < Number(count); i++) {
  const taken = path === "-" ? undefined : await lock(path, 30_000, `pid ${process.pid}`);
  if (path !== "-" && !taken) throw new Error("the lock was not to be had");
  const entries = JSON.parse(readFileSync(file, "utf8"));
  writeDurably(file, JSON.stringify({ ...entries, [`${name}-${i}`]: true }));
  taken?.release();
}
