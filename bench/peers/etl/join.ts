import type { Context } from 'dyninka'
import join, { type Observation } from '../../../flows/etl/functions/join.ts'
import type { Reading } from '../../../flows/etl/functions/parse.ts'
import { run, States, some } from './service.ts'

type Open = Record<string, Observation>
const states = new States<Open>()

await run({
  name: 'join',
  inputs: ['etl/complete'],
  output: 'etl/observations',
  handle(payload) {
    const reading = JSON.parse(payload) as Reading
    const call = (ctx: object) => join(reading, ctx as Context<{ state: Open }>)
    return some(states.with(reading.device, call))
  },
})
