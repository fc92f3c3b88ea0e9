/** Each system call on the state folder fails once: what was there is there, and the command says what failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { figures } from "../support/figures.ts";
import { needs } from "../support/needs.ts";
import { assertRepairs } from "../support/promises.ts";
import { rounds } from "../support/rounds.ts";
import { type Scenario, SCENARIOS, stage } from "../support/scenarios.ts";
import { type Fault, type Faulted, systemCalls, withFault } from "../support/system_calls.ts";

/** Every so many of all the combinations; other ones in each run. */
const STEP = rounds(12, 1);
const FAULTS: Fault[] = ["error=EIO", "error=EACCES", "error=ENOSPC"];

/**
 * What only saves time or tells others more, and what gives a lock back after everything is done: without it the
 * command may still end well. Leftovers are tried for more than once.
 */
const COURTESY =
  /"STATE\/(?:run|locks|journal)|<STATE\/(?:run|locks|journal)|mkdir\("STATE"|unlink.*\.tmp"/;

for (const scenario of SCENARIOS) {
  const title = `${scenario.name} survives an error in every call on the folder`;
  test(title, { skip: needs("strace") }, () => failAtEachCall(scenario));
}

async function failAtEachCall(scenario: Scenario): Promise<void> {
  const { lab, reset, promises } = await stage(scenario);
  await using _ = lab;
  const calls = await systemCalls(lab, scenario.args, { reading: true });
  const cases = calls.flatMap((call) => FAULTS.map((fault) => ({ call, fault })));
  const counts = { combinations: cases.length, runs: 0, faults: 0, failures: 0 };
  for (let i = Math.floor(Math.random() * STEP); i < cases.length; i += STEP) {
    const { call, fault } = cases[i]!;
    await reset();
    const promised = promises();
    const result = await withFault(lab, scenario.args, call, fault);
    counts.runs++;
    if (!result.isHit) continue;
    counts.faults++;
    if (result.code !== 0) counts.failures++;
    scenario.tell(promised, result.code, result.stdout);
    try {
      assertTold(call.text, result, lab.state);
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

function assertTold(call: string, { code, stdout, stderr }: Faulted, state: string): void {
  if (COURTESY.test(call)) return assert.ok(code === 0 || code === 5, `exit ${code}`);
  assert.equal(code, 5);
  // The doctor's report is its result; whatever else fails says so on standard error.
  assert.ok(`${stderr}${stdout}`.includes(state), "the path is not named");
}
