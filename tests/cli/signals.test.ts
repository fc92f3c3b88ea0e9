import { describe, test } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { endOf, start } from "../support/running.ts";

const SOURCE = new URL("../../src/cli/signals.ts", import.meta.url).href;

/** A process that works until it is stopped, says what it sees, and can be ended by any signal once it is done. */
function worker() {
  const script = `
    import { untilStopped } from "${SOURCE}";
    const say = (text) => console.log(text);
    const outcome = await untilStopped((signal) => {
      say("working");
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          say("stopped by " + signal.reason);
          setTimeout(() => resolve("result"), 200);
        });
      });
    }, () => say("stopping"));
    say(outcome);
    say("done");
    setTimeout(() => {}, 60_000);`;
  return start(process.execPath, ["eval", "--quiet", script], {
    cwd: process.cwd(),
    env: { ...process.env } as Record<string, string>,
  });
}

describe("while a turn runs", () => {
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    test(`${name} stops it once, and what it comes to is still awaited`, async () => {
      const running = worker();
      try {
        await running.sees(/working/);
        running.kill(name);
        await running.sees(/stopped by/);
        running.kill("SIGINT");
        running.kill("SIGTERM");
        await running.sees(/done/);
        assert.equal(running.stdout(), `working\nstopping\nstopped by ${name}\nresult\ndone\n`);
      } finally {
        running.kill("SIGKILL");
      }
    });
  }

  test("losing the terminal does not stop it", async () => {
    const running = worker();
    try {
      await running.sees(/working/);
      running.kill("SIGHUP");
      await new Promise((later) => setTimeout(later, 200));
      assert(running.isRunning());
      assert.equal(running.stdout(), "working\n");
      running.kill("SIGTERM");
      await running.sees(/done/);
    } finally {
      running.kill("SIGKILL");
    }
  });
});

test("after a turn signals mean again what they always mean", async () => {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const running = worker();
    await running.sees(/working/);
    running.kill("SIGINT");
    await running.sees(/done/);
    running.kill(name);
    const { signal } = await endOf(running, 10_000);
    assert.equal(signal, name);
  }
});
