import rangeFilter from '../../../flows/etl/functions/range-filter.ts'
import { run, some } from './service.ts'

await run({
  name: 'range-filter',
  inputs: ['etl/readings'],
  output: 'etl/plausible',
  handle: payload => some(rangeFilter(JSON.parse(payload))),
})
