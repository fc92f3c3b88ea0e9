/** kill -9 at any moment: no change is missing from the journal, and none is in it twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredEvent } from "../../src/store/mod.ts";
import { assertTrue, eventsOf, glance, parseEvents } from "../support/events.ts";
import { figures } from "../support/figures.ts";
import { Moments } from "../support/moments.ts";
import { needs } from "../support/needs.ts";
import { endProcesses, processesWith } from "../support/processes.ts";
import { rounds } from "../support/rounds.ts";
import { type Scenario, SCENARIOS, stage } from "../support/scenarios.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";
import { systemCalls, withFault } from "../support/system_calls.ts";

/** Every so many calls; other ones in each run, so that many short runs see all. */
const STEP = rounds(6, 1);

for (const scenario of SCENARIOS.slice(0, 5)) {
  const title =
    `a reader misses nothing and sees nothing twice, wherever ${scenario.name} is killed`;
  test(title, { skip: needs("strace") }, () => killAtEachCall(scenario));
}

async function killAtEachCall(scenario: Scenario): Promise<void> {
  const { lab, reset } = await stage(scenario);
  await using _ = lab;
  // Before it is run for the first time, so that nothing is kept that a killed run could still tell.
  const before = (await eventsOf(lab)).at(-1)?.cursor;
  const calls = await systemCalls(lab, scenario.args);
  const whole = (await eventsOf(lab, before)).map(glance);
  const counts = { calls: calls.length, kills: 0, cut: 0 };
  for (let i = Math.floor(Math.random() * STEP); i < calls.length; i += STEP) {
    await reset();
    const { isHit } = await withFault(lab, scenario.args, calls[i]!, "signal=KILL");
    await endProcesses(await processesWith(`HOME=${lab.env.HOME}`));
    if (isHit) counts.kills++;
    try {
      const seen = await eventsOf(lab, before);
      const came = seen.filter((it) => it.event !== "interrupted").map(glance);
      assert.deepEqual(came, whole.slice(0, came.length));
      if (came.length < whole.length) counts.cut++;
      await assertTrue(await eventsOf(lab), lab.state);
      // Whoever comes next goes on from there.
      await lab.kugetsu(i % 2 === 0 ? scenario.args : ["doctor", "--fix"]);
      const more = await eventsOf(lab, seen.at(-1)?.cursor ?? before);
      assert.deepEqual([...seen, ...more], await eventsOf(lab, before));
      await assertTrue(await eventsOf(lab), lab.state);
    } catch (error) {
      throw new Error(`killed before ${calls[i]!.text}`, { cause: error });
    }
  }
  figures(`kill -9 in ${scenario.name}, as told`, counts);
  assert.ok(counts.kills > 0 && counts.cut > 0, JSON.stringify(counts));
}

const ISSUES = Array.from({ length: 6 }, (_, i) => `github.com/shoko/kugetsu#${i + 1}`);

test("readers that are killed and come back see all that many commands did, once", async () => {
  await using lab = await makeStateFolder();
  const moments = new Moments();
  const followed: StoredEvent[] = [];
  const polled: StoredEvent[] = [];
  const done = { start: 0, continue: 0, destroy: 0 };
  const counts = { rounds: 0, commands: 0, kills: 0, events: 0 };
  for (; counts.rounds < rounds(10, 200); counts.rounds++) {
    const since = followed.at(-1)?.cursor;
    const follower = lab.spawn(["events", "-f", ...(since ? ["--since", since] : [])]);
    const refs = [...ISSUES].sort(() => Math.random() - 0.5).slice(0, 3);
    const killed = await Promise.all(refs.map((ref) => work(lab, moments, ref, done)));
    moments.learn(killed.filter(Boolean).length, refs.length);
    counts.commands += refs.length;
    counts.kills += killed.filter(Boolean).length;
    follower.kill("SIGKILL");
    const { stdout } = await follower.ended;
    followed.push(...parseEvents(stdout.slice(0, stdout.lastIndexOf("\n") + 1)));
    polled.push(...await eventsOf(lab, polled.at(-1)?.cursor));
  }
  followed.push(...await eventsOf(lab, followed.at(-1)?.cursor));
  const all = await eventsOf(lab);
  await assertTrue(all, lab.state);
  assert.deepEqual(polled, all);
  assert.deepEqual(followed, all);
  const count = (what: (it: StoredEvent) => boolean) => all.filter(what).length;
  // One that was killed may have done its work all the same.
  assert.ok(count((it) => it.event === "removed") >= done.destroy);
  assert.ok(count((it) => it.outcome === "done") >= done.start + done.continue);
  counts.events = all.length;
  figures("kill -9 of commands and readers", counts);
  assert.ok(counts.kills > 0 && done.start > 0 && done.continue > 0 && done.destroy > 0);
});

type Done = Record<"start" | "continue" | "destroy", number>;

/** Does what can be done to the issue, perhaps not to its end. Returns whether it was killed. */
async function work(
  lab: StateFolder,
  moments: Moments,
  ref: string,
  done: Done,
): Promise<boolean> {
  await lab.kugetsu(["doctor", "--fix"]);
  const { sessions } = await lab.json<{ sessions: { issue_ref: string }[] }>(["list"]);
  const has = sessions.some((it) => it.issue_ref === ref);
  const operation = !has ? "start" : Math.random() < 0.5 ? "continue" : "destroy";
  const more = { start: ["do it"], continue: [], destroy: ["-y", "--keep-session"] }[operation];
  const running = lab.spawn([operation, ref, ...more]);
  const { passed, cancel } = moments.wait();
  passed.then(() => running.kill("SIGKILL"));
  const { code, signal, stderr } = await running.ended.finally(cancel);
  if (signal === "SIGKILL") return true;
  assert.equal(code, 0, stderr);
  done[operation]++;
  return false;
}
