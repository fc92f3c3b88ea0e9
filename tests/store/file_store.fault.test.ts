/** Each system call on the state folder fails once: what was there is there, and the command says what failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { figures } from "../support/figures.ts";
import { needs } from "../support/needs.ts";
import { assertRepairs } from "../support/promises.ts";
import { rounds, shuffled } from "../support/rounds.ts";
import { assertGoesOn, type Scenario, SCENARIOS, stage } from "../support/scenarios.ts";
import { type Fault, type Faulted, systemCalls, withFault } from "../support/system_calls.ts";

/** How many of all the combinations; other ones in each run. */
const MOST = rounds(2, Infinity);
const FAULTS: Fault[] = ["error=EIO", "error=EACCES", "error=ENOSPC"];

/**
 * What only saves time or tells others more, and what gives a lock back after everything is done: without it the
 * command may still end well. Leftovers are tried for more than once; a new journal begins with a list of what there
 * is, or with the next change; a folder whose real name cannot be had goes by the name that was given; the
 * index is looked at before its lock is taken, and again with it.
 */
const COURTESY =
  /["<]STATE\/(?:run|locks|journal|logs)|mkdir\("STATE"|unlink.*\.tmp"|STATE\/(?:sessions|worktrees)".*O_DIRECTORY|"STATE",.*O_PATH|"STATE\/index\.json", O_RDONLY/;
/** The mailbox is put in order after the turn, which is done by then. */
const AFTERWARDS = /["<]STATE\/turns/;

for (const scenario of SCENARIOS) {
  const title = `${scenario.name} survives an error in every call on the folder`;
  test(title, { skip: needs("strace") }, () => failAtEachCall(scenario));
}

async function failAtEachCall(scenario: Scenario): Promise<void> {
  const { lab, reset, promises } = await stage(scenario);
  await using _ = lab;
  const calls = await systemCalls(lab, scenario, { reading: true });
  const cases = calls.flatMap((call) => FAULTS.map((fault) => ({ call, fault })));
  const counts = { combinations: cases.length, runs: 0, faults: 0, failures: 0 };
  for (const { call, fault } of shuffled(cases)) {
    if (counts.faults >= MOST) break;
    await reset();
    const promised = promises();
    const result = await withFault(lab, scenario, call, fault);
    counts.runs++;
    if (!result.isHit) continue;
    counts.faults++;
    if (result.code !== 0) counts.failures++;
    scenario.tell(promised, result.code, result.stdout);
    try {
      assertTold(call.text, result, lab.state);
      assertGoesOn(scenario, promised, result);
      await assertRepairs(lab);
      await promised.check(lab.state);
    } catch (error) {
      const how = `${fault} in ${call.text}: exit ${result.code}\n${result.stdout}${result.stderr}`;
      throw new Error(how, { cause: error });
    }
  }
  figures(`errors in ${scenario.name}`, counts);
  assert.ok(counts.faults > 0, `only ${counts.faults} faults in ${counts.runs} runs`);
}

function assertTold(call: string, result: Faulted, state: string): void {
  const { code, stdout, stderr, supervisor } = result;
  const mayBeWell = COURTESY.test(call) || (supervisor && AFTERWARDS.test(call));
  // One that could not come up is replaced.
  if (code === 0 && (mayBeWell || supervisor?.isUp === false)) return;
  assert.equal(code, 5);
  // The doctor's report is its result; whatever else fails says so on standard error.
  assert.ok(`${stderr}${stdout}`.includes(state), "the path is not named");
}
