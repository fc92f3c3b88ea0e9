/** kill -9 right before each system call that changes the state folder, one run for each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { figures } from "../support/figures.ts";
import { needs } from "../support/needs.ts";
import { endProcesses, processesWith } from "../support/processes.ts";
import { assertRepairs, type Promises } from "../support/promises.ts";
import { rounds, shuffled } from "../support/rounds.ts";
import { assertGoesOn, type Scenario, SCENARIOS, stage } from "../support/scenarios.ts";
import type { StateFolder } from "../support/state_folder.ts";
import { systemCalls, withFault } from "../support/system_calls.ts";

/** How many of the calls; other ones in each run. */
const MOST = rounds(2, Infinity);

for (const scenario of SCENARIOS) {
  const title = `${scenario.name} can be killed before every change it makes`;
  test(title, { skip: needs("strace") }, () => killAtEachCall(scenario));
}

async function killAtEachCall(scenario: Scenario): Promise<void> {
  const { lab, reset, promises } = await stage(scenario);
  await using _ = lab;
  const calls = await systemCalls(lab, scenario);
  const counts = { calls: calls.length, runs: 0, kills: 0 };
  for (const call of shuffled(calls)) {
    if (counts.kills >= MOST) break;
    await reset();
    const promised = promises();
    const result = await withFault(lab, scenario, call, "signal=KILL");
    const { isKilled, code, stdout, stderr } = result;
    counts.runs++;
    // Looking for processes makes as many calls as there are: a kill that met another one is a kill all the same.
    if (isKilled) counts.kills++;
    scenario.tell(promised, code, stdout);
    await endProcesses(await processesWith(`HOME=${lab.env.HOME}`));
    try {
      assertGoesOn(scenario, promised, result);
      // Whoever waits for a turn is told how it ended, by the next supervisor.
      if (scenario.supervised) assert.ok(code === 0 || code === 6, `exit ${code}: ${stderr}`);
      // Half of the time somebody just tries again, half of the time the doctor is called first.
      const triesFirst = Math.random() < 0.5;
      if (triesFirst) await tryAgain(lab, scenario, promised);
      await assertRepairs(lab);
      await promised.check(lab.state);
      if (!triesFirst) await tryAgain(lab, scenario, promised);
    } catch (error) {
      throw new Error(`killed before ${call.text}`, { cause: error });
    }
  }
  figures(`kill -9 in ${scenario.name}`, counts);
  assert.ok(
    counts.kills >= Math.min(MOST, counts.runs / 2),
    `only ${counts.kills} kills in ${counts.runs} runs`,
  );
}

async function tryAgain(lab: StateFolder, scenario: Scenario, promised: Promises): Promise<void> {
  const { code, stdout, stderr } = await lab.kugetsu(scenario.args);
  assert.ok(scenario.again.includes(code!), `trying again: ${code}: ${stderr}`);
  if (code === 0) scenario.tell(promised, 0, stdout);
}
