import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { explore, type Model } from './explore.ts'

interface Checked<Scenario, Name extends string, Mistake extends string> {
  model(scenario: Scenario, mistake?: Mistake): Model<never> | Model<unknown>
  scenarios: Record<Name, Scenario>
  /** Where each mistake shows, and what it does. */
  mistakes: Record<Mistake, [where: NoInfer<Name>, problem: RegExp]>
}

/** A test for each scenario, in which nothing may go wrong, and one for each mistake, which must be found. */
export function checks<Scenario, Name extends string, Mistake extends string>(
  suite: Test,
  { model, scenarios, mistakes }: Checked<Scenario, Name, Mistake>,
) {
  const run = (where: Name, mistake?: Mistake) => explore(model(scenarios[where], mistake) as Model<unknown>)

  for (const name of Object.keys(scenarios) as Name[]) {
    suite(`whatever comes first, each record takes effect once: ${name}`, () => {
      const { states, failure } = run(name)
      assert.is(failure, undefined, failure && said(failure))
      console.log(`${states} states: ${name}`)
      assert.ok(states > 100, `${states} states are too few to mean anything`)
    })
  }

  for (const mistake of Object.keys(mistakes) as Mistake[]) {
    suite(`finds the mistake: ${mistake}`, () => {
      const [where, problem] = mistakes[mistake]
      const { failure } = run(where, mistake)
      assert.ok(failure, 'nothing was found')
      console.log(`\n${mistake}: ${said(failure)}`)
      assert.match(failure.problem, problem)
    })
  }
}

const said = ({ problem, trace }: { problem: string; trace: string[] }) =>
  `${problem}\n${trace.map(step => `  ${step}`).join('\n')}`
