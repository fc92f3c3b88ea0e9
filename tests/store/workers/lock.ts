/**
 * A process that takes a lock: `lock.ts PATH WHAT…`, each WHAT done in turn.
 *
 * `take MS` prints `taken` or `busy`, `look` prints `held` or `free`, `poke` looks at the lock and tries for it again
 * from this very process, `say WORD` prints it, and `stay`, the last, has the memory cleaned up and waits to be
 * killed.
 */
import process from "node:process";
import { type HeldLock, isHeld, lock, tryLock } from "../../../src/store/lock.ts";

const [path = "", ...orders] = process.argv.slice(2);

/** Does what is ordered. What it took is known to nobody once it returns, but still held. */
async function work(): Promise<void> {
  let taken: HeldLock | undefined;
  while (orders.length > 0) {
    switch (orders.shift()) {
      case "take":
        taken = await lock(path, Number(orders.shift()), `pid ${process.pid}`);
        say(taken ? "taken" : "busy");
        break;
      case "look":
        say(await isHeld(path) ? "held" : "free");
        break;
      case "stay":
        // Goes on below, out of reach of `taken`: a lock must not hang on what its taker happens to remember.
        return;
      case "poke":
        await poke();
        break;
      case "say":
        say(orders.shift()!);
    }
  }
  process.exit(0);
}

async function poke(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    if (!await isHeld(path)) say("not held");
    if (await tryLock(path, "the same process again")) say("taken twice");
  }
}

async function litter(): Promise<void> {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("no garbage collector within reach");
  for (let i = 0; i < 30; i++) {
    const waste = Array.from({ length: 20_000 }, (_, n) => ({ n, text: `waste ${n}` }));
    if (waste.length > 0) collect();
    await new Promise((later) => setTimeout(later, 1));
  }
}

function say(word: string): void {
  process.stdout.write(`${word}\n`);
}

await work();
await litter();
say("collected");
setInterval(() => {}, 60_000);
