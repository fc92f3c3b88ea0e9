/** kill -9 at any moment: no change is missing from the journal, and none is in it twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredEvent } from "../../src/store/mod.ts";
import { assertTrue, eventsOf, glance, parseEvents } from "../support/events.ts";
import { figures } from "../support/figures.ts";
import { Moments } from "../support/moments.ts";
import { needs } from "../support/needs.ts";
import { endProcesses, processesWith } from "../support/processes.ts";
import { rounds, shuffled } from "../support/rounds.ts";
import { type Scenario, SCENARIOS, stage } from "../support/scenarios.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";
import { systemCalls, withFault } from "../support/system_calls.ts";

/** How many of the calls; other ones in each run. */
const MOST = rounds(2, Infinity);

for (const scenario of SCENARIOS.filter(({ name }) => !name.startsWith("doctor"))) {
  const title =
    `a reader misses nothing and sees nothing twice, wherever ${scenario.name} is killed`;
  test(title, { skip: needs("strace") }, () => killAtEachCall(scenario));
}

async function killAtEachCall(scenario: Scenario): Promise<void> {
  const { lab, reset } = await stage(scenario);
  await using _ = lab;
  // Before it is run for the first time, so that nothing is kept that a killed run could still tell.
  const before = (await eventsOf(lab)).at(-1)?.cursor;
  const calls = await systemCalls(lab, scenario);
  const whole = (await eventsOf(lab, before)).map(glance);
  const counts = { calls: calls.length, kills: 0, cut: 0 };
  const isEnough = () => counts.kills > 0 && (counts.cut > 0 || scenario.supervised);
  for (const [i, call] of shuffled(calls).entries()) {
    if (counts.kills >= MOST && isEnough()) break;
    await reset();
    const { isKilled } = await withFault(lab, scenario, call, "signal=KILL");
    await endProcesses(await processesWith(`HOME=${lab.env.HOME}`));
    if (isKilled) counts.kills++;
    try {
      const seen = await eventsOf(lab, before);
      const came = seen.filter((it) => it.event !== "interrupted").map(glance);
      // A supervisor that was killed is followed by the next one, which goes on.
      if (!scenario.supervised) assert.deepEqual(came, whole.slice(0, came.length));
      if (came.length < whole.length) counts.cut++;
      await assertTrue(await eventsOf(lab), lab.state);
      // Whoever comes next goes on from there.
      await lab.kugetsu(i % 2 === 0 ? scenario.args : ["doctor", "--fix"]);
      const more = await eventsOf(lab, seen.at(-1)?.cursor ?? before);
      assert.deepEqual([...seen, ...more], await eventsOf(lab, before));
      await assertTrue(await eventsOf(lab), lab.state);
    } catch (error) {
      throw new Error(`killed before ${call.text}`, { cause: error });
    }
  }
  figures(`kill -9 in ${scenario.name}, as told`, counts);
  assert.ok(isEnough(), JSON.stringify(counts));
}

const ISSUES = Array.from({ length: 6 }, (_, i) => `github.com/shoko/kugetsu#${i + 1}`);

test("readers that are killed and come back see all that many commands did, once", async () => {
  await using lab = await makeStateFolder();
  const moments = new Moments();
  const followed: StoredEvent[] = [];
  const polled: StoredEvent[] = [];
  const done = { start: 0, continue: 0, destroy: 0 };
  const counts = { rounds: 0, commands: 0, kills: 0, events: 0 };
  const isEnough = () => counts.kills > 0 && Object.values(done).every((it) => it > 0);
  // Where the machine is busy, most are killed until the moments have become later.
  const goesOn = () => counts.rounds < rounds(10, 200) || (!isEnough() && counts.rounds < 60);
  for (; goesOn(); counts.rounds++) {
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
  assert.ok(isEnough(), JSON.stringify({ counts, done }));
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
  const over = moments.once(() => running.kill("SIGKILL"));
  const { code, signal, stderr } = await running.ended.finally(over);
  if (signal === "SIGKILL") return true;
  assert.equal(code, 0, stderr);
  done[operation]++;
  return false;
}
