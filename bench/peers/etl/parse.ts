import type { Context } from 'dyninka'
import parse from '../../../flows/etl/functions/parse.ts'
import { run } from './service.ts'

await run({
  name: 'parse',
  inputs: ['gateways/+/senml', 'etl/senml'],
  output: 'etl/readings',
  handle: payload => parse(JSON.parse(payload), { record: { time: Date.now() } } as Context),
})
