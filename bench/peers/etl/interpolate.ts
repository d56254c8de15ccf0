import type { Context } from 'dyninka'
import interpolate from '../../../flows/etl/functions/interpolate.ts'
import type { Reading } from '../../../flows/etl/functions/parse.ts'
import { run, States } from './service.ts'

const states = new States<number[]>()

await run({
  name: 'interpolate',
  inputs: ['etl/known'],
  output: 'etl/complete',
  handle(payload) {
    const reading = JSON.parse(payload) as Reading
    const call = (ctx: object) => interpolate(reading, ctx as Context<{ state: number[] }>)
    return [states.with(reading.name, call)]
  },
})
