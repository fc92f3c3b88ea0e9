import { describe, mock, test } from "node:test";
import assert from "node:assert/strict";
import { Watchdog } from "../../src/runner/watchdog.ts";

const LIMITS = { firstEvent: 10, silence: 20, total: 100 };

/** Runs a scene with a clock that stands still until it is told to go on; returns what the watchdog called. */
function scene(play: (dog: Watchdog, wait: (seconds: number) => void) => void): string[] {
  const calls: string[] = [];
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const dog = new Watchdog(LIMITS, (limit, seconds) => calls.push(`${limit} ${seconds}`));
    play(dog, (seconds) => mock.timers.tick(seconds * 1000));
    // Nothing may come later than now, however long one waits.
    const before = calls.length;
    dog.stop();
    mock.timers.tick(1_000_000);
    assert.equal(calls.length, before, "it called after it was stopped");
  } finally {
    mock.timers.reset();
  }
  return calls;
}

describe("the watchdog", () => {
  test("calls when there is no first sign of life", () => {
    assert.deepEqual(scene((dog, wait) => (dog.start(), wait(9.9))), []);
    assert.deepEqual(scene((dog, wait) => (dog.start(), wait(10))), ["first-event 10"]);
  });

  test("calls when one sign of life is not followed by another", () => {
    const calls = scene((dog, wait) => {
      dog.start();
      wait(9);
      dog.sign();
      wait(19);
      dog.sign();
      wait(19);
      dog.sign();
      wait(20);
    });
    assert.deepEqual(calls, ["silence 20"]);
  });

  test("calls when it takes too long in all, however lively it is", () => {
    const calls = scene((dog, wait) => {
      dog.start();
      for (let second = 0; second < 99; second++) {
        dog.sign();
        wait(1);
      }
      dog.sign();
      wait(1);
    });
    assert.deepEqual(calls, ["total 100"]);
  });

  test("takes a sign before the start for the first one", () => {
    const calls = scene((dog, wait) => {
      dog.sign();
      dog.start();
      wait(19);
    });
    assert.deepEqual(calls, []);
  });

  test("calls once, even if there are signs of life after that", () => {
    const calls = scene((dog, wait) => {
      dog.start();
      wait(10);
      dog.sign();
      wait(1000);
      dog.start();
      wait(1000);
    });
    assert.deepEqual(calls, ["first-event 10"]);
  });

  test("that is stopped stays so, even if there are signs of life after that", () => {
    const calls = scene((dog, wait) => {
      dog.start();
      dog.stop();
      dog.sign();
      wait(1000);
    });
    assert.deepEqual(calls, []);
  });

  test("never calls when it is not started", () => {
    assert.deepEqual(scene((_, wait) => wait(1000)), []);
  });
});
